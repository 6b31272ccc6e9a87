"""The connection to a Cassandra cluster: one session, its execution profiles, prepared statements.

A datastore opens its connections when it is made, in the process that made it: make it after a
fork, never before, since the driver's threads and sockets do not survive one; a request would wait
for ever, and is refused instead. Share it between threads. Close it at the end.
"""

from collections.abc import Callable, Sequence
from os import getpid
from threading import Lock
from typing import Any, TypeVar

from cassandra.cluster import (
    EXEC_PROFILE_DEFAULT,
    Cluster,
    ResponseFuture,
    Session,
)
from cassandra.concurrent import execute_concurrent_with_args
from cassandra.pool import Host
from cassandra.query import PreparedStatement
from eventsourcing.persistence import OperationalError

from eventstore_cassandra.balancing import SuspectsLast
from eventstore_cassandra.busy_connections import when_there_is_room
from eventstore_cassandra.cluster import open_cluster
from eventstore_cassandra.contact_names import ContactNames
from eventstore_cassandra.counters import Counters
from eventstore_cassandra.errors import (
    DRIVER_ERRORS,
    ConnectionUnusableError,
    describe,
    library_errors,
)
from eventstore_cassandra.profiles import PLAIN_READ
from eventstore_cassandra.reads import Rows, ask, is_read
from eventstore_cassandra.settings import Settings
from eventstore_cassandra.waiting import WAITING, Waiting

T = TypeVar("T")


class CassandraDatastore:
    """A session on the cluster that the settings name.

    :raises OperationalError: when no node can be reached, or the password is wrong.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.counters = Counters()
        self._process = getpid()
        self._is_closed = False
        self.waiting: Waiting = WAITING
        self._statements: dict[str, PreparedStatement] = {}
        self._lock = Lock()
        names = ContactNames(settings)
        balancing = SuspectsLast(settings.local_datacenter, names.resolve)
        tls = settings.ssl_context()
        cluster: Cluster | None = None
        try:
            cluster = self._cluster = open_cluster(settings, names, balancing, tls)
            self._session: Session = cluster.connect()
        except (*DRIVER_ERRORS, OSError) as e:
            if cluster:
                cluster.shutdown()
            raise OperationalError(
                f"Cannot connect to Cassandra at {','.join(settings.contact_points)} port "
                f"{settings.port}: {describe(e)}. Check that it runs, and CASSANDRA_CONTACT_POINTS,"
                " CASSANDRA_PORT, CASSANDRA_LOCAL_DATACENTER, CASSANDRA_USERNAME, "
                "CASSANDRA_PASSWORD and CASSANDRA_TLS."
            ) from e
        self._session.default_fetch_size = settings.page_size
        self._session.add_request_init_listener(self._refuse_or_watch, balancing)
        self._session.prepare = self._prepare_here(self._session.prepare)

    @property
    def session(self) -> Session:
        """The driver's session, for what the methods here do not do.

        :raises ConnectionUnusableError: in a process that was forked off, and after :meth:`close`;
            so does every request of a session that was taken from here before.
        """
        self.require_usable()
        return self._session

    def require_usable(self) -> None:
        """Check that requests can be made here and now.

        :raises ConnectionUnusableError: as for :attr:`session`.
        """
        if getpid() != self._process:
            raise ConnectionUnusableError(
                f"Expected the process {self._process}, which opened the connection to Cassandra, "
                f"found process {getpid()}, which was forked off it. The driver's threads and "
                "sockets do not survive a fork: make the application, or the datastore, after the "
                "fork."
            )
        if self._is_closed:
            raise ConnectionUnusableError(
                "The connection to Cassandra is closed. Make another application, or datastore."
            )

    def prepare(self, query: str) -> PreparedStatement:
        """Return the prepared statement; ``{keyspace}`` in the query is filled in."""
        session = self.session
        with self._lock:
            statement = self._statements.get(query)
            if statement is None:
                filled_in = self.in_keyspace(query)
                with library_errors("Cannot prepare a statement"):
                    statement = ask(
                        lambda: self._with_room(lambda: session.prepare(filled_in)),
                        attempts=self.settings.read_attempts,
                    )
                self._statements[query] = statement
            return statement

    def in_keyspace(self, query: str) -> str:
        """Return the query with the name of the keyspace instead of ``{keyspace}``."""
        return query.replace("{keyspace}", quoted(self.settings.keyspace))

    def execute(self, statement: Any, profile: str | None = None) -> Any:
        """Execute a statement; the driver's errors pass through.

        A read (SELECT), and each further page of it, is asked for again if no answer comes;
        anything else is sent once. Rows are dictionaries under the profiles of this package, plain
        tuples under ``PLAIN_READ``, and tuples with names without a profile.
        """
        return self._execute(statement, profile or EXEC_PROFILE_DEFAULT)

    def begin(self, statement: Any, profile: str) -> ResponseFuture:
        """Send a statement once, and return at once; the driver's errors pass through."""
        return self.session.execute_async(statement, execution_profile=profile)

    def execute_at(self, host: Host, statement: Any) -> Any:
        """Do the same at one node, where only that one knows."""
        return self._execute(statement, PLAIN_READ, host)

    def _execute(self, statement: Any, profile: object, host: Host | None = None) -> Any:
        session = self.session

        def request(paging_state: bytes | None = None) -> Any:
            return self._with_room(
                lambda: session.execute(
                    statement, execution_profile=profile, paging_state=paging_state, host=host
                )
            )

        if is_read(statement):
            return Rows(request, attempts=self.settings.read_attempts)
        return request()

    def read_concurrently(
        self,
        statement: PreparedStatement,
        arguments: Sequence[Sequence[Any]],
        profile: str | None = None,
        *,
        concurrency: int,
    ) -> list[list[Any]]:
        """Return the rows for each of the arguments; so many reads are under way at a time.

        They are asked for again if one of them is not answered; the driver's errors pass through.
        """
        session = self.session

        def request() -> list[list[Any]]:
            results = execute_concurrent_with_args(
                session,
                statement,
                arguments,
                concurrency=concurrency,
                execution_profile=profile or PLAIN_READ,
            )
            return [list(result.result_or_exc) for result in results]

        return ask(lambda: self._with_room(request), attempts=self.settings.read_attempts)

    def _with_room(self, request: Callable[[], T]) -> T:
        return when_there_is_room(request, within=self.settings.request_timeout)

    def close(self) -> None:
        """Close all connections; closing again does nothing, nor does it in a forked process."""
        self._is_closed = True
        if getpid() == self._process:
            self._cluster.shutdown()

    def _refuse_or_watch(self, request: ResponseFuture, balancing: SuspectsLast) -> None:
        self.require_usable()
        balancing.watch(request)

    def _prepare_here(self, prepare: Callable[..., PreparedStatement]) -> Any:
        """Return the session's method with the check, which its requests pass by otherwise."""

        def checked(*args: Any, **kwargs: Any) -> PreparedStatement:
            self.require_usable()
            return prepare(*args, **kwargs)

        return checked


def quoted(name: str) -> str:
    """Return a name in quotes, so that it may be a word of CQL's own, like ``order``.

    It stays the name that it is without quotes, which CQL takes in small letters.
    """
    return name if name.startswith('"') else f'"{name.lower()}"'
