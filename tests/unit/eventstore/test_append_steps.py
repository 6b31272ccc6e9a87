"""The append protocol without a database: every order of replies, lost and late ones included."""

import struct
from dataclasses import replace
from uuid import uuid4

import pytest
from cassandra import InvalidRequest, OperationTimedOut, Unauthorized
from cassandra.cluster import NoHostAvailable
from eventsourcing.persistence import (
    IntegrityError,
    OperationalError,
    PersistenceError,
    ProgrammingError,
    StoredEvent,
)

from eventstore_cassandra.append import (
    ERASED_AT,
    Append,
    Applied,
    Bar,
    BarredError,
    Found,
    NotApplied,
    Reply,
    Step,
    Unanswered,
    append_steps,
)
from eventstore_cassandra.errors import UnknownOutcomeError, describe

AGGREGATE = uuid4()
LOST = Unanswered(OperationTimedOut("no answer"))
UNREACHABLE = Unanswered(NoHostAvailable("nobody there", {}))
REFUSED = Unanswered(InvalidRequest("message of size 17 exceeds 16"))


def events(*versions: int) -> list[StoredEvent]:
    return [StoredEvent(AGGREGATE, version, "Happened", b"{}") for version in versions]


def append(*versions: int) -> Append:
    return Append.of(events(*versions), max_bytes=10_000)


def play(
    of: Append, *replies: Reply, attempts: int = 3, is_intent: bool = False
) -> list[Step | Bar]:
    """Send the replies and return the steps that were asked for."""
    machine = append_steps(of, attempts=attempts, is_intent=is_intent)
    steps = [next(machine)]
    for reply in replies:
        try:
            steps.append(machine.send(reply))
        except StopIteration:
            return steps
    return steps


def test_the_first_event_creates_the_stream() -> None:
    assert play(append(1, 2), Applied()) == [Step.CREATE]


def test_a_further_event_extends_the_stream() -> None:
    assert play(append(3), Applied()) == [Step.EXTEND]


def test_version_1_may_follow_version_0() -> None:
    steps = play(append(1), NotApplied(0), Found(None), Applied())
    assert steps == [Step.CREATE, Step.LOOK, Step.EXTEND]


def test_an_intent_of_a_new_stream_is_not_appended_to_one_that_is_there() -> None:
    """Its place in the log may be before that of version 0."""
    with pytest.raises(IntegrityError, match="at no events, found it at version 0"):
        play(append(1), NotApplied(0), Found(None), is_intent=True)


def test_an_intent_that_is_known_to_follow_version_0_extends_the_stream() -> None:
    follows = replace(append(1), follows_0=True)
    assert play(follows, Applied(), is_intent=True) == [Step.EXTEND]
    with pytest.raises(IntegrityError, match="at version 0, found it at version 4"):
        play(follows, NotApplied(4), Found(None), is_intent=True)


def test_a_refusal_is_looked_into_before_it_is_called_a_conflict() -> None:
    with pytest.raises(IntegrityError, match="at version 2, found it at version 4"):
        play(append(3), NotApplied(4), Found(uuid4()))


def test_a_conflict_names_the_missing_stream() -> None:
    with pytest.raises(IntegrityError, match="at version 2, found it at no events"):
        play(append(3), NotApplied(None), Found(None))


def test_an_unanswered_batch_is_tried_again() -> None:
    assert play(append(3), LOST, Applied()) == [Step.EXTEND, Step.EXTEND]


def test_a_refusal_by_the_own_earlier_try_is_success() -> None:
    mine = append(3)
    steps = play(mine, LOST, NotApplied(3), Found(mine.append_id))
    assert steps == [Step.EXTEND, Step.EXTEND, Step.LOOK]


def test_an_own_row_is_success_even_when_others_have_appended_since() -> None:
    mine = append(3)
    assert play(mine, NotApplied(9), Found(mine.append_id)) == [Step.EXTEND, Step.LOOK]


def test_an_unanswered_look_is_made_again() -> None:
    mine = append(3)
    steps = play(mine, NotApplied(3), LOST, Found(mine.append_id))
    assert steps == [Step.EXTEND, Step.LOOK, Step.LOOK]


