"""The log's table in memory: what the replicas agree on, and requests that fail."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import RLock
from uuid import UUID, uuid4

from eventsourcing.persistence import StoredEvent

from eventstore_cassandra.append import Append, Applied
from eventstore_cassandra.notification_log.buckets import Buckets
from eventstore_cassandra.notification_log.reserve_steps import Place, Refused, after
from eventstore_cassandra.notification_log.table import Header, LogEntry, Mark


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
    appends: Sequence[Header]
    marks: Sequence[Mark]
    announced: Mapping[UUID, int] | None = None
    is_quiet: bool = True
    """Whether it depends on who has announced."""

    @property
    def last(self) -> int:
        return self.place.first - 1 + sum(size for *_, size in self.appends)


@dataclass
class LogInMemory:
    """Takes the place of a ``LogTable`` for those who reserve."""

    buckets: Buckets
    applied: list[Batch] = field(default_factory=list)
    announced: dict[int, dict[UUID, int]] = field(default_factory=dict)
    """By bucket. ``LobbyInMemory`` has the lobby's other columns."""
    ends_read: int = 0
    before: Callable[[], None] = lambda: None
    """Is called before a batch is applied or refused; what it raises loses the request."""
    after: Callable[[], None] = lambda: None
    """Is called after that; what it raises loses the answer."""
    lock: RLock = field(default_factory=RLock)

    def head(self, bucket: int) -> int | None:
        return max((b.last for b in self.applied if b.place.bucket == bucket), default=None)

    def end(self, known: Place) -> Place:
        self.ends_read += 1
        place = known
        with self.lock:
            for batch in self.applied:
                if batch.last >= place.first:
                    place = after(batch.place, batch.last, self.buckets)
        return place

    def quiet_batch(
        self,
        place: Place,
        entries: Sequence[LogEntry],
        marks: Sequence[Mark],
        announced: Mapping[UUID, int] | None,
    ) -> Batch:
        return Batch(place, [each.header() for each in entries], list(marks), announced)

    def batch(self, place: Place, entries: Sequence[LogEntry], marks: Sequence[Mark]) -> Batch:
        return Batch(place, [each.header() for each in entries], list(marks), is_quiet=False)

    def reserve(self, batch: Batch) -> Applied | Refused:
        self.before()
        bucket = batch.place.bucket
        reply: Applied | Refused = Applied()
        with self.lock:
            is_as_known = self.announced.get(bucket, {}) == (batch.announced or {})
            is_taken = is_as_known or not batch.is_quiet
            if self.head(bucket) == batch.place.head and is_taken:
                self.applied.append(batch)
            else:
                reply = Refused(self.head(bucket), dict(self.announced.get(bucket, {})))
        self.after()
        return reply

    def owner(self, place: Place) -> UUID | None:
        for batch in self.applied:
            if batch.place.bucket == place.bucket and batch.last >= place.first:
                return batch.appends[0][0]
        return None

    def append_for_another_process(self, events: int = 1) -> None:
        place = self.end(Place(0, None, 1))
        self.applied.append(Batch(place, [entry(events).header()], []))

    def positions(self) -> dict[UUID, list[range]]:
        """Return where each append is, by its name."""
        found: dict[UUID, list[range]] = {}
        for batch in self.applied:
            first = batch.place.first
            for name, _, _, size in batch.appends:
                positions = range(first, first + size)
                found.setdefault(name, []).append(positions)
                first = positions.stop
        return found
