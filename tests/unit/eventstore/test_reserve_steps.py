"""The reservation protocol without a database: what follows from each order of replies."""

from uuid import uuid4

import pytest
from cassandra import InvalidRequest, OperationTimedOut, Unauthorized
from cassandra.cluster import NoHostAvailable
from eventsourcing.persistence import OperationalError, PersistenceError, ProgrammingError

from eventstore_cassandra.append import Applied, Found, Unanswered
from eventstore_cassandra.errors import StoreUnreachableError, UnknownOutcomeError
from eventstore_cassandra.notification_log.buckets import Buckets
from eventstore_cassandra.notification_log.reserve_steps import (
    Insist,
    LookUp,
    Place,
    Refused,
    Reply,
    Reserve,
    Step,
    after,
    reserve_steps,
)

PLACE = Place(0, 6, 7)
MINE = uuid4()
LOST = Unanswered(OperationTimedOut("no answer"))
UNREACHABLE = Unanswered(NoHostAvailable("nobody there", {}))
NOT_ALLOWED = Unanswered(Unauthorized("no permission"))
NO_TABLE = Unanswered(InvalidRequest("table notification_log does not exist"))
RESERVE, INSIST, LOOK_UP = Reserve(PLACE), Insist(PLACE), LookUp(PLACE)


def play(*replies: Reply, place: Place = PLACE, attempts: int = 3) -> tuple[list[Step], int | None]:
    """Send all replies; return the steps that were asked for, and what it came to."""
    machine = reserve_steps(place, MINE, attempts=attempts)
    steps = [next(machine), *(machine.send(reply) for reply in replies[:-1])]
    with pytest.raises(StopIteration) as stop:
        machine.send(replies[-1])
    instead = stop.value.value
    return steps, instead.head if instead else None


def failure(*replies: Reply, place: Place = PLACE, attempts: int = 3) -> PersistenceError:
    """Send all replies; return the error in which the last of them ends it."""
    machine = reserve_steps(place, MINE, attempts=attempts)
    next(machine)
    for reply in replies[:-1]:
        machine.send(reply)
    with pytest.raises(PersistenceError) as raised:
        machine.send(replies[-1])
    return raised.value


@pytest.mark.parametrize(
    ("replies", "steps", "head"),
    [
        ([Applied()], [RESERVE], None),
        ([LOST, Applied()], [RESERVE] * 2, None),
        ([LOST, LOST, Applied()], [RESERVE] * 3, None),
        # Nothing was tried before, so that the place is another's: there is no need to look.
        ([Refused(9)], [RESERVE], 9),
        # The refusal may be due to the own earlier try.
        ([LOST, Refused(9), Found(MINE)], [RESERVE, RESERVE, LOOK_UP], None),
        ([LOST, Refused(9), Found(uuid4())], [RESERVE, RESERVE, LOOK_UP], 9),
        ([LOST, Refused(9), Found(None)], [RESERVE, RESERVE, LOOK_UP], 9),
        ([LOST, Refused(9), LOST, Found(MINE)], [RESERVE, RESERVE, LOOK_UP, LOOK_UP], None),
        ([LOST, Refused(9), UNREACHABLE, Found(MINE)], [RESERVE, RESERVE, LOOK_UP, LOOK_UP], None),
        # An announcement has refused it, and may not refuse the earlier try.
        ([Refused(6)], [RESERVE], 6),
        ([LOST, Refused(6), Applied()], [RESERVE, RESERVE, INSIST], None),
        ([LOST, Refused(6), LOST, Applied()], [RESERVE, RESERVE, INSIST, INSIST], None),
        ([LOST, Refused(6), Refused(9), Found(MINE)], [RESERVE] * 2 + [INSIST, LOOK_UP], None),
        ([LOST, Refused(6), Refused(9), Found(None)], [RESERVE] * 2 + [INSIST, LOOK_UP], 9),
        # What may be applied still has to be found out, even if a later try was surely not.
        ([LOST, UNREACHABLE, Applied()], [RESERVE] * 3, None),
        ([LOST, NOT_ALLOWED, Refused(9), Found(MINE)], [RESERVE] * 3 + [LOOK_UP], None),
    ],
)
def test_it_ends_with_the_head_that_is_there_instead_or_none(
    replies: list[Reply], steps: list[Step], head: int | None
) -> None:
    assert play(*replies) == (steps, head)


@pytest.mark.parametrize(
    ("replies", "kind"),
    [
        ([LOST, LOST, LOST], UnknownOutcomeError),
        ([LOST, LOST, UNREACHABLE], UnknownOutcomeError),
        ([LOST, UNREACHABLE, NOT_ALLOWED], UnknownOutcomeError),
        ([LOST, Refused(9), LOST, LOST], UnknownOutcomeError),
        ([LOST, Refused(9), UNREACHABLE, NO_TABLE], UnknownOutcomeError),
    ],
)
def test_an_outcome_that_stays_unknown_is_called_unknown(
    replies: list[Reply], kind: type[PersistenceError]
) -> None:
    error = failure(*replies)
    assert type(error) is kind
    assert str(error).startswith("Cannot write to the notification log: ")
    assert "It is not known whether the events are or will be written" in str(error)
    assert "Nothing was written" not in str(error)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (UNREACHABLE, StoreUnreachableError),
        (NOT_ALLOWED, ProgrammingError),
        (NO_TABLE, ProgrammingError),
    ],
)
def test_what_was_surely_not_applied_is_not_tried_again(
    reply: Unanswered, kind: type[PersistenceError]
) -> None:
    error = failure(reply)
    assert type(error) is kind
    assert str(error).endswith("Nothing was written.")
    assert error.__cause__ is reply.error


@pytest.mark.parametrize("attempts", [1, 2, 5])
def test_so_many_steps_may_stay_unanswered(attempts: int) -> None:
    assert play(*[LOST] * (attempts - 1), Applied(), attempts=attempts) == (
        [RESERVE] * attempts,
        None,
    )
    assert failure(*[LOST] * attempts, attempts=attempts).__cause__ is LOST.error


@pytest.mark.parametrize("before", [[], [LOST]])
def test_a_bucket_that_has_lost_its_rows_is_not_written_to(before: list[Reply]) -> None:
    error = failure(*before, Refused(None))
    assert type(error) is OperationalError
    assert str(error) == (
        "Expected bucket 0 of the notification log to have the head 6, found no rows. "
        "Positions were lost: verify the log."
    )


def test_the_end_of_the_log_follows_its_head_and_goes_on_in_the_next_bucket_where_one_is_full() -> (
    None
):
    buckets = Buckets(10)
    assert after(Place(0, None, 1), 1, buckets) == Place(0, 1, 2)
    assert after(Place(0, 8, 9), 9, buckets) == Place(0, 9, 10)
    assert after(Place(0, 9, 10), 10, buckets) == Place(1, None, 11)
    assert after(Place(0, 9, 10), 12, buckets) == Place(1, None, 13)
    assert after(Place(1, 19, 20), 20, buckets) == Place(2, None, 21)
