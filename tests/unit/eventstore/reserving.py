"""A process's reservations on a log in memory, and how others are made to wait for them."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from time import monotonic, sleep

from cassandra import OperationTimedOut

from eventstore_cassandra.counters import Counters
from eventstore_cassandra.notification_log.buckets import Buckets
from eventstore_cassandra.notification_log.group_commit import Begin
from eventstore_cassandra.notification_log.marks import Reserved
from eventstore_cassandra.notification_log.reservations import Reservations
from eventstore_cassandra.notification_log.table import LogEntry
from eventstore_cassandra.waiting import Waiting
from tests.unit.eventstore.lobby_in_memory import LobbyInMemory
from tests.unit.eventstore.log_in_memory import LogInMemory, entry

LOST = OperationTimedOut("no answer")


class NoPauses(Waiting):
    """Takes note of pauses instead of making them; time passes when a test says so."""

    def __init__(self) -> None:
        self.pauses: list[tuple[float, float]] = []
        self.error: BaseException | None = None
        self.time = 0.0

    def now(self) -> float:
        return self.time

    def sleep_between(self, shortest: float, longest: float) -> None:
        self.pauses.append((shortest, longest))
        if self.error:
            raise self.error


class World:
    """A process's reservations on a log in memory."""

    def __init__(
        self, *, bucket_size: int = 1000, attempts: int = 3, begin: Begin | None = None
    ) -> None:
        self.table = LogInMemory(Buckets(bucket_size))
        self.lobby = LobbyInMemory(self.table)
        self.counters = Counters()
        self.waiting = NoPauses()
        self.reservations = self.another_process(attempts=attempts, begin=begin)

    def another_process(self, *, attempts: int = 3, begin: Begin | None = None) -> Reservations:
        return Reservations(
            self.table,  # type: ignore[arg-type]
            self.lobby,  # type: ignore[arg-type]
            self.counters,
            attempts=attempts,
            begin=begin,
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
                wait_until(lambda n=number: len(self.reservations._queue._waiting) == n + 2)  # type: ignore[misc]
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
        return [len(batch.appends) for batch in self.table.applied]


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = monotonic() + 10
    while not condition():
        assert monotonic() < deadline, "it did not come to that within ten seconds"
        sleep(0.001)
