"""A program that writes events as the original does, at times that the test says."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from cassandra.concurrent import execute_concurrent_with_args

from eventstore_cassandra import CassandraDatastore
from tests.services.processes import until

ADMITTED, TRANSFERRED, DISCHARGED = 0, 1, 2
"""Types of events, by their places in :attr:`OtherProgram.topics`."""
_WRITE = """
INSERT INTO {keyspace}.events (id, version, type, payload, savetime, current_version)
VALUES (?, ?, ?, ?, ?, ?)
"""
_FIND = """
SELECT version FROM {keyspace}.events_by_type
WHERE type = ? AND savetime = ? AND version = ? AND id = ?
"""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Row:
    """An event with its time."""

    id: UUID
    version: int
    type: int
    savetime: int
    """Milliseconds since the epoch."""
    payload: str = field(default=json.dumps({"note": "written by another program"}))


class OtherProgram:
    """Writes into one keyspace.

    :param topics: its types of events with their integers.
    """

    def __init__(self, datastore: CassandraDatastore, topics: Mapping[str, int]) -> None:
        self.topics: Sequence[str] = list(topics)
        self.integers: Sequence[int] = list(topics.values())
        self._session = datastore.session
        keyspace = datastore.settings.keyspace
        self._write = self._session.prepare(_WRITE.format(keyspace=keyspace))
        self._find = self._session.prepare(_FIND.format(keyspace=keyspace))

    def write(self, *rows: Row) -> None:
        """Write events, and return when the type view shows them."""
        values = [
            (row.id, row.version, self.integers[row.type], row.payload, _time(row), row.version)
            for row in rows
        ]
        execute_concurrent_with_args(self._session, self._write, values, concurrency=50)
        until(lambda: self._are_visible(rows), f"{len(rows)} rows in the type view")

    def _are_visible(self, rows: Iterable[Row]) -> bool:
        keys = [(self.integers[row.type], _time(row), row.version, row.id) for row in rows]
        found = execute_concurrent_with_args(self._session, self._find, keys, concurrency=50)
        return all(result.result_or_exc.one() for result in found)


def _time(row: Row) -> datetime:
    return _EPOCH + timedelta(milliseconds=row.savetime)