def test_after_all_attempts_the_outcome_is_said_to_be_unknown() -> None:
    with pytest.raises(UnknownOutcomeError, match="not known whether the events are"):
        play(append(3), LOST, LOST, LOST)


def test_a_request_that_was_never_sent_wrote_nothing() -> None:
    with pytest.raises(OperationalError, match="Nothing was written") as raised:
        play(append(3), UNREACHABLE)
    assert not isinstance(raised.value, UnknownOutcomeError)


def test_a_request_that_the_server_refuses_is_the_programs_fault() -> None:
    with pytest.raises(ProgrammingError, match="patientmgmt init"):
        play(append(3), Unanswered(InvalidRequest("table events does not exist")))


def test_an_unreachable_server_after_a_lost_answer_leaves_the_outcome_unknown() -> None:
    with pytest.raises(UnknownOutcomeError, match="not known whether the events are"):
        play(append(3), LOST, UNREACHABLE, UNREACHABLE)


def test_a_refusal_after_a_lost_answer_leaves_the_outcome_unknown() -> None:
    refused = Unanswered(InvalidRequest("table events does not exist"))
    with pytest.raises(UnknownOutcomeError, match="not known whether the events are"):
        play(append(3), LOST, refused, refused)


def test_a_made_up_version_with_a_late_try_behind_it_is_barred_before_it_is_a_conflict() -> None:
    steps = play(append(3), LOST, NotApplied(1), Found(None))
    assert steps[-1] == Bar(1)
    with pytest.raises(IntegrityError, match=r"found it at version 1\. Nothing was written"):
        play(append(3), LOST, NotApplied(1), Found(None), Applied())
    with pytest.raises(UnknownOutcomeError):
        play(append(3), LOST, NotApplied(1), Found(None), LOST, LOST)


def test_an_intent_whose_aggregate_has_gone_back_can_be_passed() -> None:
    """Its events were lost, or the aggregate was restored from a backup older than the log."""
    steps = play(append(6), NotApplied(4), Found(None), is_intent=True)
    assert steps == [Step.EXTEND, Step.LOOK, Bar(4)]
    with pytest.raises(IntegrityError, match="at version 5, found it at version 4"):
        play(append(6), NotApplied(4), Found(None), Applied(), is_intent=True)


def test_an_aggregate_that_comes_to_the_expected_version_meanwhile_takes_the_append() -> None:
    replies = (NotApplied(4), Found(None), NotApplied(5), Found(None), Applied())
    assert play(append(6), *replies, is_intent=True)[-1] is Step.EXTEND


@pytest.mark.parametrize("never_sent", [UNREACHABLE, Unanswered(InvalidRequest("no"))])
def test_of_an_intent_nobody_can_say_that_nothing_was_written(never_sent: Unanswered) -> None:
    with pytest.raises(OperationalError, match="not known whether the events are"):
        play(append(3), never_sent, UNREACHABLE, UNREACHABLE, UNREACHABLE, is_intent=True)


def test_an_intent_that_could_not_be_sent_is_tried_again() -> None:
    steps = play(append(3), UNREACHABLE, Applied(), is_intent=True)
    assert steps == [Step.EXTEND, Step.EXTEND]


@pytest.mark.parametrize(
    ("version", "batch", "bar"),
    [(1, Step.CREATE, Bar(None)), (3, Step.EXTEND, Bar(2))],
)
@pytest.mark.parametrize("attempts", [1, 3])
def test_an_intent_that_is_refused_for_good_is_barred(
    version: int, batch: Step, bar: Bar, attempts: int
) -> None:
    steps = append_steps(append(version), attempts=attempts, is_intent=True)
    assert next(steps) is batch
    assert steps.send(REFUSED) == bar
    with pytest.raises(BarredError, match=r"exceeds 16\. It is barred.*Nothing was written"):
        steps.send(Applied())


@pytest.mark.parametrize("refusal", [ValueError("too many"), TypeError("no text"), struct.error()])
def test_what_the_driver_cannot_send_is_refused(refusal: Exception) -> None:
    with pytest.raises(BarredError):
        play(append(3), Unanswered(refusal), Applied(), is_intent=True)
    with pytest.raises(ProgrammingError, match="Nothing was written") as told:
        play(append(3), Unanswered(refusal))
    assert not isinstance(told.value, BarredError)


