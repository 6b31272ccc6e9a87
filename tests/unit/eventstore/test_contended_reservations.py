"""A process that meets others announces its appends, and is served by them, or serves them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from cassandra.cluster import NoHostAvailable

from eventstore_cassandra.errors import StoreUnreachableError
from eventstore_cassandra.notification_log.combine_steps import Announce, Combine, Look, Step
from eventstore_cassandra.notification_log.marks import Reserved
from eventstore_cassandra.notification_log.reserve_steps import Place
from tests.unit.eventstore.lobby_in_memory import group_of
from tests.unit.eventstore.log_in_memory import entry
from tests.unit.eventstore.reserving import World


def kinds(world: World) -> list[type[Step]]:
    return [type(step) for step in world.lobby.steps]


def lose_a_race(world: World) -> Reserved:
    world.reserve()
    world.table.append_for_another_process()
    return world.reserve()


def test_who_meets_nobody_announces_nothing() -> None:
    world = World()
    for _ in range(3):
        world.reserve()
    assert world.lobby.steps == []


def test_who_has_lost_a_race_announces_and_then_reserves_where_the_log_ends() -> None:
    world = World()
    reserved = lose_a_race(world)
    assert kinds(world) == [Announce, Look, Combine]
    assert reserved.positions == range(3, 4)
    assert (reserved.row.bucket, reserved.row.last, reserved.row.first) == (0, 3, 3)
    assert (reserved.row.outcomes, reserved.number) == ([None], 0)


def test_after_eight_groups_that_meet_nobody_it_goes_quietly_again() -> None:
    world = World()
    lose_a_race(world)
    for _ in range(7):
        world.reserve()
    assert kinds(world).count(Announce) == 8
    for _ in range(3):
        world.reserve()
    assert kinds(world).count(Announce) == 8, "it knows of its own announcement"
    assert world.counters.values()["reservation_retries"] == 1
    assert world.table.applied[-1].last == 13


def be_calm_again(world: World) -> None:
    lose_a_race(world)
    for _ in range(7):
        world.reserve()
    world.lobby.steps.clear()


def test_announcements_that_have_vanished_are_no_rivals() -> None:
    world = World()
    be_calm_again(world)
    world.table.announced[0].clear()
    ends_read = world.table.ends_read
    for _ in range(2):
        world.reserve()
    assert world.lobby.steps == []
    assert world.table.ends_read == ends_read
    assert world.counters.values()["reservation_retries"] == 1


@pytest.mark.parametrize(
    "appears",
    [
        lambda world: world.lobby.announce_for_another_process(),
        lambda world: world.table.append_for_another_process(),
    ],
    ids=["announced", "reserved"],
)
def test_a_rival_that_appears_as_others_vanish_is_met(appears: Callable[[World], object]) -> None:
    world = World()
    be_calm_again(world)
    world.table.announced[0].clear()
    appears(world)
    world.reserve()
    assert kinds(world)[0] is Announce
    assert world.counters.values()["reservation_retries"] == 2


def test_the_end_of_the_log_is_not_read_again_by_one_that_was_told_it() -> None:
    world = World()
    lose_a_race(world)
    assert world.table.ends_read == 2, "at first, and by the other process"


def test_whoever_meets_somebody_announces_eight_more() -> None:
    world = World()
    lose_a_race(world)
    world.reserve()
    world.lobby.announce_for_another_process()
    for _ in range(12):
        world.reserve()
    assert kinds(world).count(Announce) == 2 + 1 + 8


def test_a_group_that_is_announced_refuses_a_quiet_batch() -> None:
    world = World()
    world.reserve()
    theirs = world.lobby.announce_for_another_process(2, 3)
    assert world.reserve().positions == range(7, 8)
    places = world.table.positions()
    assert [places[name] for name, *_ in theirs.appends] == [[range(2, 4)], [range(4, 7)]]
    assert world.counters.values()["reservation_retries"] == 1


def test_one_that_begins_in_a_bucket_where_others_have_announced_announces_as_well() -> None:
    world = World()
    lose_a_race(world)
    other = world.another_process()
    assert other.reserve(entry()).positions == range(4, 5)
    assert kinds(world).count(Announce) == 2
    assert [each.place for each in world.table.applied][-1] == Place(0, 3, 4)


def test_a_group_that_was_served_by_another_has_its_places_in_their_row() -> None:
    world = World()
    older = group_of(uuid4(), 2, 2)

    def serve(step: Step) -> None:
        if isinstance(step, Announce):
            world.lobby.combine(Combine(Place(0, 1, 2), [older, step.group], {}), [])

    world.lobby.after = serve
    with world.led(entry(2), entry()) as futures:  # another one leads: it is served along with them
        world.table.append_for_another_process()
    first, second = (future.result() for future in futures)
    assert (first.positions, first.number) == (range(5, 7), 1)
    assert (second.positions, second.number) == (range(7, 8), 2)
    assert first.row is second.row
    assert (first.row.last, first.row.first, first.row.outcomes) == (7, 4, [None] * 3)
    assert kinds(world) == [Announce, Combine, Look]


def test_who_announces_pauses_before_it_takes_a_group() -> None:
    world = World()
    lose_a_race(world)
    assert world.waiting.pauses == [(0.005 / 2, 0.005)]


def test_the_pause_follows_the_time_that_an_announcement_takes() -> None:
    world = World()
    world.waiting.time = 100.0

    def take_time(step: Step) -> None:
        if isinstance(step, Announce):
            world.waiting.time += 1

    world.lobby.before = take_time
    lose_a_race(world)
    world.reserve()
    shortest, longest = world.waiting.pauses[-1]
    assert shortest == (0.005 + 0.995 / 5) / 2
    assert longest == 2 * shortest


def test_a_pause_is_as_long_as_others_were_active_since_the_group_before() -> None:
    world = World()
    lose_a_race(world)  # its group has the number 3
    world.lobby.steps.clear()
    for number in (2, 3, 4, 5):
        world.lobby.announce_for_another_process(number=number)
    world.reserve()
    announcement = world.lobby.steps[0]
    assert isinstance(announcement, Announce)
    assert announcement.group.number == 4
    world.waiting.pauses.clear()
    world.reserve()
    shortest, _ = world.waiting.pauses[0]
    assert shortest == pytest.approx(0.005 * 0.8**2 * 2 / 2), "two of them were"


def test_a_group_has_a_larger_number_than_one_before_that_has_come_to_nothing() -> None:
    world = World()
    lose_a_race(world)
    world.lobby.steps.clear()

    def fail(step: Step) -> None:
        raise NoHostAvailable("nobody there", {})

    world.lobby.before = fail
    for _ in range(2):
        with pytest.raises(StoreUnreachableError):
            world.reserve()
    assert [step.group.number for step in world.lobby.steps if isinstance(step, Announce)] == [4, 5]


def test_a_row_that_is_refused_counts_as_a_race_that_was_lost() -> None:
    world = World()
    refused: list[Step] = []

    def be_late_once(step: Step) -> None:
        if isinstance(step, Combine) and not refused:
            refused.append(step)
            world.table.append_for_another_process()

    world.lobby.before = be_late_once
    assert lose_a_race(world).positions == range(4, 5)
    assert world.counters.values()["reservation_retries"] == 2


def test_who_goes_quietly_again_in_the_next_bucket_expects_no_announcements_there() -> None:
    world = World(bucket_size=10)
    lose_a_race(world)
    for _ in range(7):
        world.reserve()
    assert world.reserve().positions == range(11, 12)
    assert world.table.applied[-1].announced is None
    assert kinds(world).count(Announce) == 8
    assert world.counters.values()["reservation_retries"] == 1


def test_the_place_is_known_after_a_group_was_served() -> None:
    world = World()
    lose_a_race(world)
    reads = world.table.ends_read
    for _ in range(12):
        world.reserve()
    assert world.table.ends_read == reads


def test_a_group_that_runs_over_the_edge_is_followed_by_one_in_the_next_bucket() -> None:
    world = World(bucket_size=3)
    assert lose_a_race(world).positions == range(3, 4)
    reserved = world.reserve(2)
    assert (reserved.positions, reserved.row.bucket) == (range(4, 6), 1)
    for _ in range(9):
        reserved = world.reserve()
    assert reserved.positions == range(14, 15)
    quiet = world.table.applied[-1]
    assert (quiet.place, quiet.announced) == (Place(4, 13, 14), None)


def test_threads_of_several_processes_get_places_once_each_without_gaps() -> None:
    world = World(bucket_size=20)
    processes = [world.reservations, *(world.another_process() for _ in range(3))]
    entries = [entry(1 + n % 3) for n in range(240)]
    with ThreadPoolExecutor(12) as pool:
        futures = [pool.submit(processes[n % 4].reserve, each) for n, each in enumerate(entries)]
        reserved = [future.result(timeout=60) for future in futures]
    places = world.table.positions()
    for each, told in zip(entries, reserved, strict=True):
        assert places[each.append.append_id] == [told.positions]
    taken = sorted(position for each in reserved for position in each.positions)
    assert taken == list(range(1, 480 + 1))
