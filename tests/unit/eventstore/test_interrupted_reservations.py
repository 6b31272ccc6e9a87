"""An exception from outside, in a thread that reserves: nobody waits for it for ever."""

from collections.abc import Callable
from itertools import count
from threading import Event, Thread
from time import monotonic, sleep

import pytest

from eventstore_cassandra.append import Append, Applied
from eventstore_cassandra.counters import Counters
from eventstore_cassandra.errors import UnknownOutcomeError
from eventstore_cassandra.notification_log import group_commit as module
from eventstore_cassandra.notification_log.buckets import Buckets
from eventstore_cassandra.notification_log.combine_steps import Combine, Step
from eventstore_cassandra.notification_log.group_commit import Deliver, Ticket
from eventstore_cassandra.notification_log.marks import Reserved
from eventstore_cassandra.notification_log.reservations import Reservations
from eventstore_cassandra.waiting import Waiting
from tests.unit.eventstore.interrupting import InterruptAt
from tests.unit.eventstore.lobby_in_memory import LobbyInMemory
from tests.unit.eventstore.log_in_memory import LogInMemory, entry


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
        self.lobby = LobbyInMemory(self.table)
        self.reservations = Reservations(
            self.table,  # type: ignore[arg-type]
            self.lobby,  # type: ignore[arg-type]
            Counters(),
            attempts=1,
            begin=self.begin,
            waiting=self,
        )
        self.others: list[Appender] = []
        self.pause: Callable[[], None] = lambda: None
        """What happens in a pause."""
        self.deliver: Callable[[Deliver], None] = lambda deliver: deliver(Applied())
        self.begun: list[Append] = []

    def sleep_between(self, shortest: float, longest: float) -> None:
        self.pause()

    def begin(self, append: Append, deliver: Deliver) -> None:
        self.begun.append(append)
        Thread(target=self.deliver, args=(deliver,), daemon=True).start()

    def have_others_wait(self, number: int) -> None:
        while len(self.others) < number:
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

    def wait_for_who_is_interrupted(self, is_over: Event) -> None:
        """Wait until it waits behind another one, which leads."""
        wait_until(
            lambda: len(self.reservations._queue._waiting) > 1 or is_over.is_set(),
            "it waits, or has gone",
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
                assert each.told.reply in (None, Applied())
            else:
                assert isinstance(each.told, UnknownOutcomeError), each.told
        assert all(append.append_id in places for append in self.begun)
        assert not self.reservations._queue._lead.locked()
        assert not self.reservations._queue._lock.locked()
        assert not self.reservations._queue._waiting


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PATIENCE", 0.01)


def interrupt_who_leads(point: int) -> tuple[World, InterruptAt]:
    """It sends for itself, calls a second to lead, and a third comes meanwhile."""
    world = World()
    is_sent = Event()

    def before() -> None:
        if not is_sent.is_set():
            is_sent.set()
            world.have_another_wait()

    world.table.before = before
    with InterruptAt(point) as interrupt:
        world.reservations.reserve(entry())
    return world, interrupt


def interrupt_who_announces(point: int) -> tuple[World, InterruptAt]:
    """It loses a race, pauses, announces itself and two others, and serves them and a rival.

    A third comes meanwhile. It begins to decide the others' appends.
    """
    world = World()
    world.table.append_for_another_process()
    world.lobby.announce_for_another_process()
    world.pause = lambda: world.have_others_wait(2)

    def before(step: Step) -> None:
        if isinstance(step, Combine):
            world.have_others_wait(3)

    world.lobby.before = before
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
        world.wait_for_who_is_interrupted(is_over)
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


def interrupt_who_is_begun_for(point: int) -> tuple[World, InterruptAt]:
    """It waits for another that leads, which serves it along, and then for its reply."""
    world = World()
    is_led, is_over = Event(), Event()

    def pause() -> None:
        world.pause = lambda: None
        is_led.set()
        world.wait_for_who_is_interrupted(is_over)

    def deliver_late(deliver: Deliver) -> None:
        ticket: Ticket = deliver.__self__  # type: ignore[attr-defined]
        wait_until(lambda: ticket.begun_at or is_over.is_set(), "it is known to be begun")
        ticket.called.set()
        wait_until(lambda: not ticket.called.is_set() or is_over.is_set(), "it was called in vain")
        deliver(Applied())

    world.pause = pause
    world.deliver = deliver_late
    world.reservations._combining.lost()
    world.others.append(Appender(world.reservations))
    assert is_led.wait(10)
    with InterruptAt(point) as interrupt:
        world.reservations.reserve(entry())
    is_over.set()
    return world, interrupt


@pytest.mark.parametrize(
    ("interrupt_at", "points"),
    [
        (interrupt_who_leads, 100),
        (interrupt_who_announces, 400),
        (interrupt_who_waits, 100),
        (interrupt_who_is_begun_for, 20),
    ],
)
def test_an_interrupt_leaves_nobody_waiting(
    interrupt_at: Callable[[int], tuple[World, InterruptAt]], points: int
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
        if interrupt.where is None and point > points:
            assert interrupted > points / 2
            return


def wait_until(condition: Callable[[], object], what: str) -> None:
    deadline = monotonic() + 10
    while not condition():
        assert monotonic() < deadline, f"it did not come to that within ten seconds: {what}"
        sleep(0.0005)
