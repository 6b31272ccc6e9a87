"""A simulated world in which the log is written: lost, late and repeated requests, and crashes.

Writers are the protocols of ``append.py`` and ``reserve_steps.py``, which do no I/O. Of a batch
that was decided but has not spread, a quorum may show the static column alone, the row, or nothing;
how far that is so stands in ``Aggregate.spread_to`` and ``Bucket.shown``.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import NamedTuple
from uuid import UUID

from cassandra import OperationTimedOut
from eventsourcing.persistence import IntegrityError, OperationalError, StoredEvent

from eventstore_cassandra.append import (
    Append,
    Applied,
    Bar,
    Found,
    NotApplied,
    Step,
    Unanswered,
    append_steps,
)
from eventstore_cassandra.notification_log.buckets import Buckets
from eventstore_cassandra.notification_log.intents import Intent, Outcome
from eventstore_cassandra.notification_log.reserve_steps import (
    Place,
    Refused,
    Reserve,
    after,
    reserve_steps,
)

LOST = Unanswered(OperationTimedOut("no answer"))
AGGREGATES = [UUID(int=number) for number in range(3)]
ATTEMPTS = 6


@dataclass
class Aggregate:
    current_version: int | None = None
    rows: dict[int, UUID] = field(default_factory=dict)
    spread_to: int = 0
    """Up to this version every quorum shows everything."""

    def decide(self, step: Step, append: Append) -> Applied | NotApplied:
        self.spread_to = self.current_version or 0
        expected = None if step is Step.CREATE else append.first_version - 1
        if self.current_version != expected:
            return NotApplied(self.current_version)
        self.current_version = append.last_version
        self.rows |= {event.originator_version: append.append_id for event in append.events}
        return Applied()


@dataclass
class Bucket:
    head: int | None = None
    rows: dict[int, list[Intent]] = field(default_factory=dict)
    """Each by the position of its last event."""
    head_before: int | None = None
    """What a quorum may show until the rows are shown; at the end the head has spread, if alone."""
    shown: int = 0
    """Up to this position every quorum shows the rows."""


class RowMark(NamedTuple):
    """The outcomes of a row's appends, known to its writer."""

    last: int
    committed: list[bool]