def test_a_late_batch_is_barred_where_a_later_try_is_refused() -> None:
    with pytest.raises(BarredError):
        play(append(3), LOST, REFUSED, Applied())


def test_who_was_barred_by_somebody_else_is_told_so() -> None:
    with pytest.raises(BarredError, match="it was given up before"):
        play(append(3), NotApplied(2, is_barred=True), is_intent=True)


def test_a_bar_whose_answer_was_lost_is_tried_again() -> None:
    with pytest.raises(BarredError, match="size 17"):
        play(append(3), REFUSED, LOST, NotApplied(2, is_barred=True), is_intent=True)


def test_a_bar_that_is_refused_leaves_the_outcome_unknown() -> None:
    with pytest.raises(PersistenceError, match="not known whether the events are"):
        play(append(3), REFUSED, Unanswered(Unauthorized("no right")), is_intent=True)


def test_a_bar_that_comes_too_late_finds_what_the_batch_has_done() -> None:
    mine = append(3)
    steps = play(mine, REFUSED, NotApplied(3), Found(mine.append_id), is_intent=True)
    assert steps == [Step.EXTEND, Bar(2), Step.LOOK]
    with pytest.raises(IntegrityError, match="at version 2, found it at version 3"):
        play(mine, REFUSED, NotApplied(3), Found(uuid4()), is_intent=True)


def test_a_look_that_is_refused_leaves_the_outcome_unknown() -> None:
    with pytest.raises(PersistenceError, match="not known whether the events are"):
        play(append(3), NotApplied(3), Unanswered(Unauthorized("no right")), is_intent=True)


APPEND = append(3, 4)
CANNOT = f"Cannot append versions 3 to 4 of aggregate {AGGREGATE}: "


@pytest.mark.parametrize(
    ("replies", "is_intent", "told"),
    [
        (
            [NotApplied(5), Found(None)],
            False,
            f"""Expected aggregate {AGGREGATE} at version 2, found it at version 5. Nothing was
            written: load the aggregate again and repeat the command.""",
        ),
        (
            [NotApplied(ERASED_AT), Found(None)],
            True,
            f"""Expected aggregate {AGGREGATE} to take events, found that it is erased. Nothing was
            written, and never will be: begin another aggregate, under another id.""",
        ),
        ([UNREACHABLE], False, f"{CANNOT}no node is in reach. Nothing was written."),
        (
            [LOST, LOST, LOST],
            False,
            f"""{CANNOT}{describe(LOST.error)}. It is not known whether the events are or will be
            written: load the aggregate before trying again.""",
        ),
        (
            [NotApplied(2, is_barred=True)],
            True,
            f"""{CANNOT}it was given up before. It is barred, so that nobody tries it again.
            Nothing was written.""",
        ),
    ],
)
def test_what_is_told_in_full(replies: list[Reply], is_intent: bool, told: str) -> None:
    with pytest.raises(PersistenceError) as refused:
        play(APPEND, *replies, is_intent=is_intent)
    assert str(refused.value) == " ".join(told.split())


@pytest.mark.parametrize("attempts", [1, 2, 5])
def test_so_many_steps_may_stay_unanswered(attempts: int) -> None:
    steps = play(append(3), *[LOST] * (attempts - 1), Applied(), attempts=attempts)
    assert steps == [Step.EXTEND] * attempts
    play(append(3), *[LOST] * (attempts - 1), attempts=attempts)
    with pytest.raises(UnknownOutcomeError):
        play(append(3), *[LOST] * attempts, attempts=attempts)


def test_a_first_event_conflicts_with_a_stream_that_is_further_without_another_try() -> None:
    with pytest.raises(IntegrityError, match="at no events, found it at version 5"):
        play(append(1), NotApplied(5), Found(None))


def test_an_intent_of_version_2_is_barred_where_there_are_no_events() -> None:
    steps = play(append(2), NotApplied(None), Found(None), is_intent=True)
    assert steps == [Step.EXTEND, Step.LOOK, Bar(None)]
