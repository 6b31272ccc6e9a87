"""What a process has of the simulated Cassandra: the real datastore, over a session in memory."""

from collections import namedtuple
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from os import getpid
from threading import Lock
from typing import Any, NamedTuple

from cassandra import ConsistencyLevel
from cassandra.cluster import EXEC_PROFILE_DEFAULT, ResultSet
from cassandra.query import BatchStatement, PreparedStatement, dict_factory

from eventstore_cassandra.balancing import SuspectsLast
from eventstore_cassandra.counters import Counters
from eventstore_cassandra.datastore import CassandraDatastore
from eventstore_cassandra.errors import DRIVER_ERRORS
from eventstore_cassandra.profiles import profiles
from eventstore_cassandra.settings import Settings
from eventstore_cassandra.waiting import Waiting
from tests.simulation.cql import parse
from tests.simulation.replicas import Route
from tests.simulation.statements import Bound, Rows, Server

_SERIAL = (ConsistencyLevel.SERIAL, ConsistencyLevel.LOCAL_SERIAL)
_PROFILES = profiles(Settings(), SuspectsLast(None, tuple))


class Request(NamedTuple):
    """What is sent, as far as the network between may want to know it."""

    table: str
    is_write: bool


Send = Callable[[Request, Callable[[Route], Rows]], Rows]
"""Carries a request out, at some route, and returns its answer; or raises the driver's error."""


class _Prepared(PreparedStatement):  # type: ignore[misc]
    """A statement whose text is its name, so that a batch says what is in it."""

    def __init__(self, query: str) -> None:
        parse(query)
        super().__init__([], query, None, query, None, 5, None, None)

    def bind(self, values: Sequence[Any]) -> "_BoundStatement":
        return _BoundStatement(self.query_string, values)


class _BoundStatement:
    keyspace = routing_key = custom_payload = None

    def __init__(self, query: str, values: Sequence[Any]) -> None:
        self.query = query
        self.values = list(values)


class _Answered:
    """What the driver's ``ResponseFuture`` is once it has its answer."""

    has_more_pages = False
    _col_types = None

    def __init__(self, rows: Sequence[Any], names: Sequence[str]) -> None:
        self._rows = rows
        self._col_names = names

    def add_callbacks(
        self,
        callback: Callable[..., object],
        errback: Callable[..., object],
        callback_args: tuple[Any, ...] = (),
        callback_kwargs: object = None,
        errback_args: tuple[Any, ...] = (),
        errback_kwargs: object = None,
    ) -> None:
        callback(self._rows, *callback_args)

    def clear_callbacks(self) -> None:
        """Do nothing: they were called."""

    def result(self) -> Any:
        return ResultSet(self, self._rows)


class _Failed(_Answered):
    """The same, if that is an error."""

    def __init__(self, error: BaseException) -> None:
        super().__init__((), ())
        self._error = error

    def add_callbacks(
        self,
        callback: Callable[..., object],
        errback: Callable[..., object],
        callback_args: tuple[Any, ...] = (),
        callback_kwargs: object = None,
        errback_args: tuple[Any, ...] = (),
        errback_kwargs: object = None,
    ) -> None:
        errback(self._error, *errback_args)

    def result(self) -> Any:
        raise self._error


class _Session:
    hosts: Sequence[Any] = ()

    def __init__(self, server: Server, send: Send, waiting: Waiting) -> None:
        self._server = server
        self._send = send
        self._waiting = waiting

    def prepare(self, query: str) -> _Prepared:
        return _Prepared(query)

    def execute(
        self,
        statement: Any,
        parameters: Sequence[Any] = (),
        execution_profile: object = EXEC_PROFILE_DEFAULT,
        **_: object,
    ) -> Any:
        return self.execute_async(statement, parameters, execution_profile).result()

    def execute_async(
        self,
        statement: Any,
        parameters: Sequence[Any] = (),
        execution_profile: object = EXEC_PROFILE_DEFAULT,
        **_: object,
    ) -> _Answered:
        profile = _PROFILES[execution_profile]
        if isinstance(statement, str):
            statement = _BoundStatement(statement, parameters)
        elif isinstance(statement, _Prepared):
            statement = statement.bind(parameters)
        if isinstance(statement, BatchStatement):
            parts = [(query, values) for _, query, values in statement._statements_and_parameters]
        else:
            parts = [(statement.query, statement.values)]
        request = Request(parse(parts[0][0]).table, not parts[0][0].startswith("SELECT "))

        def perform(route: Route) -> Rows:
            now = int(self._waiting.now() * 1000)
            bound = [Bound(query, values, now) for query, values in parts]
            if request.is_write:
                return self._server.batch(bound, route)
            serial = profile.consistency_level in _SERIAL
            return self._server.select(bound[0], route, serial=serial)

        try:
            rows = self._send(request, perform)
        except DRIVER_ERRORS as e:
            return _Failed(e)
        names = tuple(rows[0]) if rows else ()
        if profile.row_factory is dict_factory:
            return _Answered([dict(row) for row in rows], names)
        return _Answered([_row_of(names)(*row.values()) for row in rows], names)


class Connection(CassandraDatastore):
    """A datastore that reaches the simulated server instead of a cluster."""

    def __init__(self, server: Server, send: Send, settings: Settings, waiting: Waiting) -> None:
        # Reads that are lost are for the callers here to handle: none is repeated.
        self.settings = replace(settings, read_attempts=1)
        self.counters = Counters()
        self.waiting = waiting
        self._process = getpid()
        self._is_closed = False
        self._session = _Session(server, send, waiting)
        self._statements: dict[str, Any] = {}
        self._lock = Lock()

    def close(self) -> None:
        """There is nothing to close."""


@cache
def _row_of(names: tuple[str, ...]) -> Callable[..., tuple[Any, ...]]:
    return namedtuple("Row", names, rename=True)
