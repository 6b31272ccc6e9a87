"""An exception from outside, in a thread that reserves for several: nobody waits for it for ever.

The interpreter looks for signals, whose handlers may raise, where a function begins, after a call,
and where a loop goes back. An exception is raised at each of these points in turn.
"""

import dis
import sys
import threading
from collections.abc import Callable
from functools import cache
from itertools import count
from pathlib import Path
from threading import Event, Thread
from time import monotonic, sleep
from types import CodeType, FrameType, TracebackType
from typing import Any

import pytest

import eventstore_cassandra
from eventstore_cassandra.counters import Counters
from eventstore_cassandra.errors import UnknownOutcomeError
from eventstore_cassandra.notification_log import group_commit as module
from eventstore_cassandra.notification_log.buckets import Buckets
from eventstore_cassandra.notification_log.marks import Reserved
from eventstore_cassandra.notification_log.reservations import Reservations
from eventstore_cassandra.waiting import Waiting
from tests.unit.eventstore.log_in_memory import LogInMemory, entry

PACKAGE = str(Path(eventstore_cassandra.__file__).parent)
POINTS = 60
"""At which there is an exception at least; more in runs that have more."""
LOOKS_FOR_SIGNALS = ("CALL", "CALL_KW", "CALL_FUNCTION_EX", "RESUME", "JUMP_BACKWARD")


@cache
def operations(code: CodeType) -> dict[int, str]:
    return {each.offset: each.opname for each in dis.get_instructions(code)}


class InterruptAt:
    """Raises KeyboardInterrupt in this thread at one of the points, counted from 1."""

    def __init__(self, point: int) -> None:
        self.where: str | None = None
        self._left = point
        self._before: dict[FrameType, str] = {}

    def __enter__(self) -> "InterruptAt":
        self._others = sys.gettrace()
        # In Python 3.12, operations are traced only if some frame wants it before tracing is set.
        sys._getframe().f_trace_opcodes = True
        sys.settrace(self._enter)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, at: TracebackType | None
    ) -> bool:
        sys.settrace(self._others)
        self._before.clear()
        return kind is KeyboardInterrupt

    def _enter(self, frame: FrameType, event: str, argument: object) -> Any:
        file = frame.f_code.co_filename
        is_used = file == threading.__file__ and frame.f_back and frame.f_back.f_trace
        if not is_used and not file.startswith(PACKAGE):
            return None
        frame.f_trace = self._step  # in Python 3.13, operations are traced if this comes first
        frame.f_trace_opcodes = True
        return self._step

    def _step(self, frame: FrameType, event: str, argument: object) -> Any:
        if event == "opcode":
            before = self._before.get(frame)
            self._before[frame] = operations(frame.f_code)[frame.f_lasti]
            if before in LOOKS_FOR_SIGNALS:
                self._left -= 1
            if self._left == 0 and self.where is None:
                self.where = f"{frame.f_code.co_qualname}, line {frame.f_lineno}"
                raise KeyboardInterrupt
        return self._step


class Appender(Thread):
    """Another thread that appends; ``told`` is what it is told."""

    def __init__(self, reservations: Reservations) -> None:
        super().__init__(daemon=True)
        self.entry = entry()
        self.told: Reserved | BaseException | None = None
        self._reservations = reservations
        self.start()

    def run(self) -> None:
        try:
            self.told = self._reservations.reserve(self.entry)
        except BaseException as error:  # noqa: BLE001 - it is what is looked at
            self.told = error


class World(Waiting):
    """One process in which others come while a thread, that is interrupted, pauses or sends."""

    def __init__(self) -> None:
        self.table = LogInMemory(Buckets(1000))
        self.reservations = Reservations(
            self.table,  # type: ignore[arg-type]
            Counters(),
            attempts=1,
            waiting=self,
        )
        self.others: list[Appender] = []

    def sleep_between(self, shortest: float, longest: float) -> None:
        while len(self.others) < 2:
            self.have_another_wait()

    def have_another_wait(self) -> None:
        other = Appender(self.reservations)
        self.others.append(other)
        wait_until(
            lambda: (
                other.told or any(t.entry is other.entry for t in self.reservations._queue._waiting)
            ),
            "another waits",
        )

    def check(self) -> None:
        last = Appender(self.reservations)
        last.join(10)
        for each in [*self.others, last]:
            each.join(10)
            assert each.told, "somebody waits for ever"
        assert isinstance(last.told, Reserved), last.told
        places = self.table.positions()
        assert all(len(found) == 1 for found in places.values()), "an append is in the log twice"
        for each in [*self.others, last]:
            if isinstance(each.told, Reserved):
                assert places[each.entry.append.append_id] == [each.told.positions]
            else:
                assert isinstance(each.told, UnknownOutcomeError), each.told
        assert not self.reservations._queue._lead.locked()
        assert not self.reservations._queue._lock.locked()
        assert not self.reservations._queue._waiting


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PATIENCE", 0.01)


def interrupt_who_leads(point: int) -> tuple[World, InterruptAt]:
    """It has lost a race before, pauses, and reserves for two others; a third comes meanwhile."""
    world = World()
    world.reservations._pause = 0.001
    is_sent = Event()

    def before() -> None:
        if not is_sent.is_set():
            is_sent.set()
            world.have_another_wait()

    world.table.before = before
    with InterruptAt(point) as interrupt:
        world.reservations.reserve(entry())
    return world, interrupt


def interrupt_who_waits(point: int) -> tuple[World, InterruptAt]:
    """It waits for another that leads, and then leads for one that came after it."""
    world = World()
    is_sent, is_over, may_be_answered = Event(), Event(), Event()

    def before() -> None:
        if not is_sent.is_set():
            is_sent.set()
            assert may_be_answered.wait(10)

    def come_after() -> None:
        wait_until(
            lambda: len(world.reservations._queue._waiting) > 1 or is_over.is_set(),
            "it waits, or has gone",
        )
        world.have_another_wait()
        may_be_answered.set()

    world.table.before = before
    world.others.append(Appender(world.reservations))
    assert is_sent.wait(10)
    after = Thread(target=come_after, daemon=True)
    after.start()
    with InterruptAt(point) as interrupt:
        world.reservations.reserve(entry())
    is_over.set()
    after.join(10)
    return world, interrupt


@pytest.mark.parametrize("interrupt_at", [interrupt_who_leads, interrupt_who_waits])
def test_an_interrupt_leaves_nobody_waiting(
    interrupt_at: Callable[[int], tuple[World, InterruptAt]],
) -> None:
    interrupted = 0
    for point in count(1):
        world, interrupt = interrupt_at(point)
        try:
            world.check()
        except AssertionError as e:
            e.add_note(f"The interrupt came in {interrupt.where}.")
            raise
        # Who is served by another is done sooner, and has fewer points than in another run.
        interrupted += interrupt.where is not None
        if interrupt.where is None and point > POINTS:
            assert interrupted > POINTS / 2
            return


def wait_until(condition: Callable[[], object], what: str) -> None:
    deadline = monotonic() + 10
    while not condition():
        assert monotonic() < deadline, f"it did not come to that within ten seconds: {what}"
        sleep(0.0005)