class World:
    """The replicas as one, the writers, and the requests that are late."""

    def __init__(self, random: Random, *, writers: int, groups: int, bucket_size: int) -> None:
        self.random = random
        self.buckets = Buckets(bucket_size)
        self.spreads = random.random() < 0.5
        """Whether rows may spread by reading at quorum: some of those reads meet a replica that has
        them. Else all of them meet the others."""
        self.log: dict[int, Bucket] = {}
        self.aggregates: dict[UUID | str, Aggregate] = {id_: Aggregate() for id_ in AGGREGATES}
        self.late: list[Callable[[], object]] = []
        self.clock = 0.0
        self.acknowledged: dict[UUID, list[int]] = {}
        self.refused: set[UUID] = set()
        self.busy = [self._writer(groups) for _ in range(writers)]

    def some_steps(self) -> None:
        for _ in range(self.random.choice([0, 0, 1, 2, 5])):
            if self.late and self.random.random() < 0.3:
                self.late.pop(self.random.randrange(len(self.late)))()
            if self.busy:
                writer = self.random.choice(self.busy)
                if self.random.random() < 0.02 or next(writer, "ended") == "ended":
                    self.busy.remove(writer)  # it is done, or has crashed

    def finish(self) -> None:
        while self.busy or self.late:
            self.some_steps()
            if not self.busy and self.late:
                self.late.pop()()
        for bucket in self.log.values():
            bucket.head_before = bucket.head

    def request(self, carry_out: Callable[[], object]) -> object:
        """Carry a request out, or lose it, or its answer, or have it arrive later."""
        fate = self.random.random()
        if fate < 0.7:
            return carry_out()
        if fate < 0.8:
            carry_out()
        elif fate < 0.9:
            self.late.append(carry_out)
        return LOST

    def decide_steps(self, append: Append) -> Generator[None, None, bool]:
        """Drive an append; a step a turn. Returns whether it is applied; raises when unknown."""
        steps = append_steps(append, attempts=ATTEMPTS, is_intent=True)
        step = next(steps)
        aggregate = self.aggregates[append.aggregate_id]
        while True:
            reply = self.request(partial(self._append_step, aggregate, step, append))
            yield
            try:
                step = steps.send(reply)  # type: ignore[arg-type]
            except StopIteration:
                return True
            except IntegrityError:
                return False

    def _append_step(self, aggregate: Aggregate, step: Step | Bar, append: Append) -> object:
        assert isinstance(step, Step), "nothing is refused for good here, and nothing goes back"
        if step is Step.LOOK:
            aggregate.spread_to = aggregate.current_version or 0
            return Found(aggregate.rows.get(append.first_version))
        return aggregate.decide(step, append)

    def reserve(self, place: Place, group: Sequence[Append], mark: RowMark | None) -> object:
        bucket = self.log.setdefault(place.bucket, Bucket())
        if bucket.head != place.head:
            return Refused(bucket.head)
        bucket.shown, bucket.head_before = bucket.head or 0, bucket.head
        row: list[Intent] = []
        first = place.first
        for each in group:
            states = [(event.topic, event.state) for event in each.events]
            row.append(
                Intent(first, each.append_id, each.aggregate_id, each.first_version, states, None)
            )
            first = row[-1].last + 1
        bucket.head = row[-1].last
        bucket.rows[bucket.head] = row
        if mark and mark.last in bucket.rows:
            bucket.rows[mark.last] = [
                intent._replace(mark=Outcome.COMMITTED if committed else Outcome.ABORTED)
                for intent, committed in zip(bucket.rows[mark.last], mark.committed, strict=True)
            ]
        return Applied()

    def _append(self, most: int) -> Append:
        aggregate_id = self.random.choice(AGGREGATES)
        seen = self.aggregates[aggregate_id].current_version or 0
        size = min(self.random.choice([1, 1, 1, 2, 3]), most)
        versions = range(seen + 1, seen + 1 + size)
        return Append([StoredEvent(aggregate_id, version, "T", b"") for version in versions])

    def _writer(self, groups: int) -> Generator[None, None, None]:
        """Append in groups that are reserved together, as several threads of a process do."""
        place = Place(0, None, 1)
        mark: RowMark | None = None
        for _ in range(groups):
            most = self.buckets.size
            group: list[Append] = []
            for _ in range(self.random.choice([1, 1, 2, 3])):
                if most:
                    group.append(self._append(most))
                    most -= len(group[-1].events)
            yield
            try:
                place = yield from self._reserve(place, group, mark)
            except OperationalError:
                continue
            first = place.first
            outcomes: list[bool] = []
            for append in group:
                positions = list(range(first, first + len(append.events)))
                first = positions[-1] + 1
                try:
                    applied = yield from self.decide_steps(append)
                except OperationalError:
                    continue
                outcomes.append(applied)
                if applied:
                    self.acknowledged[append.append_id] = positions
                else:
                    self.refused.add(append.append_id)
            mark = RowMark(first - 1, outcomes) if len(outcomes) == len(group) else None
            place = after(place, first - 1, self.buckets)

    def _reserve(
        self, place: Place, group: Sequence[Append], mark: RowMark | None
    ) -> Generator[None, None, Place]:
        while True:
            steps = reserve_steps(place, group[0].append_id, attempts=ATTEMPTS)
            step = next(steps)
            while True:
                if isinstance(step, Reserve):
                    reply = self.request(partial(self.reserve, step.place, group, mark))
                    if isinstance(reply, Applied):
                        self._spread(step.place.bucket)
                else:
                    reply = self.request(partial(self._owner, step.place))
                yield
                try:
                    step = steps.send(reply)  # type: ignore[arg-type]
                except StopIteration as stop:
                    instead = stop.value
                    break
            if instead is None:
                return place
            place = after(place, instead, self.buckets)

    def _spread(self, bucket: int) -> None:
        """Have the rows on a quorum: so much is known once an answer or a serial read arrived."""
        self.log[bucket].shown = self.log[bucket].head or 0

    def _owner(self, place: Place) -> Found:
        self._spread(place.bucket)
        rows = self.log[place.bucket].rows
        last = min((last for last in rows if last >= place.first), default=None)
        return Found(rows[last][0].append_id if last else None)
