"""The protocol of announced groups: who serves them, and where."""

import pytest
from eventsourcing.persistence import OperationalError

from eventstore_cassandra.append import Applied, Found
from eventstore_cassandra.errors import UnknownOutcomeError
from eventstore_cassandra.notification_log.combine_steps import Combine, Combined, Look, Reply
from eventstore_cassandra.notification_log.lobby import Group, Lobby, Served
from eventstore_cassandra.notification_log.reserve_steps import Place
from tests.unit.eventstore.combining import (
    ALONE,
    ANNOUNCED,
    BEGUN,
    GROUPS,
    LOOK,
    LOST,
    MINE,
    OLDER,
    OWN,
    PLACE,
    SERIAL,
    TOGETHER,
    WAIT,
    YOUNGER,
    A,
    C,
    failure,
    is_unknown,
    lobby_of,
    play,
    so_far,
)
from tests.unit.eventstore.lobby_in_memory import group_of


def test_a_group_that_others_have_served_at_the_first_look_is_done() -> None:
    lobby = lobby_of(YOUNGER, head=9, served={MINE: Served(7, 7, 8), A: Served(3, 9, 9)})
    steps, combined = play(*BEGUN, lobby)
    assert steps == [*ANNOUNCED, GROUPS]
    assert combined == Combined(0, Served(7, 7, 8), Place(0, 9, 10), {MINE: 7, C: 8}, rivals=1)


@pytest.mark.parametrize(
    ("head", "last", "place"),
    [
        (9, 8, Place(0, 9, 10)),
        (8, 9, Place(0, 9, 10)),
        (None, 8, Place(0, 8, 9)),
        (10, 8, Place(1, None, 11)),
        (9, 12, Place(1, None, 13)),
    ],
)
def test_the_end_of_the_log_is_at_least_where_the_group_was_served(
    head: int | None, last: int, place: Place
) -> None:
    _, combined = play(*BEGUN, lobby_of(head=head, served={MINE: Served(7, 7, last)}))
    assert combined.place == place


def test_a_group_that_meets_nobody_is_tried_alone() -> None:
    steps, combined = play(*BEGUN, lobby_of(), Applied())
    assert steps == [*ANNOUNCED, GROUPS, ALONE]
    assert combined == Combined(0, Served(7, 7, 8), Place(0, 8, 9), {MINE: 7}, rivals=0)


def test_it_is_tried_where_the_log_ends_when_the_lobby_is_read() -> None:
    served = {MINE: Served(2, 2, 3), C: Served(8, 7, 8)}
    steps, combined = play(*BEGUN, lobby_of(YOUNGER, head=8, served=served), Applied())
    assert steps[-1] == Combine(Place(0, 8, 9), [OWN], served)
    assert (combined.served, combined.place) == (Served(7, 9, 10), Place(1, None, 11))


def test_the_first_row_of_a_bucket_has_no_head_before_it() -> None:
    place = Place(1, None, 11)
    steps, combined = play(*BEGUN, Lobby(None, {MINE: 11}), Applied(), place=place)
    assert steps[-1] == Combine(place, [Group(MINE, 11, OWN.appends, OWN.events)], {})
    assert (combined.bucket, combined.served) == (1, Served(11, 11, 12))


def test_those_that_wait_are_served_along_with_it() -> None:
    lobby = lobby_of(YOUNGER)
    steps, combined = play(*BEGUN, lobby, Applied())
    assert steps == [*ANNOUNCED, GROUPS, TOGETHER]
    announced = {MINE: 7, C: 8}
    assert combined == Combined(0, Served(7, 7, 9), Place(0, 9, 10), announced, rivals=1)


def test_the_oldest_of_them_come_first() -> None:
    lobby = lobby_of(YOUNGER, OLDER)
    steps, combined = play(*BEGUN, lobby, None, lobby, Applied())
    assert steps == [
        *[*ANNOUNCED, GROUPS, WAIT, GROUPS],
        Combine(PLACE, [OLDER, OWN, YOUNGER], {}),
    ]
    assert (combined.served, combined.rivals) == (Served(7, 10, 12), 2)
    assert combined.place == Place(1, None, 13)


def test_it_waits_as_often_as_there_are_older_groups_and_no_more() -> None:
    lobby = lobby_of(OLDER, group_of(C, 6))
    replies = [*BEGUN, lobby, None, lobby, None, lobby]
    steps = [*ANNOUNCED, GROUPS, WAIT, LOOK, WAIT, GROUPS]
    assert so_far(*replies)[:-1] == steps
    # Whoever is refused after that does not wait again.
    again = so_far(*replies, lobby, lobby)
    oldest_first = [OLDER, lobby.groups[2], OWN]
    assert again[-2:] == [SERIAL, Combine(PLACE, oldest_first, {})]


def test_it_waits_for_those_that_are_left_only() -> None:
    both, one = lobby_of(OLDER, group_of(C, 6)), lobby_of(OLDER)
    steps = so_far(*BEGUN, both, None, one)
    assert steps == [*ANNOUNCED, GROUPS, WAIT, LOOK, GROUPS]
    assert so_far(*BEGUN, both, None, Lobby(6))[-1] == ALONE


