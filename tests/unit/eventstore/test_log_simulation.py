"""The log's protocol in a simulated world of lost, late and repeated requests and crashes.

Writers are the protocols of ``append.py`` and ``reserve_steps.py``, which do no I/O; readers are
the real :class:`LogReader` over a table in memory. Whenever a reader asks the world for something,
the world first lets some of the writers take steps. Reads at quorum are honest about one thing that
makes replicas hard: of a batch that was decided but has not spread, they may show the static column
alone, the row, or nothing.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import NamedTuple
from uuid import UUID

import pytest
from cassandra import OperationTimedOut
from eventsourcing.persistence import IntegrityError, Notification, OperationalError, StoredEvent
from hypothesis import given, settings
from hypothesis import strategies as st

from eventstore_cassandra.append import (
    Append,
    Applied,
    Found,
    NotApplied,
    Step,
    Unanswered,
    append_steps,
)
from eventstore_cassandra.notification_log.buckets import Buckets
from eventstore_cassandra.notification_log.intents import Intent, Look, Outcome
from eventstore_cassandra.notification_log.outcomes import Outcomes
from eventstore_cassandra.notification_log.reader import LogReader
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
            bucket.shown = bucket.head or 0

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
        steps = append_steps(append, attempts=ATTEMPTS)
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

    def _append_step(self, aggregate: Aggregate, step: Step, append: Append) -> object:
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

    def _owner(self, place: Place) -> Found:
        rows = self.log[place.bucket].rows
        last = min((last for last in rows if last >= place.first), default=None)
        return Found(rows[last][0].append_id if last else None)


class Replicas:
    """What one reader asks of the world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.buckets = world.buckets

    def rows(
        self, bucket: int, start: int, limit: int, *, serial: bool = False
    ) -> list[list[Intent]]:
        self.world.some_steps()
        found = self.world.log.get(bucket, Bucket())
        head = found.head or 0
        if serial or self.world.random.random() < 0.5:
            found.shown = head
        return [found.rows[last] for last in sorted(found.rows) if start <= last <= found.shown][
            :limit
        ]

    def head(self, bucket: int) -> int | None:
        self.world.some_steps()
        found = self.world.log.get(bucket, Bucket())
        if found.shown < (found.head or 0):
            return self.world.random.choice([found.head, found.head_before])
        return found.head

    def end(self, known: Place) -> Place:
        place, head = known, self.head(known.bucket)
        while head is not None:
            place = after(place, head, self.buckets)
            head = self.head(place.bucket) if place.head is None else None
        return place

    def look(self, intents: Sequence[Intent], *, serial: bool) -> list[Look]:
        self.world.some_steps()
        return [self._look(intent, serial) for intent in intents]

    def _look(self, intent: Intent, serial: bool) -> Look:
        aggregate = self.world.aggregates[intent.aggregate_id]
        if serial:
            aggregate.spread_to = aggregate.current_version or 0
        version, current = intent.first_version, aggregate.current_version
        if version > aggregate.spread_to:
            shows_row, shows_static = self.world.random.choice(
                [(True, True), (False, True), (False, False)]
            )
            return Look(
                aggregate.rows.get(version) if shows_row else None,
                current if shows_static else aggregate.spread_to or None,
            )
        return Look(aggregate.rows.get(version), current)

    def decide(self, append: Append) -> None:
        steps = self.world.decide_steps(append)
        while True:
            try:
                next(steps)
            except StopIteration as stop:
                if not stop.value:
                    raise IntegrityError("somebody else has this version") from None
                return
            self.world.some_steps()

    def pause(self, seconds: float) -> None:
        self.world.clock += seconds
        self.world.some_steps()


class Reader:
    """Follows the log as a subscription does."""

    def __init__(self, world: World) -> None:
        replicas = Replicas(world)
        self.log = LogReader(
            replicas,
            Outcomes(),
            replicas.look,
            replicas.decide,
            grace=0.02,
            clock=lambda: world.clock,
            pause=replicas.pause,
        )
        self.seen: list[Notification] = []
        self.up_to = 0

    def follow(self, limit: int) -> bool:
        """Read a page; return whether there was one. An outage is waited out."""
        try:
            scan = self.log.scan(self.up_to, limit=limit)
        except OperationalError:
            return True
        moved = scan.up_to > self.up_to
        self.seen += scan.notifications
        self.up_to = scan.up_to
        return moved


@settings(max_examples=500)
@given(st.integers(0, 2**32), st.sampled_from([1, 2, 3, 7, 100]))
def test_readers_miss_nothing_and_answers_are_true(seed: int, bucket_size: int) -> None:
    play(Random(seed), bucket_size)


def test_a_reader_that_believed_a_quorum_would_be_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The simulation is able to fail: without the serial read, readers lose events."""
    look = Replicas._look
    monkeypatch.setattr(Replicas, "_look", lambda self, intent, _serial: look(self, intent, False))
    assert _violations(), "readers that take a quorum's word for an abort were not caught"


def test_a_reader_that_did_not_wait_would_be_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The simulation is able to fail: a reader that skips what is pending loses it."""
    monkeypatch.setattr(LogReader, "_help", lambda _self, _intent: Outcome.ABORTED)
    assert _violations(), "readers that skip pending intents were not caught"


def _violations() -> int:
    found = 0
    for seed in range(200):
        try:
            play(Random(seed), 3)
        except AssertionError:
            found += 1
    return found


def play(random: Random, bucket_size: int) -> None:
    """Let writers and readers live in a world, and check what they were told and have seen."""
    world = World(random, writers=3, groups=5, bucket_size=bucket_size)
    readers = [Reader(world) for _ in range(2)]
    for _ in range(60):
        random.choice(readers).follow(limit=random.choice([1, 2, 10]))
        world.some_steps()
    world.finish()

    # Whoever begins now, without a memory, sees how it all ended.
    fresh = Reader(world)
    for reader in (*readers, fresh):
        while reader.follow(limit=10):
            pass
    final = fresh.seen
    for reader in readers:
        assert reader.seen == final, "a reader on the way saw what stands there in the end"

    ids = [notification.id for notification in final]
    assert fresh.log.last() == (ids[-1] if ids else None)
    assert ids == sorted(set(ids)), "ids rise"
    for id_, aggregate in world.aggregates.items():
        versions = [n.originator_version for n in final if n.originator_id == id_]
        assert versions == sorted(aggregate.rows), "each event is in the log once, and in order"
    names = {
        position: intent.append_id
        for bucket in world.log.values()
        for row in bucket.rows.values()
        for intent in row
        for position in range(intent.first, intent.last + 1)
    }
    in_log = {names[id_] for id_ in ids}
    for name, positions in world.acknowledged.items():
        assert set(positions) <= set(ids), "what was acknowledged is where it was said to be"
        assert {names[position] for position in positions} == {name}
    assert not world.refused & in_log, "nothing refused is there"
