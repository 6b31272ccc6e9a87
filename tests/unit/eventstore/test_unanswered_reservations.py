"""Reservations that fail or stay unanswered: the whole group is told what is so."""

import pytest
from cassandra.cluster import NoHostAvailable
from eventsourcing.persistence import OperationalError, ProgrammingError

from eventstore_cassandra.errors import StoreUnreachableError, UnknownOutcomeError
from tests.unit.eventstore.log_in_memory import entry
from tests.unit.eventstore.reserving import LOST, World


def test_a_lost_answer_is_looked_into_and_the_place_is_kept() -> None:
    world = World()
    world.reserve()
    world.fail_with(LOST, answer=True)
    mine = entry(2)
    assert world.reservations.reserve(mine).positions == range(2, 4)
    assert world.reserve().positions == range(4, 5)
    assert world.table.positions()[mine.append.append_id] == [range(2, 4)]
    counts = world.counters.values()
    assert (counts["uncertain_outcomes"], counts["reservation_retries"]) == (1, 0)


def test_a_lost_request_whose_place_a_rival_took_is_sent_to_another_place() -> None:
    world = World()
    world.reserve()
    errors: list[Exception] = [LOST]

    def lose_once() -> None:
        if errors:
            world.table.append_for_another_process()
            raise errors.pop()

    world.table.before = lose_once
    mine = entry()
    assert world.reservations.reserve(mine).positions == range(3, 4)
    assert world.table.positions()[mine.append.append_id] == [range(3, 4)]


def test_tries_that_stay_unanswered_have_pauses_which_grow() -> None:
    world = World(attempts=5)
    world.fail_with(*[LOST] * 4)
    world.reserve()
    assert world.waiting.pauses == [(0.01, 0.02), (0.02, 0.04), (0.04, 0.08), (0.08, 0.16)]


def test_after_the_last_try_there_is_no_pause() -> None:
    world = World(attempts=2)
    world.fail_with(LOST, LOST)
    with pytest.raises(UnknownOutcomeError):
        world.reserve()
    assert len(world.waiting.pauses) == 1


@pytest.mark.parametrize("is_answer", [True, False], ids=["answer lost", "request lost"])
def test_an_outcome_that_stays_unknown_is_told_to_the_whole_group(is_answer: bool) -> None:
    world = World(attempts=1)
    if is_answer:
        world.fail_with(None, LOST, answer=True)
    else:
        world.fail_with(LOST)
    told = world.reserve_together(entry(), entry())
    assert [type(each) for each in told] == [UnknownOutcomeError] * 2
    reads = world.table.ends_read
    world.table.before = world.table.after = lambda: None
    assert world.reserve().positions == (range(4, 5) if is_answer else range(2, 3))
    assert world.table.ends_read == reads + 1, "where the log ends is not known any more"


def test_a_group_that_cannot_be_sent_is_told_that_nothing_was_written() -> None:
    world = World()
    world.fail_with(NoHostAvailable("nobody there", {}))
    told = world.reserve_together(entry(), entry())
    assert [type(each) for each in told] == [StoreUnreachableError] * 2
    assert all(str(each).endswith("Nothing was written.") for each in told)
    assert world.groups() == [1]
    assert world.reserve().positions == range(2, 3)


def test_who_cannot_read_where_the_log_ends_is_told_that_nothing_was_written() -> None:
    world = World()

    def no_answer(known: object) -> object:
        raise OperationalError("Cannot read the notification log: no answer.")

    end = world.table.end
    world.table.end = no_answer  # type: ignore[method-assign, assignment]
    with pytest.raises(OperationalError, match=r"no answer\. Nothing was written\.$"):
        world.reserve()
    world.table.end = end  # type: ignore[method-assign]
    assert world.reserve().positions == range(1, 2)


def test_who_fails_to_find_where_the_log_ends_is_told_what_was_attempted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()

    def fail(known: object) -> object:
        raise ValueError("too many")

    monkeypatch.setattr(world.table, "end", fail)
    with pytest.raises(ProgrammingError) as raised:
        world.reserve()
    assert str(raised.value) == (
        "Cannot write to the notification log: ValueError('too many'). Nothing was written."
    )


@pytest.mark.parametrize("error", [ValueError("too many"), TypeError("not a text")])
def test_a_batch_that_cannot_be_put_together_leaves_the_place_known(error: Exception) -> None:
    world = World()
    quiet_batch = world.table.quiet_batch

    def refuse(*contents: object) -> object:
        if world.groups():
            raise error
        return quiet_batch(*contents)  # type: ignore[arg-type]

    world.table.quiet_batch = refuse  # type: ignore[method-assign, assignment]
    told = world.reserve_together(entry(), entry())
    assert [type(each) for each in told] == [ProgrammingError] * 2
    for each in told:
        assert f"Cannot write to the notification log: {error!r}." in str(each)
        assert str(each).endswith("Nothing was written.")
    world.table.quiet_batch = quiet_batch  # type: ignore[method-assign]
    reads = world.table.ends_read
    assert world.reserve().positions == range(2, 3)
    assert world.table.ends_read == reads


def test_a_failure_that_nobody_expected_is_an_unknown_outcome_for_who_waited() -> None:
    world = World()
    world.fail_with(RuntimeError("cannot schedule new futures after shutdown"))
    told = world.reserve_together(entry(), entry())
    assert {type(each) for each in told} == {RuntimeError, UnknownOutcomeError}
    assert not world.reservations._queue._waiting
    assert world.reserve().positions == range(2, 3)
