"""Appends that wait together are all answered, whatever becomes of their batch."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Semaphore
from time import monotonic, sleep
from uuid import uuid4

import pytest
from eventsourcing.persistence import StoredEvent

from eventstore_cassandra.append import Append, Applied
from eventstore_cassandra.counters import Counters
from eventstore_cassandra.errors import UnknownOutcomeError
from eventstore_cassandra.notification_log.buckets import Buckets
from eventstore_cassandra.notification_log.reservations import Reservations, _Ticket
from eventstore_cassandra.notification_log.reserve_steps import Place
from eventstore_cassandra.notification_log.table import LogEntry


class BrokenTable:
    """A table whose driver fails with something that is none of its own errors."""

    buckets = Buckets(10)

    def end(self, known: object) -> object:
        return known

    def batch(self, *_contents: object) -> object:
        return None

    def reserve(self, _batch: object) -> object:
        raise RuntimeError("cannot schedule new futures after shutdown")


def append() -> LogEntry:
    return LogEntry(Append([StoredEvent(uuid4(), 1, "Happened", b"{}")]), [(1000, "{}", None)])


def test_a_failure_that_nobody_expected_answers_all_who_waited() -> None:
    reservations = Reservations(BrokenTable(), Counters(), attempts=1)  # type: ignore[arg-type]
    other = _Ticket(append())
    reservations._waiting.append(other)
    with pytest.raises(RuntimeError, match="after shutdown"):
        reservations.reserve(append())
    assert isinstance(other.result, UnknownOutcomeError)
    assert "It is not known" in str(other.result)


class SlowTable:
    """A table that takes its time, and remembers which appends it was given together."""

    buckets = Buckets(1_000)

    def __init__(self) -> None:
        self.groups: list[Sequence[LogEntry]] = []
        self.may_answer = Semaphore(0)

    def end(self, known: Place) -> Place:
        return known

    def batch(
        self, _place: Place, entries: Sequence[LogEntry], _marks: object
    ) -> Sequence[LogEntry]:
        return entries

    def reserve(self, batch: Sequence[LogEntry]) -> Applied:
        self.groups.append(batch)
        self.may_answer.acquire()
        return Applied()


def test_what_waits_is_reserved_together_and_led_by_one_after_the_other() -> None:
    table = SlowTable()
    reservations = Reservations(table, Counters(), attempts=1)  # type: ignore[arg-type]
    with ThreadPoolExecutor(5) as pool:
        first = pool.submit(reservations.reserve, append())
        wait_until(lambda: len(table.groups) == 1)
        others = [pool.submit(reservations.reserve, append()) for _ in range(4)]
        wait_until(lambda: len(reservations._waiting) == 4)
        table.may_answer.release(2)
        assert first.result().positions == range(1, 2)
        assert sorted(other.result().positions.start for other in others) == [2, 3, 4, 5]
    assert [len(group) for group in table.groups] == [1, 4]
    assert not reservations._is_led


def test_a_writer_that_is_interrupted_while_it_waits_leaves_the_others_a_leader() -> None:
    table = SlowTable()
    reservations = Reservations(table, Counters(), attempts=1)  # type: ignore[arg-type]
    interrupted = _Ticket(append())
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(reservations.reserve, append())
        wait_until(lambda: len(table.groups) == 1)
        reservations._waiting.append(interrupted)
        last = pool.submit(reservations.reserve, append())
        wait_until(lambda: len(reservations._waiting) == 2)
        table.may_answer.release(2)
        assert first.result().positions == range(1, 2)
        # It has the lead now, and is interrupted before it does anything with it.
        assert interrupted.called.wait(timeout=10)
        interrupted.called.wait = interrupt  # type: ignore[method-assign]
        with pytest.raises(KeyboardInterrupt):
            reservations._wait(interrupted)
        assert last.result(timeout=10).positions == range(2, 3)
    assert [len(group) for group in table.groups] == [1, 1]


def test_a_leader_that_is_interrupted_before_it_has_begun_leaves_the_others_a_leader(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = SlowTable()
    reservations = Reservations(table, Counters(), attempts=1)  # type: ignore[arg-type]
    with monkeypatch.context() as patch:
        patch.setattr(reservations, "_reserve_group", interrupt)
        with pytest.raises(KeyboardInterrupt):
            reservations.reserve(append())
    table.may_answer.release()
    assert reservations.reserve(append()).positions == range(1, 2)
    assert [len(group) for group in table.groups] == [1]


def interrupt(timeout: float | None = None) -> bool:
    raise KeyboardInterrupt


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = monotonic() + 10
    while not condition():
        assert monotonic() < deadline, "it did not come to that within ten seconds"
        sleep(0.001)