def test_the_groups_of_a_large_lobby_are_read_by_those_only_whose_turn_it_is() -> None:
    older, younger = lobby_of(OLDER), lobby_of(YOUNGER)
    steps = so_far(*BEGUN, older, None, older, older, Lobby(7), is_eager=False)
    assert steps == [
        *[*ANNOUNCED, LOOK, WAIT, LOOK, GROUPS],
        *[Combine(PLACE, [OLDER, OWN], {}), Look(0, is_serial=True)],
    ]
    assert so_far(*BEGUN, younger, younger, is_eager=False)[-2:] == [GROUPS, TOGETHER]
    steps = so_far(*BEGUN, lobby_of(), LOST, is_eager=False)
    assert steps == [*ANNOUNCED, LOOK, ALONE, Look(0, is_serial=True)]


def test_an_older_one_that_comes_to_light_with_the_groups_is_waited_for_once() -> None:
    both = lobby_of(OLDER, group_of(C, 6))
    replies = [*BEGUN, lobby_of(OLDER), None, both]
    assert so_far(*replies)[-1] == WAIT
    assert so_far(*replies, None, both)[-1] == Combine(PLACE, [OLDER, both.groups[2], OWN], {})


def test_where_the_others_went_meanwhile_it_is_tried_alone() -> None:
    both, served = lobby_of(OLDER, group_of(C, 6)), {A: Served(3, 7, 7), C: Served(6, 7, 7)}
    steps = so_far(*BEGUN, both, None, lobby_of(head=7, served=served))
    assert steps[-2:] == [LOOK, Combine(Place(0, 7, 8), [OWN], served)]


def test_those_before_it_that_fill_a_row_are_served_without_it_and_then_it_is_tried_again() -> None:
    full = group_of(A, 3, 9)
    lobby = lobby_of(full)
    steps = so_far(*BEGUN, lobby, None, lobby, Applied())
    assert steps[-3:] == [GROUPS, Combine(PLACE, [full], {}), SERIAL]


def test_those_that_its_row_has_no_room_for_are_met_nevertheless() -> None:
    lobby = lobby_of(group_of(C, 8, 9))
    steps, combined = play(*BEGUN, lobby, Applied())
    assert steps[-1] == ALONE
    assert combined.rivals == 1


def test_a_refusal_that_tells_that_it_is_served_ends_it() -> None:
    refusal = Lobby(9, {}, {MINE: Served(7, 8, 9)})
    steps, combined = play(*BEGUN, lobby_of(), refusal)
    assert steps == [*ANNOUNCED, GROUPS, ALONE]
    assert combined == Combined(0, Served(7, 8, 9), Place(0, 9, 10), {MINE: 7}, rivals=1)


def test_after_any_other_refusal_it_looks_again_at_serial_consistency() -> None:
    refusal, lobby = Lobby(7, {}, {MINE: Served(2, 1, 2)}), lobby_of(head=7)
    steps, combined = play(*BEGUN, lobby_of(), refusal, lobby, Applied())
    assert steps[-3:] == [ALONE, SERIAL, Combine(Place(0, 7, 8), [OWN], {})]
    assert combined.served == Served(7, 8, 9)


def test_after_a_refusal_it_reads_the_groups_again() -> None:
    lobby = lobby_of(YOUNGER)
    assert so_far(*BEGUN, lobby, Lobby(7))[-1] == SERIAL


def test_a_refusal_of_the_first_row_of_a_bucket_tells_of_no_loss() -> None:
    place = Place(1, None, 11)
    steps = so_far(*BEGUN, Lobby(None), Lobby(None), place=place)
    assert steps[-1] == Look(1, with_groups=True, is_serial=True)


def test_a_bucket_that_has_lost_its_rows_is_not_written_to() -> None:
    error = failure(*BEGUN, lobby_of(head=None), Lobby(None))
    assert type(error) is UnknownOutcomeError
    assert str(error).startswith(
        "Expected bucket 0 of the notification log to have the head 6, found no rows. "
        "Positions were lost: verify the log."
    )


def test_a_group_that_was_withdrawn_has_no_positions() -> None:
    error = failure(*BEGUN, lobby_of(served={MINE: Served(7, 0, 0)}))
    assert not is_unknown(error)


def test_a_group_gets_a_number_above_the_head_and_above_those_before() -> None:
    for above, number in (0, 7), (6, 7), (7, 8), (20, 21):
        _, combined = play(*BEGUN, Lobby(6), Applied(), above=above)
        assert combined.served.number == number


@pytest.mark.parametrize(
    ("replies", "expected"),
    [([Lobby(6)], "Applied"), ([Applied(), Applied()], "Lobby"), ([Found(None)], "Applied")],
)
def test_an_answer_to_something_else_is_an_error(replies: list[Reply], expected: str) -> None:
    error = failure(*replies)
    assert type(error) is OperationalError
    assert str(error) == f"Expected {expected} as the answer, found {replies[-1]!r}."
