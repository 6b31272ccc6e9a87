"""The connection to a Cassandra cluster: one session, its execution profiles, prepared statements.

A datastore opens its connections when it is made, in the process that made it: make it after a
fork, never before, since the driver's threads and sockets do not survive one. Share it between
threads. Close it at the end.
"""

import socket
from ssl import SSLContext
from threading import Lock
from typing import Any

from cassandra import ConsistencyLevel
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, Session
from cassandra.policies import ExponentialReconnectionPolicy, FallthroughRetryPolicy
from cassandra.query import PreparedStatement, dict_factory
from eventsourcing.persistence import OperationalError

from eventstore_cassandra.balancing import SuspectsLast
from eventstore_cassandra.counters import Counters
from eventstore_cassandra.errors import DRIVER_ERRORS, describe, library_errors
from eventstore_cassandra.settings import Settings, level
from eventstore_cassandra.waiting import WAITING, Waiting

APPEND = "append"
"""Profile of conditional writes."""
SERIAL_READ = "serial-read"
"""Profile of reads that first complete or supersede what is under way in the partition."""
LOOK_READ = "look-read"
"""Profile of reads at the usual consistency, of rows that are read by column name."""
SCHEMA = "schema"
"""Profile of schema changes, which take seconds in a ring."""

_PROTOCOL_VERSION = 5
_SCHEMA_TIMEOUT = 60.0
_RECONNECT_WITHIN = 10.0


class CassandraDatastore:
    """A session on the cluster that the settings name.

    :raises OperationalError: when no node can be reached, or the password is wrong.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.counters = Counters()
        self.waiting: Waiting = WAITING
        self._statements: dict[str, PreparedStatement] = {}
        self._lock = Lock()
        balancing = SuspectsLast(settings.local_datacenter)
        tls = settings.ssl_context()
        cluster: Cluster | None = None
        try:
            cluster = self._cluster = _cluster(settings, balancing, tls)
            self.session: Session = cluster.connect()
        except (*DRIVER_ERRORS, OSError) as e:
            if cluster:
                cluster.shutdown()
            raise OperationalError(
                f"Cannot connect to Cassandra at {','.join(settings.contact_points)} port "
                f"{settings.port}: {describe(e)}. Check that it runs, and CASSANDRA_CONTACT_POINTS,"
                " CASSANDRA_PORT, CASSANDRA_LOCAL_DATACENTER, CASSANDRA_USERNAME, "
                "CASSANDRA_PASSWORD and CASSANDRA_TLS."
            ) from e
        self.session.default_fetch_size = settings.page_size
        self.session.add_request_init_listener(balancing.watch)

    def prepare(self, query: str) -> PreparedStatement:
        """Return the prepared statement; ``{keyspace}`` in the query is filled in."""
        with self._lock:
            statement = self._statements.get(query)
            if statement is None:
                with library_errors("Cannot prepare a statement"):
                    statement = self.session.prepare(self.in_keyspace(query))
                self._statements[query] = statement
            return statement

    def in_keyspace(self, query: str) -> str:
        """Return the query with the name of the keyspace instead of ``{keyspace}``."""
        return query.replace("{keyspace}", quoted(self.settings.keyspace))

    def execute(self, statement: Any, profile: str | None = None) -> Any:
        """Execute a statement; the driver's errors pass through.

        Rows are dictionaries under the profiles of this module, tuples with names otherwise.
        """
        return self.session.execute(statement, execution_profile=profile or EXEC_PROFILE_DEFAULT)

    def close(self) -> None:
        """Close all connections; closing again does nothing."""
        self._cluster.shutdown()


def quoted(name: str) -> str:
    """Return a name in quotes, so that it may be a word of CQL's own, like ``order``.

    It stays the name that it is without quotes, which CQL takes in small letters.
    """
    return name if name.startswith('"') else f'"{name.lower()}"'


def _cluster(settings: Settings, balancing: SuspectsLast, tls: SSLContext | None) -> Cluster:
    return Cluster(
        contact_points=settings.contact_points,
        port=settings.port,
        protocol_version=_PROTOCOL_VERSION,
        auth_provider=PlainTextAuthProvider(settings.username, settings.password)
        if settings.username is not None
        else None,
        ssl_context=tls,
        execution_profiles=_profiles(settings, balancing),
        connect_timeout=settings.connect_timeout,
        # Without this the kernel holds back the end of a larger statement for 40 ms.
        sockopts=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        # The driver's own upper bound of ten minutes outlasts most outages by far.
        reconnection_policy=ExponentialReconnectionPolicy(0.5, _RECONNECT_WITHIN),
    )


def _profiles(settings: Settings, balancing: SuspectsLast) -> dict[object, ExecutionProfile]:
    serial = level(settings.serial_consistency)
    common = {
        "load_balancing_policy": balancing,
        "serial_consistency_level": serial,
        "request_timeout": settings.request_timeout,
    }
    return {
        EXEC_PROFILE_DEFAULT: ExecutionProfile(
            consistency_level=level(settings.read_consistency), **common
        ),
        LOOK_READ: ExecutionProfile(
            consistency_level=level(settings.read_consistency),
            row_factory=dict_factory,
            **common,
        ),
        # The default policy would repeat a conditional write at another node, and an append could
        # then be told that it conflicts with itself.
        APPEND: ExecutionProfile(
            consistency_level=level(settings.append_consistency),
            retry_policy=FallthroughRetryPolicy(),
            row_factory=dict_factory,
            **common,
        ),
        SERIAL_READ: ExecutionProfile(
            consistency_level=serial,
            retry_policy=FallthroughRetryPolicy(),
            row_factory=dict_factory,
            **common,
        ),
        SCHEMA: ExecutionProfile(
            load_balancing_policy=balancing,
            consistency_level=ConsistencyLevel.QUORUM,
            request_timeout=_SCHEMA_TIMEOUT,
            row_factory=dict_factory,
        ),
    }
