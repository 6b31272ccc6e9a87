"""A keyspace as read models use it: statements prepared once, requests side by side."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from cassandra.cluster import EXEC_PROFILE_DEFAULT, ResultSet, Session
from cassandra.concurrent import ExecutionResult, execute_concurrent
from cassandra.query import (
    BatchStatement,
    BatchType,
    BoundStatement,
    PreparedStatement,
    tuple_factory,
)

from projections.cassandra.columns import size_of
from projections.cassandra.errors import availability

CONCURRENCY = 32
"""Requests in flight from one call; more gain nothing on one node and crowd out the appends."""
DDL_TIMEOUT = 60.0
"""Seconds; a schema change waits until all nodes agree."""
BATCH_BYTES = 20_000
"""Well below the 50 KiB at which Cassandra refuses a batch by default. A statement that is larger
goes by itself, for which there is no such limit."""

Statement = tuple[str, Sequence[object]]
"""CQL with question marks, and the values for them."""


class Keyspace:
    """The keyspace ``name`` of a session, which stays the caller's.

    The session's default execution profile must read and write at LOCAL_QUORUM (or QUORUM), so that
    a worker finds the rows that another one has written.

    :raises ReadModelsUnavailableError: from every method, when Cassandra cannot be reached.
    :raises ValueError: when ``name`` is no name of a keyspace.
    """

    def __init__(self, session: Session, name: str) -> None:
        self._session = session
        self._name = name
        self.quoted = _checked(name)
        self._prepared: dict[str, PreparedStatement] = {}
        # For the driver's own rows, which have names, a class is made for each answer.
        self._profile = session.execution_profile_clone_update(
            EXEC_PROFILE_DEFAULT, row_factory=tuple_factory
        )

    def define(self, statements: Iterable[str]) -> None:
        """Execute statements of the schema, one after the other."""
        with availability(self._name):
            for statement in statements:
                self._session.execute(statement, timeout=DDL_TIMEOUT)

    def select(self, cql: str, values: Sequence[object] = ()) -> list[Any]:
        """Return all records that the query finds."""
        with availability(self._name):
            return list(self._execute(self._bound(cql, values)))

    def select_all(self, queries: Iterable[Statement]) -> list[Any]:
        """Return all records that the queries find, one query after the other."""
        with availability(self._name):
            bound = [(self._bound(*query), None) for query in queries]
            answers = self._execute_all(bound)
            rows: list[Any] = [record for answer in answers for record in answer.result_or_exc]
            return rows

    def stream(self, cql: str) -> Iterator[Any]:
        """Yield all records that the query finds, a page at a time."""
        with availability(self._name):
            yield from self._execute(self._bound(cql, ()))

    def apply(self, cql: str, values: Sequence[object]) -> bool:
        """Execute a conditional write and return whether its condition held."""
        statement = self._bound(cql, values)
        statement.is_idempotent = False
        with availability(self._name):
            return bool(self._execute(statement).was_applied)

    def apply_each(self, batches: Sequence[Sequence[Statement]]) -> Sequence[bool]:
        """Execute batches side by side, and return of each whether its condition held.

        :param batches: writes to one partition, one of them conditional: together or not at all.
        """
        with availability(self._name):
            requests = []
            for statements in batches:
                batch = BatchStatement(BatchType.UNLOGGED)
                batch.is_idempotent = False
                for statement in statements:
                    batch.add(self._bound(*statement))
                requests.append((batch, None))
            answers = self._execute_all(requests)
            return [bool(answer.result_or_exc.was_applied) for answer in answers]

    def write(self, partitions: Iterable[Sequence[Statement]]) -> None:
        """Execute writes side by side, those to one partition together.

        :param partitions: writes to one partition of one table each.
        """
        with availability(self._name):
            requests = (request for writes in partitions for request in self._batches(writes))
            self._execute_all([(request, None) for request in requests])

    def _execute(self, statement: BoundStatement) -> ResultSet:
        return self._session.execute(statement, execution_profile=self._profile)

    def _execute_all(self, requests: Sequence[tuple[Any, None]]) -> list[ExecutionResult]:
        answers: list[ExecutionResult] = execute_concurrent(
            self._session, requests, concurrency=CONCURRENCY, execution_profile=self._profile
        )
        return answers

    def _batches(self, writes: Sequence[Statement]) -> Iterator[BoundStatement | BatchStatement]:
        for portion in portions(writes):
            if len(portion) == 1:
                yield self._bound(*portion[0])
                continue
            batch = BatchStatement(BatchType.UNLOGGED)
            batch.is_idempotent = True
            for write in portion:
                batch.add(self._bound(*write))
            yield batch

    def _bound(self, cql: str, values: Sequence[object]) -> BoundStatement:
        if cql not in self._prepared:
            statement = self._session.prepare(cql)
            statement.is_idempotent = True
            self._prepared[cql] = statement
        return self._prepared[cql].bind(values)


def portions(writes: Sequence[Statement]) -> Iterator[Sequence[Statement]]:
    """Cut writes into portions, each as large as a batch may be, or of one write."""
    portion: list[Statement] = []
    size = 0
    for write in writes:
        more = size_of(write[1])
        if portion and size + more > BATCH_BYTES:
            yield portion
            portion, size = [], 0
        portion.append(write)
        size += more
    if portion:
        yield portion


def quoted(name: str) -> str:
    """Return a name as CQL takes it even if it is a word of CQL's own."""
    return f'"{name}"'


def _checked(keyspace: str) -> str:
    """Return the name as CQL takes it without quotes, in quotes: it may be a word of CQL's own."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,47}", keyspace):
        raise ValueError(
            f"{keyspace!r} is no name of a keyspace: expected a letter and then up to 47 letters, "
            "digits or underscores."
        )
    return quoted(keyspace.lower())
