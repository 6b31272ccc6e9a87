"""Threads that take turns: which one goes on next is drawn by lot, at every request and wait.

Only one thread runs at a time, so that what happens depends on the seed alone. Time is simulated;
it passes as threads take their turns, now a little and now a lot, since a request may take longer
than any pause.
"""

import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

from eventstore_cassandra.waiting import Signal, Waiting

_PASSES = (0.0, 0.0002, 0.002, 0.02)
"""Seconds that a turn takes, one of them by lot."""


class CrashedError(BaseException):
    """The process is gone: raised wherever one of its threads stands."""


@dataclass(eq=False)
class Process:
    """What crashes together."""

    name: str
    may_crash: bool = False
    is_patient: bool = False
    """Whether its reads are asked again until they are answered."""
    turns_for_a_request: int = 1
    """How far away it is: how often others go on before a request of it is carried out."""
    has_crashed: bool = False


@dataclass(eq=False)
class _Thread:
    process: Process
    thread: threading.Thread
    turn: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    until: Callable[[], bool] | None = None
    """What it waits for; None if it can go on."""
    wakes_at: float | None = None
    """When it goes on in any case."""


class Schedule(Waiting):
    """The threads of a world, and its time.

    :param most_turns: after so many turns, whoever is not done is taken to go round in circles.
    """

    def __init__(self, random: Random, *, most_turns: int = 30_000) -> None:
        self.random = random
        self.failure: BaseException | None = None
        self.turns = 0
        self._most_turns = most_turns
        self._time = 0.0
        self._threads: list[_Thread] = []
        self._current: _Thread | None = None
        self._is_over = threading.Event()

    def spawn(self, process: Process, work: Callable[[], None]) -> None:
        """Add a thread, which begins when :meth:`run` is called."""

        def body() -> None:
            spawned.turn.acquire()
            try:
                with suppress(CrashedError):
                    if not process.has_crashed:
                        work()
            except BaseException as error:  # noqa: BLE001 - it is told by the main thread
                self._fail(error)
            self._threads.remove(spawned)
            self._pass_on()

        spawned = _Thread(process, threading.Thread(target=body, daemon=True))
        self._threads.append(spawned)

    def run(self) -> None:
        """Let the threads run until all are done.

        :raises AssertionError: when some of them wait for ever, or go round in circles.
        """
        for each in self._threads:
            each.thread.start()
        self._pass_on()
        self._is_over.wait()
        if self.failure:
            raise self.failure

    def switch(self, until: Callable[[], bool] | None = None, timeout: float | None = None) -> None:
        """Let others go on; return when it is this thread's turn again and it need not wait."""
        current = self._current
        if current is None:  # the world is over, or has not begun: nobody else is there
            self._time += timeout or 0.0
            return
        if timeout is not None:
            current.wakes_at = self._time + timeout
        current.until = until
        following = self._next()
        if following is not current:
            following.turn.release()
            current.turn.acquire()
        current.until = current.wakes_at = None
        if current.process.has_crashed:
            raise CrashedError

    @property
    def process(self) -> Process | None:
        """Whose turn it is; None before and after :meth:`run`."""
        return self._current.process if self._current else None

    def now(self) -> float:
        """Return the simulated time."""
        return self._time

    def sleep(self, seconds: float) -> None:
        """Let others go on while so much time passes."""
        self.switch(lambda: False, seconds)

    def sleep_between(self, shortest: float, longest: float) -> None:
        """Let others go on for a time that is drawn."""
        self.sleep(self.random.uniform(shortest, longest))

    def signal(self) -> Signal:
        """Return a signal for which a thread waits in simulated time."""
        return _Signal(self)

    def _pass_on(self) -> None:
        if self._threads:
            self._next().turn.release()
        else:
            self._current = None
            self._is_over.set()

    def _next(self) -> _Thread:
        self.turns += 1
        if self.turns > self._most_turns and not self.failure:
            self._fail(AssertionError(f"Some go round in circles: {self._whereabouts()}"))
        self._time += self.random.choice(_PASSES)
        while not (ready := [each for each in self._threads if self._is_ready(each)]):
            wakes = [each.wakes_at for each in self._threads if each.wakes_at is not None]
            if wakes:
                self._time = max(self._time, min(wakes))
            else:
                self._fail(AssertionError(f"All wait for ever: {self._whereabouts()}"))
        self._current = self.random.choice(ready)
        return self._current

    def _is_ready(self, each: _Thread) -> bool:
        return (
            each.process.has_crashed
            or each.until is None
            or each.until()
            or (each.wakes_at is not None and each.wakes_at <= self._time)
        )

    def _fail(self, error: BaseException) -> None:
        """End the world: all threads are unwound, and the error is told."""
        self.failure = self.failure or error
        for each in self._threads:
            each.process.has_crashed = True

    def _whereabouts(self) -> str:
        frames = sys._current_frames()
        places = []
        for each in self._threads:
            stack = traceback.extract_stack(frames[each.thread.ident or 0])
            inner = [
                f"{at.name}:{at.lineno}" for at in stack if "eventstore_cassandra" in at.filename
            ]
            places.append(f"{each.process.name} in {' > '.join(inner[-3:])}")
        return "; ".join(places)


class _Signal(Signal):
    def __init__(self, schedule: Schedule) -> None:
        super().__init__()
        self._schedule = schedule

    def wait(self, timeout: float) -> bool:
        if not self.is_set():
            self._schedule.switch(self.is_set, timeout)
        return super().wait(0)
