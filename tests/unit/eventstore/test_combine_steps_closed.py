"""The protocol of announced groups: buckets that are closed."""

from dataclasses import replace

import pytest

from eventstore_cassandra.append import Applied
from eventstore_cassandra.notification_log.combine_steps import (
    Announce,
    Combine,
    Combined,
    Find,
    Look,
)
from eventstore_cassandra.notification_log.lobby import Lobby, Served
from eventstore_cassandra.notification_log.reserve_steps import Place
from tests.unit.eventstore.combining import (
    ANNOUNCED,
    BEGUN,
    GROUPS,
    LOOK,
    LOST,
    MINE,
    OLDER,
    OWN,
    SERIAL,
    UNREACHABLE,
    WAIT,
    YOUNGER,
    begin,
    failure,
    is_unknown,
    lobby_of,
    play,
    so_far,
)
from tests.unit.eventstore.lobby_in_memory import group_of

SERVED = {MINE: Served(7, 7, 8)}
NEXT = Place(1, None, 11)


def in_next(number: int = 11) -> Announce:
    return Announce(1, replace(OWN, number=number))


@pytest.mark.parametrize(("head", "first"), [(10, 11), (12, 13)])
def test_a_bucket_is_left_after_a_serial_look_and_the_group_gets_a_new_number(
    head: int, first: int
) -> None:
    closed = lobby_of(head=head)
    replies = [*BEGUN, closed, closed, *BEGUN, Lobby(None, {MINE: first}), Applied()]
    steps, combined = play(*replies)
    group = replace(OWN, number=first)
    assert steps == [
        *[*ANNOUNCED, GROUPS, SERIAL],
        *[
            Announce(1, group),
            Look(1, with_groups=True),
            Combine(Place(1, None, first), [group], {}),
        ],
    ]
    served = Served(first, first, first + 1)
    end = Place(1, first + 1, first + 2)
    assert combined == Combined(1, served, end, {MINE: first}, rivals=0)


def test_the_new_number_is_larger_even_if_the_own_one_was_large() -> None:
    closed = lobby_of(head=10)
    _, combined = play(*BEGUN, closed, closed, *BEGUN, Lobby(None), Applied(), above=40)
    assert combined.served.number == 42


def test_who_was_served_in_a_bucket_that_is_closed_learns_so_by_the_serial_look() -> None:
    steps, combined = play(*BEGUN, lobby_of(head=10), lobby_of(head=10, served=SERVED))
    assert steps == [*ANNOUNCED, GROUPS, SERIAL]
    assert (combined.bucket, combined.served) == (0, Served(7, 7, 8))
    assert combined.place == NEXT


def test_an_older_group_in_a_closed_bucket_is_not_waited_for() -> None:
    closed = lobby_of(OLDER, head=10)
    assert so_far(*BEGUN, closed, closed) == [*ANNOUNCED, GROUPS, SERIAL, in_next()]


def test_a_bucket_that_closes_while_it_waits_is_looked_at_once_more() -> None:
    closed = lobby_of(YOUNGER, head=10)
    steps = so_far(*BEGUN, lobby_of(OLDER, group_of(YOUNGER.process, 6)), None, closed, closed)
    assert steps[-3:] == [LOOK, replace(LOOK, is_serial=True), in_next()]


def test_a_serial_look_after_a_lost_batch_that_finds_the_bucket_closed_is_enough() -> None:
    steps = so_far(*BEGUN, lobby_of(), LOST, lobby_of(head=10))
    assert steps[-2:] == [SERIAL, in_next()]


def test_a_bucket_whose_last_position_is_free_is_not_closed() -> None:
    assert so_far(*BEGUN, lobby_of(head=9))[-1] == Combine(Place(0, 9, 10), [OWN], {})


def test_nothing_was_written_of_a_group_that_a_closed_bucket_passed_over() -> None:
    closed = lobby_of(head=10)
    replies = [*BEGUN, closed, closed]
    assert not is_unknown(failure(*replies, UNREACHABLE))
    assert so_far(*replies, LOST)[-1] == in_next()
    assert is_unknown(failure(*replies, *BEGUN, UNREACHABLE, UNREACHABLE, UNREACHABLE))


def test_after_a_lost_batch_of_a_bucket_that_was_left_the_look_in_the_next_is_plain() -> None:
    replies = [*BEGUN, lobby_of(), LOST, lobby_of(head=10), *BEGUN]
    assert so_far(*replies)[-1] == Look(1, with_groups=True)


def test_it_waits_for_older_ones_in_the_next_bucket_again() -> None:
    older = Lobby(None, {OLDER.process: 3, MINE: 11})
    replies = [*BEGUN, lobby_of(OLDER), None, lobby_of(head=10), lobby_of(head=10), *BEGUN, older]
    assert so_far(*replies)[-1] == WAIT


def test_it_goes_on_where_the_log_ends_however_far_that_is() -> None:
    machine = begin()
    next(machine)
    for reply in [*BEGUN, lobby_of(head=10)]:
        machine.send(reply)
    assert machine.send(lobby_of(head=10)) == Find(NEXT)
    assert machine.send(Place(7, 74, 75)) == Announce(7, replace(OWN, number=75))
