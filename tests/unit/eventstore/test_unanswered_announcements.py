"""Announced groups that fail or stay unanswered: places are given once, and what is told is so."""

import pytest
from cassandra import InvalidRequest
from cassandra.cluster import NoHostAvailable
from eventsourcing.persistence import ProgrammingError

from eventstore_cassandra.errors import StoreUnreachableError, UnknownOutcomeError
from eventstore_cassandra.notification_log.combine_steps import Announce, Combine, Look, Step
from eventstore_cassandra.notification_log.marks import Reserved
from tests.unit.eventstore.log_in_memory import entry
from tests.unit.eventstore.reserving import LOST, World


def contended_world(attempts: int = 3) -> World:
    """Return a world whose next groups are announced; two places are taken."""
    world = World(attempts=attempts)
    world.reserve()
    world.table.append_for_another_process()
    world.reservations._combining.lost()
    return world


@pytest.mark.parametrize("is_answer", [True, False], ids=["answer lost", "request lost"])
@pytest.mark.parametrize("kind", [Announce, Look, Combine])
def test_an_announced_group_has_its_places_once_whatever_is_lost(
    kind: type[Step],
    is_answer: bool,
) -> None:
    world = contended_world()
    errors = [LOST]

    def lose_once(step: Step) -> None:
        if isinstance(step, kind) and errors:
            raise errors.pop()

    if is_answer:
        world.lobby.after = lose_once
    else:
        world.lobby.before = lose_once
    mine = entry(2)
    assert world.reservations.reserve(mine).positions == range(3, 5)
    assert world.table.positions()[mine.append.append_id] == [range(3, 5)]
    assert world.counters.values()["uncertain_outcomes"] == 1
    assert (0.01, 0.02) in world.waiting.pauses
    assert world.reserve().positions == range(5, 6)


def test_an_announced_group_whose_outcome_stays_unknown_is_told_so_and_may_come_later() -> None:
    world = contended_world(attempts=1)

    def lose(step: Step) -> None:
        if isinstance(step, Combine):
            raise LOST

    world.lobby.before = lose
    with pytest.raises(UnknownOutcomeError, match=r"^Cannot write to the notification log: .*"):
        world.reserve()
    reads = world.table.ends_read
    world.lobby.before = lambda _: None
    assert world.reserve().positions == range(3, 4)
    assert world.table.ends_read == reads + 1, "where the log ends is not known any more"


def lose_together(world: World) -> list[Reserved | BaseException]:
    """Have two wait while another one leads, who loses a race: all three are announced then."""
    with world.led(entry(), entry()) as futures:
        world.table.append_for_another_process()
    return [future.exception() or future.result() for future in futures]


def test_a_group_that_cannot_be_announced_is_told_that_nothing_was_written() -> None:
    world = World()

    def refuse(step: Step) -> None:
        raise NoHostAvailable("nobody there", {})

    world.lobby.before = refuse
    told = lose_together(world)
    assert [type(each) for each in told] == [StoreUnreachableError] * 2
    assert all(str(each).endswith("Nothing was written.") for each in told)
    world.lobby.before = lambda _: None
    assert world.reserve().positions == range(2, 3)


def test_a_group_that_is_refused_for_good_is_withdrawn_and_nobody_serves_it() -> None:
    world = contended_world()

    def refuse(step: Step) -> None:
        if isinstance(step, Combine):
            raise InvalidRequest("Batch too large")

    world.lobby.before = refuse
    with pytest.raises(ProgrammingError, match=r"Batch too large\. Nothing was written\.$"):
        world.reserve()
    world.lobby.before = lambda _: None
    other = world.another_process()
    assert other.reserve(entry()).positions == range(3, 4)
    assert world.reserve().positions == range(4, 5)


def test_a_failure_that_nobody_expected_is_an_unknown_outcome_for_who_waited() -> None:
    world = World()

    def fail(step: Step) -> None:
        raise RuntimeError("cannot schedule new futures after shutdown")

    world.lobby.before = fail
    told = lose_together(world)
    assert [type(each) for each in told] == [UnknownOutcomeError] * 2
    assert "was interrupted" in str(told[0])
    world.lobby.before = lambda _: None
    assert world.reserve().positions == range(2, 3)
