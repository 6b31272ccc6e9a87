"""The log's table in memory: what the replicas agree on, and requests that fail."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from eventsourcing.persistence import StoredEvent

from eventstore_cassandra.append import Append, Applied
from eventstore_cassandra.notification_log.buckets import Buckets
from eventstore_cassandra.notification_log.reserve_steps import Place, Refused, after
from eventstore_cassandra.notification_log.table import LogEntry, Mark


def entry(events: int = 1, *, state: bytes = b"{}") -> LogEntry:
    """Return an append of a new aggregate, encoded."""
    aggregate = uuid4()
    versions = range(1, events + 1)
    append = Append([StoredEvent(aggregate, version, "Happened", state) for version in versions])
    return LogEntry(append, [(1000, state.decode(), None)] * events)


@dataclass(frozen=True)
class Batch:
    """What one reservation would write."""

    place: Place
    entries: Sequence[LogEntry]
    marks: Sequence[Mark]

    @property
    def last(self) -> int:
        return self.place.first - 1 + sum(len(each.events) for each in self.entries)


@dataclass
class LogInMemory:
    """Takes the place of a ``LogTable`` for those who reserve."""

    buckets: Buckets
    applied: list[Batch] = field(default_factory=list)
    ends_read: int = 0
    before: Callable[[], None] = lambda: None
    """Is called before a batch is applied or refused; what it raises loses the request."""
    after: Callable[[], None] = lambda: None
    """Is called after that; what it raises loses the answer."""

    def head(self, bucket: int) -> int | None:
        return max((b.last for b in self.applied if b.place.bucket == bucket), default=None)

    def end(self, known: Place) -> Place:
        self.ends_read += 1
        place = known
        for batch in self.applied:
            if batch.last >= place.first:
                place = after(batch.place, batch.last, self.buckets)
        return place

    def batch(self, place: Place, entries: Sequence[LogEntry], marks: Sequence[Mark]) -> Batch:
        return Batch(place, list(entries), list(marks))

    def reserve(self, batch: Batch) -> Applied | Refused:
        self.before()
        reply: Applied | Refused = Applied()
        if self.head(batch.place.bucket) != batch.place.head:
            reply = Refused(self.head(batch.place.bucket))
        else:
            self.applied.append(batch)
        self.after()
        return reply

    def owner(self, place: Place) -> UUID | None:
        for batch in self.applied:
            if batch.place.bucket == place.bucket and batch.last >= place.first:
                return batch.entries[0].append.append_id
        return None

    def append_for_another_process(self, events: int = 1) -> None:
        self.applied.append(Batch(self.end(Place(0, None, 1)), [entry(events)], []))

    def positions(self) -> dict[UUID, list[range]]:
        """Return where each append is, by its name."""
        found: dict[UUID, list[range]] = {}
        for batch in self.applied:
            first = batch.place.first
            for each in batch.entries:
                positions = range(first, first + len(each.events))
                found.setdefault(each.append.append_id, []).append(positions)
                first = positions.stop
        return found
