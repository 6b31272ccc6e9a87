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
_VISIBLE = "SELECT count(*) FROM {keyspace}.events_by_type WHERE type = ?"
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
        self._keyspace = datastore.settings.keyspace
        self._write = self._session.prepare(_WRITE.format(keyspace=self._keyspace))
        self._visible = self._session.prepare(_VISIBLE.format(keyspace=self._keyspace))

    def write(self, *rows: Row) -> None:
        """Write events, and return when the type view shows them."""
        before = self._shown(rows)
        values = [
            (
                row.id,
                row.version,
                self.integers[row.type],
                row.payload,
                _EPOCH + timedelta(milliseconds=row.savetime),
                row.version,
            )
            for row in rows
        ]
        execute_concurrent_with_args(self._session, self._write, values, concurrency=50)
        until(lambda: self._shown(rows) == before + len(rows), f"{len(rows)} rows in the type view")

    def _shown(self, rows: Iterable[Row]) -> int:
        types = {self.integers[row.type] for row in rows}
        counts = [self._session.execute(self._visible, [type_]).one() for type_ in types]
        return sum(count[0] for count in counts)
