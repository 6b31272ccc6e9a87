"""The protocol of announced groups: answers that are lost."""

from itertools import combinations_with_replacement

import pytest
from cassandra import Unauthorized
from eventsourcing.persistence import PersistenceError, ProgrammingError

from eventstore_cassandra.append import Applied, Unanswered
from eventstore_cassandra.errors import StoreUnreachableError
from eventstore_cassandra.notification_log.combine_steps import (
    Announce,
    Combine,
    Combined,
    Look,
    Reply,
)
from eventstore_cassandra.notification_log.lobby import Lobby, Served
from eventstore_cassandra.notification_log.reserve_steps import Place
from tests.unit.eventstore.combining import (
    ALONE,
    ANNOUNCED,
    BEGUN,
    GROUPS,
    LOST,
    MINE,
    OLDER,
    REFUSED,
    SERIAL,
    TOGETHER,
    UNREACHABLE,
    YOUNGER,
    failure,
    is_unknown,
    lobby_of,
    play,
    so_far,
)

SERVED = {MINE: Served(7, 7, 8)}
NOT_ALLOWED = Unanswered(Unauthorized("no permission"))


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (UNREACHABLE, StoreUnreachableError),
        (NOT_ALLOWED, ProgrammingError),
        (REFUSED, ProgrammingError),
    ],
)
def test_nothing_was_written_of_a_group_that_surely_was_not_announced(
    reply: Unanswered, kind: type[PersistenceError]
) -> None:
    error = failure(reply)
    assert type(error) is kind
    assert str(error).startswith("Cannot write to the notification log: ")
    assert str(error).endswith("Nothing was written.")
    assert error.__cause__ is reply.error


@pytest.mark.parametrize("between", [[], [LOST], [UNREACHABLE], [REFUSED]])
def test_an_announcement_without_an_answer_is_written_again_with_its_number(
    between: list[Reply],
) -> None:
    steps, _ = play(LOST, *between, *BEGUN, Lobby(8, {}, SERVED))
    assert steps == [ANNOUNCED[0]] * (1 + len(between)) + [*ANNOUNCED, GROUPS]


@pytest.mark.parametrize("reply", [LOST, UNREACHABLE, NOT_ALLOWED])
def test_a_look_without_an_answer_is_taken_again(reply: Reply) -> None:
    lobby = lobby_of(YOUNGER)
    steps, _ = play(*BEGUN, reply, lobby, Applied())
    assert steps == [*ANNOUNCED, GROUPS, GROUPS, TOGETHER]


@pytest.mark.parametrize("reply", [LOST, UNREACHABLE])
def test_after_a_batch_without_an_answer_the_look_is_serial(reply: Reply) -> None:
    steps, combined = play(*BEGUN, lobby_of(), reply, lobby_of(head=8, served=SERVED))
    assert steps == [*ANNOUNCED, GROUPS, ALONE, SERIAL]
    assert combined == Combined(0, Served(7, 7, 8), Place(0, 8, 9), {MINE: 7}, rivals=1)


def test_a_batch_that_was_not_applied_is_tried_again_and_looks_are_serial_from_then_on() -> None:
    lobby = lobby_of(YOUNGER)
    steps = so_far(*BEGUN, lobby, LOST, lobby, LOST, lobby, Lobby(6))
    assert steps == [
        *[*ANNOUNCED, GROUPS, TOGETHER],
        *[SERIAL, TOGETHER, SERIAL, TOGETHER, SERIAL],
    ]


def test_a_serial_look_that_is_not_answered_is_serial_again() -> None:
    assert so_far(*BEGUN, lobby_of(), LOST, LOST)[-2:] == [SERIAL, SERIAL]


def test_a_batch_without_an_answer_that_was_applied_refuses_the_next_try() -> None:
    lobby = lobby_of()
    steps, combined = play(*BEGUN, lobby, LOST, lobby, Lobby(8, {}, SERVED))
    assert steps[-3:] == [ALONE, SERIAL, ALONE]
    assert combined.served == Served(7, 7, 8)


@pytest.mark.parametrize("attempts", [1, 2, 3])
def test_so_many_steps_may_stay_unanswered_once_it_may_be_there(attempts: int) -> None:
    # Of the announcement, the look and the batch, in any distribution.
    for lost in combinations_with_replacement([Announce, Look, Combine], attempts):
        replies: list[Reply] = [
            *[LOST] * lost.count(Announce),
            *(BEGUN if lost[-1] is not Announce else []),
            *[LOST] * lost.count(Look),
            *(reply for _ in range(lost.count(Combine)) for reply in (lobby_of(), LOST)),
        ]
        error = failure(*replies, attempts=attempts)
        assert is_unknown(error)
        assert error.__cause__ is LOST.error
        assert so_far(*replies, attempts=attempts + 1)


@pytest.mark.parametrize("last", [UNREACHABLE, NOT_ALLOWED])
def test_it_is_unknown_even_if_the_last_step_surely_was_not_taken(last: Unanswered) -> None:
    for error in failure(LOST, last, attempts=2), failure(*BEGUN, last, attempts=1):
        assert is_unknown(error)
        assert error.__cause__ is last.error


def test_refusals_and_waits_do_not_count_as_unanswered() -> None:
    replies = [lobby_of(OLDER), None, lobby_of(), Lobby(6), lobby_of(), Lobby(7)]
    assert so_far(LOST, *BEGUN, *replies, LOST, attempts=3)[-1] == SERIAL


def test_unanswered_steps_count_in_all_buckets_together() -> None:
    closed = lobby_of(head=10)
    replies = [LOST, *BEGUN, closed, closed, *BEGUN, LOST]
    assert so_far(*replies)[-1] == Look(1, with_groups=True)
    assert is_unknown(failure(*replies, LOST))
