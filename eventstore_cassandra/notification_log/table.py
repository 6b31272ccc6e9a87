"""The table of the log: its statements, and rows as intents."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from cassandra.query import BatchStatement

from eventstore_cassandra.append import Append, Applied
from eventstore_cassandra.datastore import APPEND, SERIAL_READ, CassandraDatastore
from eventstore_cassandra.errors import library_errors
from eventstore_cassandra.event_types import EventTypes
from eventstore_cassandra.notification_log.buckets import Buckets
from eventstore_cassandra.notification_log.intents import Intent, Outcome
from eventstore_cassandra.notification_log.reserve_steps import Place, Refused, after
from eventstore_cassandra.stream import to_columns, to_state

_CREATE = "UPDATE {keyspace}.notification_log SET head = ? WHERE bucket = ? IF head = null"
_ADVANCE = "UPDATE {keyspace}.notification_log SET head = ? WHERE bucket = ? IF head = ?"
_INTENT = (
    "INSERT INTO {keyspace}.notification_log (bucket, position, id, version, type, payload,"
    " payload_bytes, first, size, append_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_MARK = "UPDATE {keyspace}.notification_log SET committed = ? WHERE bucket = ? AND position = ?"
_HEAD = "SELECT head FROM {keyspace}.notification_log WHERE bucket = ? LIMIT 1"
_OWNER = "SELECT append_id FROM {keyspace}.notification_log WHERE bucket = ? AND position = ?"
_ROWS = (
    "SELECT position, id, version, type, payload, payload_bytes, first, size, append_id, committed"
    " FROM {keyspace}.notification_log WHERE bucket = ? AND position >= ? LIMIT ?"
)

_OUTCOMES = {None: None, True: Outcome.COMMITTED, False: Outcome.ABORTED}


@dataclass(frozen=True)
class Mark:
    """A final outcome that is to be written into a row."""

    bucket: int
    position: int
    committed: bool


class LogTable:
    """Reads and writes rows; knows nothing of what they mean. Share it between threads."""

    def __init__(
        self, datastore: CassandraDatastore, event_types: EventTypes, buckets: Buckets
    ) -> None:
        self.buckets = buckets
        self._datastore = datastore
        self._event_types = event_types
        self._create = datastore.prepare(_CREATE)
        self._advance = datastore.prepare(_ADVANCE)
        self._intent = datastore.prepare(_INTENT)
        self._mark = datastore.prepare(_MARK)
        self._head = datastore.prepare(_HEAD)
        self._owner = datastore.prepare(_OWNER)
        self._rows = datastore.prepare(_ROWS)

    def reserve(
        self, place: Place, appends: Sequence[Append], marks: Sequence[Mark]
    ) -> Applied | Refused:
        """Send the conditional batch; the driver's errors pass through."""
        row = self._datastore.execute(self._batch(place, appends, marks), APPEND).one()
        return Applied() if row["[applied]"] else Refused(row.get("head"))

    def owner(self, place: Place) -> UUID | None:
        """Return whose row is at the place's first position, by a serial read."""
        bound = self._owner.bind([place.bucket, place.first])
        row = self._datastore.execute(bound, SERIAL_READ).one()
        return row["append_id"] if row else None

    def end(self, known: Place) -> Place:
        """Return the end of the log, searching from a place that was the end once.

        Buckets are closed one after the other, so that the last one is found by doubling steps.
        """
        low, head = known.bucket, self.head(known.bucket)
        if head is None:
            return known
        step = 1
        while self.buckets.is_closed(low, head) and step:
            further = self.head(low + step)
            if further is not None:
                low, head = low + step, further
                step *= 2
            else:
                step //= 2
        return after(Place(low, head, head + 1), head, self.buckets)

    def head(self, bucket: int) -> int | None:
        """Return the last position in the bucket, None where it has no rows.

        :raises OperationalError: when the store cannot be reached.
        """
        with library_errors("Cannot read the notification log"):
            row = self._datastore.execute(self._head.bind([bucket])).one()
        return row[0] if row else None

    def rows(self, bucket: int, start: int, limit: int, *, serial: bool = False) -> list[Intent]:
        """Return the bucket's rows from a position on, at most ``limit`` of them.

        :raises OperationalError: when the store cannot be reached.
        """
        bound = self._rows.bind([bucket, start, limit])
        with library_errors("Cannot read the notification log"):
            if serial:
                found = [tuple(row.values()) for row in self._datastore.execute(bound, SERIAL_READ)]
            else:
                found = list(self._datastore.execute(bound))
        return [self._intent_of(row) for row in found]

    def _intent_of(self, row: Sequence[Any]) -> Intent:
        position, id_, version, number, payload, payload_bytes, first, size, name, committed = row
        return Intent(
            position,
            id_,
            version,
            self._event_types.topic_of(number),
            to_state(payload, payload_bytes),
            first,
            size,
            name,
            _OUTCOMES[committed],
        )

    def _batch(
        self, place: Place, appends: Sequence[Append], marks: Sequence[Mark]
    ) -> BatchStatement:
        batch = BatchStatement()
        head = place.first - 1 + sum(len(append.events) for append in appends)
        if place.head is None:
            batch.add(self._create, [head, place.bucket])
        else:
            batch.add(self._advance, [head, place.bucket, place.head])
        position = place.first
        for append in appends:
            first = position
            for event in append.events:
                batch.add(
                    self._intent,
                    [
                        place.bucket,
                        position,
                        append.aggregate_id,
                        event.originator_version,
                        self._event_types.type_of(event.topic),
                        *to_columns(event.state),
                        first,
                        len(append.events),
                        append.append_id,
                    ],
                )
                position += 1
        for mark in marks:
            batch.add(self._mark, [mark.committed, mark.bucket, mark.position])
        return batch
