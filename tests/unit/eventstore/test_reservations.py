"""Appends that wait together get places together, and are told together what became of them."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from time import monotonic, sleep

import pytest
from cassandra import OperationTimedOut
from cassandra.cluster import NoHostAvailable
from eventsourcing.persistence import OperationalError, ProgrammingError

from eventstore_cassandra.counters import Counters
from eventstore_cassandra.errors import StoreUnreachableError, UnknownOutcomeError
from eventstore_cassandra.notification_log import reservations as module
from eventstore_cassandra.notification_log.buckets import Buckets
from eventstore_cassandra.notification_log.marks import Reserved
from eventstore_cassandra.notification_log.reservations import Reservations
from eventstore_cassandra.notification_log.table import LogEntry, Mark
from eventstore_cassandra.waiting import Waiting
from tests.unit.eventstore.log_in_memory import LogInMemory, entry

LOST = OperationTimedOut("no answer")


class NoPauses(Waiting):
    """Takes note of pauses instead of making them."""

    def __init__(self) -> None:
        self.pauses: list[tuple[float, float]] = []
        self.error: BaseException | None = None

    def sleep_between(self, shortest: float, longest: float) -> None:
        self.pauses.append((shortest, longest))
        if self.error:
            raise self.error


class InterruptedSignal:
    """A thread is interrupted while it waits for this."""

    def wait(self, timeout: float) -> bool:
        raise KeyboardInterrupt

    def set(self) -> None:
        """Nobody waits for it any more."""


class World:
    """A process's reservations on a log in memory."""

    def __init__(self, *, bucket_size: int = 1000, attempts: int = 3) -> None:
        self.table = LogInMemory(Buckets(bucket_size))
        self.counters = Counters()
        self.waiting = NoPauses()
        self.reservations = Reservations(
            self.table,  # type: ignore[arg-type]
            self.counters,
            attempts=attempts,
            waiting=self.waiting,
        )

    def reserve(self, events: int = 1) -> Reserved:
        return self.reservations.reserve(entry(events))

    def fail_with(self, *errors: Exception | None, answer: bool = False) -> None:
        """Lose so many of the next requests, or their answers, one after the other."""
        left = list(errors)

        def fail() -> None:
            if left and (error := left.pop(0)):
                raise error

        if answer:
            self.table.after = fail
        else:
            self.table.before = fail

    @contextmanager
    def led(self, *entries: LogEntry) -> Iterator[list[Future[Reserved]]]:
        """Have appends wait, in this order, for the end of the block; another one leads."""
        is_sent, may_go = Event(), Event()
        before, calls = self.table.before, 0

        def hold_the_first() -> None:
            nonlocal calls
            calls += 1
            if calls == 1:
                is_sent.set()
                assert may_go.wait(10)
            else:
                before()

        self.table.before = hold_the_first
        with ThreadPoolExecutor(len(entries) + 1) as pool:
            pool.submit(self.reserve)
            assert is_sent.wait(10)
            futures = []
            for number, each in enumerate(entries):
                futures.append(pool.submit(self.reservations.reserve, each))
                wait_until(lambda n=number: len(self.reservations._waiting) == n + 2)  # type: ignore[misc]
            try:
                yield futures
            finally:
                may_go.set()
        self.table.before = before

    def reserve_together(self, *entries: LogEntry) -> list[Reserved | BaseException]:
        """Return what each of the appends is told, which have waited for the same leader."""
        with self.led(*entries) as futures:
            pass
        return [future.exception() or future.result() for future in futures]

    def groups(self) -> list[int]:
        return [len(batch.entries) for batch in self.table.applied]


def test_an_append_alone_is_reserved_at_the_end_of_the_log() -> None:
    world = World()
    world.table.append_for_another_process(3)
    reserved = world.reserve(2)
    assert reserved.positions == range(4, 6)
    assert (reserved.row.bucket, reserved.row.last, reserved.number) == (0, 5, 0)
    assert world.reserve().positions == range(6, 7)


