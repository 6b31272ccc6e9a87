"""The log's table: rows of appends in partitions (buckets), each with its head in a static column.

A row holds the appends of one reservation, in two lists. It is keyed by the position of its last
event, so that the row of any position is the first one whose key is not below it.

A reservation that was decided but has not spread may be shown in part, since reading some columns
repairs these alone. A row without one of its lists is taken for one that is not there (yet). The
head is read along with rows, so that it spreads with them: whoever asks for the end of the log is
not told of one before what others have read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from cassandra.query import BatchStatement

from eventstore_cassandra.append import AggregateId, Append, Applied
from eventstore_cassandra.datastore import CassandraDatastore
from eventstore_cassandra.errors import library_errors
from eventstore_cassandra.event_types import EventTypes
from eventstore_cassandra.notification_log.buckets import Buckets
from eventstore_cassandra.notification_log.intents import Intent, Outcome
from eventstore_cassandra.notification_log.reserve_steps import Place, Refused, after
from eventstore_cassandra.profiles import APPEND, LOOK_READ, SERIAL_READ
from eventstore_cassandra.stream import to_state, to_text_or_bytes

_ADVANCE = "UPDATE {keyspace}.notification_log SET head = ? WHERE bucket = ? IF head = ?"
_ADVANCE_QUIETLY = _ADVANCE + " AND announced = ?"
_ROW = "INSERT INTO {keyspace}.notification_log (bucket, last, appends, events) VALUES (?, ?, ?, ?)"
_MARK = "UPDATE {keyspace}.notification_log SET committed = ? WHERE bucket = ? AND last = ?"
_MARK_PART = "UPDATE {keyspace}.notification_log SET outcomes[?] = ? WHERE bucket = ? AND last = ?"
_HEAD = "SELECT head FROM {keyspace}.notification_log WHERE bucket = ? LIMIT 1"
_OWNER = (
    "SELECT appends FROM {keyspace}.notification_log WHERE bucket = ? AND last >= ?"
    " ORDER BY last LIMIT 1"
)
_ROWS = (
    "SELECT last, appends, events, committed, outcomes, head FROM {keyspace}.notification_log"
    " WHERE bucket = ? AND last >= ? LIMIT ?"
)


Header = tuple[UUID, AggregateId, int, int]
"""What a row has of an append beside its events: name, aggregate, first version, their number."""
LoggedEvent = tuple[int, str | None, bytes | None]
"""What a row has of an event: its type, and its state as text or as bytes."""


@dataclass(frozen=True)
class LogEntry:
    """An append as the log has it, of which it is known that it can be written into a batch."""

    append: Append
    events: Sequence[LoggedEvent]

    def header(self) -> Header:
        """Return what the row has of the append."""
        append = self.append
        return append.append_id, append.aggregate_id, to_stored_version(append), len(self.events)


@dataclass(frozen=True)
class Mark:
    """The final outcomes of a row's appends, which are to be written into it."""

    bucket: int
    last: int
    committed: Sequence[bool]
    first: int | None = None
    """Where they begin in the row, if it has those of other processes, too."""


def to_stored_version(append: Append) -> int:
    """Return the first version as a row has it: -1 stands for a version 1 that follows version 0.

    A plain 1 is the first of a new stream. Who decides an append has to tell them apart.
    """
    return -1 if append.follows_0 else append.first_version


def to_first_version(stored: int) -> tuple[int, bool]:
    """Return the first version that a row has, and whether it follows version 0 of its stream."""
    return (1, True) if stored == -1 else (stored, False)


def marks_of(
    appends: Sequence[Header],
    first: int,
    committed: Sequence[bool] | None,
    outcomes: Mapping[int, Sequence[bool]] | None,
) -> Sequence[bool | None] | None:
    """Return what a row says of the outcome of each of its appends; None if it says nothing.

    :param first: the position of its first event.
    :param committed: what was written by the one process whose appends they all are.
    :param outcomes: what several have written, each of its own, under the position of the first.
    """
    if committed is not None or not outcomes:
        return committed
    marks: list[bool | None] = []
    part: list[bool] = []
    for *_, size in appends:
        part = list(outcomes.get(first, part))
        marks.append(part.pop(0) if part else None)
        first += size
    return marks


def announced_in(row: Mapping[str, Any]) -> dict[UUID, int]:
    """Return the number that each process has announced, by a row that has the column or not."""
    return dict((row.get("announced") or {}).items())


def _contents(entries: Sequence[LogEntry]) -> tuple[list[Header], list[LoggedEvent]]:
    return [e.header() for e in entries], [event for e in entries for event in e.events]


