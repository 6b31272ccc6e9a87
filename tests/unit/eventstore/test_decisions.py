"""How intents are decided: what is looked at, at which consistency, and who decides at last."""

from collections.abc import Sequence
from uuid import uuid4

import pytest
from eventsourcing.persistence import OperationalError

from eventstore_cassandra.append import Append
from eventstore_cassandra.notification_log.decisions import Decisions
from eventstore_cassandra.notification_log.intents import Intent, Look, Outcome
from eventstore_cassandra.notification_log.outcomes import Outcomes

NOTHING = Look(None, None)


class World:
    """Decisions over looks that are given in advance; the clock goes on with the pauses only."""

    def __init__(self, *intents: Intent) -> None:
        self.intents = intents
        self.plain: dict[int, list[Look | Exception]] = {}
        self.serial: dict[int, Look] = {}
        self.looks: list[tuple[bool, list[int]]] = []
        self.decided: list[Append] = []
        self.now = 0.0
        self.outcomes = Outcomes()
        self.decisions = Decisions(
            self.outcomes,
            self.look,
            self.decided.append,
            grace=0.2,
            clock=lambda: self.now,
            pause=self.pause,
        )

    def look(self, intents: Sequence[Intent], *, serial: bool) -> list[Look]:
        assert isinstance(serial, bool)
        self.looks.append((serial, [each.first for each in intents]))
        return [self.seen(each.first, serial=serial) for each in intents]

    def seen(self, first: int, *, serial: bool) -> Look:
        if serial:
            return self.serial[first]
        looks = self.plain[first]
        found = looks.pop(0) if len(looks) > 1 else looks[0]
        if isinstance(found, Exception):
            raise found
        return found

    def pause(self, seconds: float) -> None:
        self.now += seconds

    def of(self) -> list[bool]:
        return self.decisions.of(self.intents)


def intent(first: int, mark: Outcome | None = None) -> Intent:
    return Intent(first, uuid4(), uuid4(), 3, [("Happened", b"{}")], mark)


def committed(of: Intent) -> Look:
    return Look(of.append_id, 3)


def test_what_is_marked_or_known_costs_no_look() -> None:
    marked, known, aborted = intent(1, Outcome.COMMITTED), intent(2), intent(3, Outcome.ABORTED)
    world = World(marked, known, aborted)
    world.outcomes.learn(known.append_id, Outcome.COMMITTED)
    assert world.of() == [True, True, False]
    assert world.looks == []


def test_a_commit_is_seen_by_one_plain_look_and_remembered() -> None:
    first, second = intent(1), intent(2)
    world = World(first, second)
    world.plain = {1: [committed(first)], 2: [committed(second)]}
    assert world.of() == [True, True]
    assert world.of() == [True, True]
    assert world.looks == [(False, [1, 2])]


def test_an_abort_is_believed_of_a_serial_look_only() -> None:
    aborted, hidden, seen = intent(1), intent(2), intent(3)
    world = World(aborted, hidden, seen)
    overtaken = Look(uuid4(), 3)
    world.plain = {1: [overtaken], 2: [overtaken], 3: [committed(seen)]}
    world.serial = {1: overtaken, 2: committed(hidden)}
    assert world.of() == [False, True, True]
    assert world.looks == [(False, [1, 2, 3]), (True, [1, 2])]


def test_what_is_pending_is_left_to_its_writer_for_the_grace() -> None:
    late = intent(1)
    world = World(late)
    world.plain = {1: [NOTHING, NOTHING, committed(late)]}
    assert world.of() == [True]
    assert not world.decided
    assert 0 < world.now < 0.2


def test_what_is_pending_after_the_grace_is_decided_here() -> None:
    orphan = intent(1)
    world = World(orphan)
    world.plain = {1: [NOTHING]}
    assert world.of() == [True]
    assert [each.append_id for each in world.decided] == [orphan.append_id]
    assert world.now == pytest.approx(0.2, abs=0.01)


def test_what_cannot_be_decided_keeps_back_only_what_comes_after_it() -> None:
    first, stuck, third = intent(1), intent(2), intent(3, Outcome.COMMITTED)
    world = World(first, stuck, third)
    world.outcomes.learn(first.append_id, Outcome.COMMITTED)
    world.plain = {2: [OperationalError("no quorum"), committed(stuck)]}
    assert world.of() == [True]
    assert world.of() == [True, True, True]


def test_where_nothing_can_be_decided_the_reason_is_told() -> None:
    world = World(intent(1))
    world.plain = {1: [OperationalError("no quorum")]}
    with pytest.raises(OperationalError, match="no quorum"):
        world.of()
