"""Outcomes are written into the log along with later reservations."""

from eventstore_cassandra.notification_log.combine_steps import Announce, Combine, Look, Step
from eventstore_cassandra.notification_log.marks import Reserved
from eventstore_cassandra.notification_log.table import Mark
from tests.unit.eventstore.log_in_memory import entry
from tests.unit.eventstore.reserving import LOST, World


def test_outcomes_are_written_along_with_the_next_reservation() -> None:
    world = World()
    first, second = world.reserve(), world.reserve()
    world.reservations.mark(first, committed=True)
    world.reservations.mark(second, committed=False)
    world.reserve()
    assert world.table.applied[-1].marks == [Mark(0, 1, [True]), Mark(0, 2, [False])]
    world.reserve()
    assert world.table.applied[-1].marks == [], "they are written once"


def test_a_row_is_marked_when_the_outcomes_of_all_its_appends_are_known() -> None:
    world = World()
    told = world.reserve_together(entry(), entry(2), entry())
    first, second, third = [each for each in told if isinstance(each, Reserved)]
    world.reservations.mark(third, committed=True)
    world.reservations.mark(first, committed=True)
    world.reserve()
    assert world.table.applied[-1].marks == []
    world.reservations.mark(second, committed=False)
    world.reserve()
    assert world.table.applied[-1].marks == [Mark(0, 5, [True, False, True])]


def test_marks_of_a_batch_that_lost_its_race_go_along_with_the_announcement() -> None:
    world = World()
    rows = [world.reserve() for _ in range(2)]
    for row in rows:
        world.reservations.mark(row, committed=True)
    world.table.append_for_another_process()
    world.reserve()
    assert world.lobby.marks == [Mark(0, 1, [True]), Mark(0, 2, [True])]
    assert world.table.applied[-1].marks == [], "they are written once"


def test_marks_of_a_request_that_failed_go_along_with_the_next_one_in_order() -> None:
    world = World(attempts=4)
    rows = [world.reserve() for _ in range(2)]
    for row in rows:
        world.reservations.mark(row, committed=True)
    world.table.append_for_another_process()
    kinds: list[type[Step]] = []

    def lose_each_kind_once(step: Step) -> None:
        if type(step) not in kinds:
            kinds.append(type(step))
            raise LOST

    world.lobby.before = lose_each_kind_once
    world.reserve()
    assert kinds == [Announce, Look, Combine]
    assert world.lobby.marks == [Mark(0, 1, [True]), Mark(0, 2, [True])]


def test_marks_that_are_known_only_after_the_announcement_go_along_with_the_row() -> None:
    world = World()
    row = world.reserve()
    world.table.append_for_another_process()
    world.lobby.before = lambda step: (
        world.reservations.mark(row, committed=False) if isinstance(step, Look) else None
    )
    world.reserve()
    assert world.lobby.marks == []
    assert world.table.applied[-1].marks == [Mark(0, 1, [False])]


def test_marks_of_a_row_that_was_refused_wait_again() -> None:
    world = World()
    row = world.reserve()
    world.table.append_for_another_process()
    looks = []

    def be_late_once(step: Step) -> None:
        if isinstance(step, Look):
            looks.append(step)
            if len(looks) == 1:
                world.reservations.mark(row, committed=True)
        if isinstance(step, Combine) and len(looks) == 1:
            world.table.append_for_another_process()

    world.lobby.before = be_late_once
    assert world.reserve().positions == range(4, 5)
    assert world.table.applied[-1].marks == [Mark(0, 1, [True])]


def test_a_row_that_may_have_appends_of_others_is_marked_in_part() -> None:
    world = World()
    world.reserve()
    world.table.append_for_another_process()
    world.lobby.announce_for_another_process(2)
    reserved = world.reserve()
    assert (reserved.positions, reserved.number) == (range(5, 6), 0)
    world.reservations.mark(reserved, committed=False)
    world.reserve()
    assert world.lobby.marks == [Mark(0, 5, [False], first=5)]


def test_marks_of_a_bucket_that_was_left_are_given_up() -> None:
    world = World(bucket_size=2)
    rows = [world.reserve() for _ in range(3)]
    for row in rows:
        world.reservations.mark(row, committed=True)
    world.reserve()
    assert world.table.applied[-1].marks == [Mark(1, 3, [True])]


def test_a_batch_takes_a_hundred_marks_and_the_next_one_the_rest() -> None:
    world = World()
    rows = [world.reserve() for _ in range(101)]
    for row in rows:
        world.reservations.mark(row, committed=True)
    world.reserve()
    assert [mark.last for mark in world.table.applied[-1].marks] == list(range(1, 101))
    world.reserve()
    assert world.table.applied[-1].marks == [Mark(0, 101, [True])]
