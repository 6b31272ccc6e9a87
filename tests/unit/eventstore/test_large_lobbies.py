"""A lobby that has much in it is read by those only whose turn it is."""

import pytest

from eventstore_cassandra.notification_log.combine_steps import Announce, Combine, Look, Step
from eventstore_cassandra.notification_log.combining import LARGE, MUCH
from eventstore_cassandra.notification_log.reserve_steps import Place
from tests.unit.eventstore.log_in_memory import entry
from tests.unit.eventstore.reserving import World


def meet_a_large_lobby(world: World) -> None:
    world.reserve()
    world.table.append_for_another_process()
    world.reservations.reserve(entry(state=b'"' + b"x" * MUCH + b'"'))
    world.lobby.steps.clear()


@pytest.mark.parametrize(("size", "stays"), [(LARGE, True), (LARGE + 1, False)])
def test_a_large_group_does_not_stay_once_it_is_served(size: int, *, stays: bool) -> None:
    world = World()
    world.reserve()
    world.table.append_for_another_process()
    world.reservations.reserve(entry(state=b"7" * size))
    groups = world.lobby.look(Look(0, with_groups=True)).groups
    assert [group.size for group in groups] == ([size] if stays else [])


def test_who_has_read_a_large_lobby_reads_the_next_one_when_its_turn_comes() -> None:
    world = World()
    meet_a_large_lobby(world)
    for _ in range(2):
        world.lobby.announce_for_another_process()
        world.reserve()
    looks = [step.with_groups for step in world.lobby.steps if isinstance(step, Look)]
    assert looks[:3] == [False, False, True], "its own large group was there"
    assert looks[3:] == [True, True], "and is not any more"


def test_a_look_without_the_groups_does_not_tell_that_the_lobby_is_small() -> None:
    world = World()
    meet_a_large_lobby(world)

    def serve(step: Step) -> None:
        if isinstance(step, Announce):
            place = world.table.end(Place(0, None, 1))
            world.lobby.combine(Combine(place, [step.group], world.lobby.look(Look(0)).served), [])

    world.lobby.after = serve
    for _ in range(2):
        world.reserve()
    assert not any(step.with_groups for step in world.lobby.steps if isinstance(step, Look))