def test_the_first_append_of_all_is_at_the_beginning_of_the_first_bucket() -> None:
    reserved = World().reserve()
    assert (reserved.positions, reserved.row.bucket) == (range(1, 2), 0)


def test_who_was_answered_before_the_leader_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_GROUP_EVENTS", 1)
    world = World()
    first = module._Ticket(entry(), Waiting().signal())
    world.reservations._waiting.append(first)
    assert world.reserve().positions == range(2, 3)
    assert isinstance(first.result, Reserved)
    assert first.called.wait(0)


def test_nobody_reserves_for_who_was_interrupted_while_they_waited(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    lead = world.reservations._lead
    lead.acquire()
    monkeypatch.setattr(world.waiting, "signal", InterruptedSignal)
    with pytest.raises(KeyboardInterrupt):
        world.reserve()
    monkeypatch.undo()
    lead.release()
    assert world.reserve().positions == range(1, 2)
    assert world.groups() == [1]


def test_who_is_interrupted_after_a_rival_was_first_leaves_nothing_behind() -> None:
    world = World()
    world.reserve()
    world.table.append_for_another_process()
    world.waiting.error = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        world.reserve()
    world.waiting.error = None
    assert world.reserve().positions == range(3, 4)


def test_what_waits_is_reserved_together_in_the_order_in_which_it_came() -> None:
    world = World()
    told = world.reserve_together(entry(2), entry(1), entry(3))
    reserved = [each for each in told if isinstance(each, Reserved)]
    assert [each.positions for each in reserved] == [range(2, 4), range(4, 5), range(5, 8)]
    assert [each.number for each in reserved] == [0, 1, 2]
    row = reserved[0].row
    assert (row.bucket, row.last, row.outcomes) == (0, 7, [None] * 3)
    assert all(each.row is row for each in reserved)
    assert world.groups() == [1, 3]


def test_a_batch_takes_no_more_events_than_it_should(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_GROUP_EVENTS", 4)
    world = World()
    world.reserve_together(entry(2), entry(2), entry(1), entry(5), entry(1))
    assert world.groups() == [1, 2, 1, 1, 1]


def test_a_batch_takes_no_more_state_than_it_should(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_GROUP_BYTES", 10)
    world = World()
    sizes = [5, 5, 1, 11, 1]
    world.reserve_together(*(entry(state=b"x" * size) for size in sizes))
    assert world.groups() == [1, 2, 1, 1, 1]


def test_a_batch_takes_no_more_events_than_a_bucket_has_positions() -> None:
    world = World(bucket_size=3)
    world.reserve_together(entry(2), entry(1), entry(1))
    assert world.groups() == [1, 2, 1]
    assert [batch.place.bucket for batch in world.table.applied] == [0, 0, 1]


def test_a_row_may_run_over_the_edge_and_the_next_one_begins_the_next_bucket() -> None:
    world = World(bucket_size=3)
    rows = [world.reserve(events) for events in (2, 3, 1)]
    assert [each.positions for each in rows] == [range(1, 3), range(3, 6), range(6, 7)]
    assert [each.row.bucket for each in rows] == [0, 0, 1]
    assert world.table.applied[-1].place.head is None


def test_the_end_of_the_log_is_read_once_while_nobody_else_appends() -> None:
    world = World()
    for _ in range(3):
        world.reserve()
    assert world.table.ends_read == 1
    assert world.waiting.pauses == []


def test_who_loses_a_race_reserves_after_the_winner() -> None:
    world = World()
    world.reserve()
    world.table.append_for_another_process(4)
    assert world.reserve().positions == range(6, 7)
    assert world.counters.values()["reservation_retries"] == 1


def test_a_group_that_loses_a_race_stays_together_and_in_order() -> None:
    world = World()
    with world.led(entry(2), entry(1)) as futures:
        world.table.append_for_another_process()
    positions = [future.result().positions for future in futures]
    assert positions == [range(3, 5), range(5, 6)]
    assert world.groups() == [1, 3]


def test_pauses_widen_with_each_loss_and_narrow_with_each_win() -> None:
    world = World()
    world.reserve()
    losses = 3

    def lose() -> None:
        nonlocal losses
        if losses:
            losses -= 1
            world.table.append_for_another_process()

    world.table.before = lose
    world.reserve()
    longest = [pause for _, pause in world.waiting.pauses]
    assert longest == pytest.approx([0.0005 * 1.5, 0.0005 * 1.5**2, 0.0005 * 1.5**3])
    world.waiting.pauses.clear()
    for _ in range(20):
        world.reserve()
    longest = [pause for _, pause in world.waiting.pauses]
    assert longest[0] == pytest.approx(0.0005 * 1.5**3 * 0.85)
    assert longest == sorted(longest, reverse=True)
    assert longest[-1] > 0.0005, "who has won often does not pause any more"
    assert len(longest) < 20
    assert {shortest for shortest, _ in world.waiting.pauses} == {0}


def test_a_pause_has_a_bound() -> None:
    world = World()
    world.reserve()
    losses = 50

    def lose() -> None:
        nonlocal losses
        if losses:
            losses -= 1
            world.table.append_for_another_process()

    world.table.before = lose
    world.reserve()
    assert max(longest for _, longest in world.waiting.pauses) == 0.1


def test_who_pauses_looks_where_the_log_ends_before_the_next_try() -> None:
    world = World()
    world.reserve()
    world.table.append_for_another_process()
    world.reserve()
    world.table.append_for_another_process()
    retries = world.counters.values()["reservation_retries"]
    world.reserve()
    assert world.counters.values()["reservation_retries"] == retries


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


@pytest.mark.parametrize("error", [ValueError("too many"), TypeError("not a text")])
def test_a_batch_that_cannot_be_put_together_leaves_the_place_known(error: Exception) -> None:
    world = World()
    batch = world.table.batch

    def refuse(*contents: object) -> object:
        if world.groups():
            raise error
        return batch(*contents)  # type: ignore[arg-type]

    world.table.batch = refuse  # type: ignore[method-assign, assignment]
    told = world.reserve_together(entry(), entry())
    assert [type(each) for each in told] == [ProgrammingError] * 2
    for each in told:
        assert f"Cannot write to the notification log: {error!r}." in str(each)
        assert str(each).endswith("Nothing was written.")
    world.table.batch = batch  # type: ignore[method-assign]
    reads = world.table.ends_read
    assert world.reserve().positions == range(2, 3)
    assert world.table.ends_read == reads


def test_a_failure_that_nobody_expected_is_an_unknown_outcome_for_who_waited() -> None:
    world = World()
    world.fail_with(RuntimeError("cannot schedule new futures after shutdown"))
    told = world.reserve_together(entry(), entry())
    assert {type(each) for each in told} == {RuntimeError, UnknownOutcomeError}
    assert not world.reservations._waiting
    assert world.reserve().positions == range(2, 3)


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


def test_marks_of_a_batch_that_lost_its_race_go_along_with_the_next_try() -> None:
    world = World()
    rows = [world.reserve() for _ in range(2)]
    for row in rows:
        world.reservations.mark(row, committed=True)
    world.table.append_for_another_process()
    world.reserve()
    assert world.table.applied[-1].marks == [Mark(0, 1, [True]), Mark(0, 2, [True])]


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


def test_what_waits_is_led_by_one_after_the_other_and_nothing_is_left() -> None:
    world = World()
    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(world.reserve) for _ in range(400)]
        positions = sorted(future.result(timeout=60).positions.start for future in futures)
    assert positions == list(range(1, 401))
    assert not world.reservations._waiting
    assert not world.reservations._lead.locked()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = monotonic() + 10
    while not condition():
        assert monotonic() < deadline, "it did not come to that within ten seconds"
        sleep(0.001)
