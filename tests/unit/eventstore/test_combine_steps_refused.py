"""The protocol of announced groups: requests that are refused for good."""

from dataclasses import replace

import pytest
from cassandra import InvalidRequest, Unauthorized
from eventsourcing.persistence import ProgrammingError

from eventstore_cassandra.append import Applied, Unanswered
from eventstore_cassandra.notification_log.combine_steps import (
    Combine,
    Withdraw,
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
    OWN,
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
NEXT = Place(1, None, 11)


@pytest.mark.parametrize("kind", [InvalidRequest, Unauthorized, ValueError, OverflowError])
def test_a_batch_with_others_that_is_refused_for_good_is_tried_without_them(
    kind: type[Exception],
) -> None:
    lobby = lobby_of(YOUNGER)
    refusal = Unanswered(kind("Batch too large"))
    steps, combined = play(*BEGUN, lobby, refusal, lobby, Applied())
    assert steps == [*ANNOUNCED, GROUPS, TOGETHER, SERIAL, ALONE]
    assert (combined.served, combined.rivals) == (Served(7, 7, 8), 1)


def test_refusals_for_good_do_not_count_as_unanswered() -> None:
    lobby = lobby_of(YOUNGER)
    steps, _ = play(LOST, *BEGUN, lobby, REFUSED, lobby, Applied(), attempts=2)
    assert steps[-1] == ALONE


def test_one_that_was_refused_with_others_stays_alone_in_the_next_bucket() -> None:
    closed = lobby_of(YOUNGER, head=10)
    refused = [*BEGUN, lobby_of(YOUNGER), REFUSED]
    younger = Lobby(None, {MINE: 11, YOUNGER.process: 12})
    steps = so_far(*refused, closed, *BEGUN, younger)
    assert steps[-1] == Combine(NEXT, [replace(OWN, number=11)], {})


REFUSED_ALONE = [*BEGUN, lobby_of(), REFUSED, lobby_of(), REFUSED]


@pytest.mark.parametrize("served", [None, Served(2, 1, 2)])
def test_one_that_is_refused_for_good_alone_is_withdrawn(served: Served | None) -> None:
    lobby = lobby_of(served={MINE: served} if served else {})
    replies = [*BEGUN, lobby, REFUSED, lobby, REFUSED]
    assert so_far(*replies)[-1] == Withdraw(0, OWN, served)
    error = failure(*replies, Applied())
    assert type(error) is ProgrammingError
    assert (
        str(error)
        == (
            "Cannot write to the notification log: Error from server: code=2200 [Invalid query] "
            'message="Batch too large". Nothing was written.'
        )
        or str(error)
        == "Cannot write to the notification log: Batch too large. Nothing was written."
    )
    assert error.__cause__ is REFUSED.error


def test_nothing_was_written_of_one_that_was_withdrawn_though_answers_were_lost() -> None:
    replies = [LOST, *BEGUN, lobby_of(), LOST, lobby_of(), REFUSED, lobby_of(), REFUSED]
    error = failure(*replies, Applied(), attempts=9)
    assert not is_unknown(error)


def test_one_that_was_served_before_it_could_be_withdrawn_has_its_places() -> None:
    lobby = Lobby(8, {MINE: 7}, SERVED)
    steps, combined = play(*REFUSED_ALONE, Lobby(None, {}, SERVED), lobby)
    assert steps[-2:] == [Withdraw(0, OWN, None), SERIAL]
    assert combined.served == Served(7, 7, 8)


@pytest.mark.parametrize("reply", [LOST, UNREACHABLE, REFUSED])
def test_one_that_cannot_be_withdrawn_may_be_served_later(reply: Unanswered) -> None:
    error = failure(*REFUSED_ALONE, reply)
    assert is_unknown(error)
    assert "Batch too large" in str(error)
    assert error.__cause__ is REFUSED.error
