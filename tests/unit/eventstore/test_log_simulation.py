"""The log's protocol in a simulated world of lost, late and repeated requests and crashes.

Writers are the protocols of ``append.py`` and ``reserve_steps.py``, which do no I/O; readers are
the real :class:`LogReader` over a table in memory. Whenever a reader asks the world for something,
the world first lets some of the writers take steps. Reads at quorum are honest about one thing that
makes replicas hard: of a batch that was decided but has not spread, they may show the static column
alone, the row, or nothing.
"""

from collections.abc import Sequence
from random import Random

import pytest
from eventsourcing.persistence import IntegrityError, Notification, OperationalError
from hypothesis import given, settings
from hypothesis import strategies as st

from eventstore_cassandra.append import Append
from eventstore_cassandra.notification_log.decisions import Decisions
from eventstore_cassandra.notification_log.intents import Intent, Look, Outcome
from eventstore_cassandra.notification_log.outcomes import Outcomes
from eventstore_cassandra.notification_log.reader import LogReader
from eventstore_cassandra.notification_log.reserve_steps import Place, after
from tests.unit.eventstore.log_world import Bucket, World

Rows = list[list[Intent]]


class Replicas:
    """What one reader asks of the world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.buckets = world.buckets

    def rows(self, bucket: int, start: int, limit: int, *, serial: bool = False) -> Rows:
        self.world.some_steps()
        found = self.world.log.get(bucket, Bucket())
        head = found.head or 0
        if serial or (self.world.spreads and self.world.random.random() < 0.5):
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


def test_a_reader_without_serial_reads_of_the_log_would_be_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The simulation is able to fail: it has rows that no other read shows."""

    def rows(self: Replicas, bucket: int, start: int, limit: int, *, serial: bool = False) -> Rows:
        return read(self, bucket, start, limit, serial=False)

    read = Replicas.rows
    monkeypatch.setattr(Replicas, "rows", rows)
    assert _violations(), "readers that ask the log at quorum only were not caught"


def test_a_reader_that_did_not_wait_would_be_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The simulation is able to fail: a reader that skips what is pending loses it."""
    monkeypatch.setattr(Decisions, "_help", lambda _self, _intent: Outcome.ABORTED)
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
        assert any(not reader.follow(limit=10) for _ in range(200)), "readers come to the end"
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