class LogTable:
    """Reads and writes rows; knows nothing of what they mean. Share it between threads."""

    def __init__(
        self, datastore: CassandraDatastore, event_types: EventTypes, buckets: Buckets
    ) -> None:
        self.buckets = buckets
        self._datastore = datastore
        self._event_types = event_types
        self._advance = datastore.prepare(_ADVANCE)
        self._advance_quietly = datastore.prepare(_ADVANCE_QUIETLY)
        self._row = datastore.prepare(_ROW)
        self._mark = datastore.prepare(_MARK)
        self._mark_part = datastore.prepare(_MARK_PART)
        self._head = datastore.prepare(_HEAD)
        self._owner = datastore.prepare(_OWNER)
        self._rows = datastore.prepare(_ROWS)

    def encode(self, append: Append) -> LogEntry:
        """Return the append as the log has it; topics that are new are registered.

        It is bound to a row by itself first: what cannot be must not become a fault of the batch
        that it would share with others. Whatever that raises passes through, of the registry's
        errors too.
        """
        events = [
            (self._event_types.type_of(event.topic), *to_text_or_bytes(event.state))
            for event in append.events
        ]
        entry = LogEntry(append, events)
        self._row.bind([0, len(events), [entry.header()], events])
        return entry

    def batch(
        self, place: Place, entries: Sequence[LogEntry], marks: Sequence[Mark]
    ) -> BatchStatement:
        """Return the conditional batch that puts the entries at the place; nothing is sent."""
        batch = self.row(place, *_contents(entries))
        self.add_marks(batch, marks)
        return batch

    def quiet_batch(
        self,
        place: Place,
        entries: Sequence[LogEntry],
        marks: Sequence[Mark],
        announced: Mapping[UUID, int] | None,
    ) -> BatchStatement:
        """Return the same, if nobody but these has announced in the bucket."""
        appends, events = _contents(entries)
        head = place.first - 1 + len(events)
        batch = BatchStatement()
        batch.add(self._advance_quietly, [head, place.bucket, place.head, announced])
        batch.add(self._row, [place.bucket, head, appends, events])
        self.add_marks(batch, marks)
        return batch

    def row(
        self, place: Place, appends: Sequence[Header], events: Sequence[LoggedEvent]
    ) -> BatchStatement:
        """Return a conditional batch that puts them at the place."""
        head = place.first - 1 + len(events)
        batch = BatchStatement()
        batch.add(self._advance, [head, place.bucket, place.head])
        batch.add(self._row, [place.bucket, head, appends, events])
        return batch

    def add_marks(self, batch: BatchStatement, marks: Sequence[Mark]) -> None:
        """Have a batch write marks, too."""
        for mark in marks:
            if mark.first is None:
                batch.add(self._mark, [mark.committed, mark.bucket, mark.last])
            else:
                batch.add(self._mark_part, [mark.first, mark.committed, mark.bucket, mark.last])

    def reserve(self, batch: BatchStatement) -> Applied | Refused:
        """Send the conditional batch; the driver's errors pass through."""
        row = self._datastore.execute(batch, APPEND).one()
        if row["[applied]"]:
            return Applied()
        return Refused(row.get("head"), announced_in(row))

    def owner(self, place: Place) -> UUID | None:
        """Return whose append is at the place's first position, by a serial read."""
        bound = self._owner.bind([place.bucket, place.first])
        row = self._datastore.execute(bound, SERIAL_READ).one()
        return row["appends"][0][0] if row else None

    def end(self, known: Place, *, serial: bool = False) -> Place:
        """Return the end of the log, searching from a place that was the end once.

        Buckets are closed one after the other, so that the last one is found by doubling steps. At
        a quorum, that may be before a reservation whose writer has not been answered yet.

        :raises OperationalError: when the store cannot be reached.
        """
        end = self._end(known)
        while serial and (head := self.head(end.bucket, serial=True)) is not None:
            serial = self.buckets.is_closed(end.bucket, head)
            end = after(end, head, self.buckets)
        return end

    def _end(self, known: Place) -> Place:
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

    def head(self, bucket: int, *, serial: bool = False) -> int | None:
        """Return the last position in the bucket, None where it has no rows.

        :raises OperationalError: when the store cannot be reached.
        """
        with library_errors("Cannot read the notification log"):
            bound = self._head.bind([bucket])
            row = self._datastore.execute(bound, SERIAL_READ if serial else LOOK_READ).one()
        return row["head"] if row else None

    def rows(
        self, bucket: int, start: int, limit: int, *, serial: bool = False
    ) -> list[list[Intent]]:
        """Return the bucket's rows from the one with a position on, at most ``limit`` of them.

        :raises OperationalError: when the store cannot be reached.
        """
        bound = self._rows.bind([bucket, start, limit])
        with library_errors("Cannot read the notification log"):
            if serial:
                found = [tuple(row.values()) for row in self._datastore.execute(bound, SERIAL_READ)]
            else:
                found = list(self._datastore.execute(bound))
        return [self._intents_of(*row[:5]) for row in found if row[1] and row[2]]

    def _intents_of(
        self, last: int, appends: Any, events: Any, committed: Sequence[bool] | None, outcomes: Any
    ) -> list[Intent]:
        topic_of = self._event_types.topic_of
        decoded = [(topic_of(number), to_state(text, blob)) for number, text, blob in events]
        first = last - len(events) + 1
        begin = 0
        intents = []
        marks = marks_of(appends, first, committed, outcomes)
        for n, (append_id, aggregate_id, stored, size) in enumerate(appends):
            version, follows_0 = to_first_version(stored)
            mark = None
            if marks and marks[n] is not None:
                mark = Outcome.COMMITTED if marks[n] else Outcome.ABORTED
            end = begin + size
            intents.append(
                Intent(
                    first + begin,
                    append_id,
                    aggregate_id,
                    version,
                    decoded[begin:end],
                    mark,
                    follows_0,
                )
            )
            begin = end
        return intents
