"""A log in memory, and a tail of it in a loop of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event, current_thread
from uuid import uuid4

from eventsourcing.persistence import Notification

from eventstore_grpc.protocol import storegrpc_pb2 as pb
from eventstore_grpc.server.tail import Tail

PATIENCE = 20.0
THREADS = "readers"
EVERYTHING: frozenset[str] = frozenset()


class Log:
    """A log in memory, whose positions have gaps."""

    def __init__(self) -> None:
        self.notifications: list[Notification] = []
        self.asked: list[tuple[int, int]] = []
        """Behind which position was read, and how many events at the most."""
        self.gates: dict[int, Event] = {}
        """Reads behind these positions wait with what they have found."""
        self.error: Exception | None = None
        self.cut = 1
        """A read returns a part of what it could: what comes behind could not be read."""
        self.listeners: list[Event] = []

    @property
    def reads(self) -> int:
        return len(self.asked)

    def reads_behind(self, position: int) -> int:
        """Return how often it was read behind a position."""
        return sum(start == position for start, _ in self.asked)

    def append(
        self, count: int, *, topic: str = "Moved", size: int = 2, is_told: bool = True
    ) -> None:
        """Append events, of this process or of another one, of which nobody is told."""
        for _ in range(count):
            last = self.notifications[-1].id if self.notifications else 0
            id_ = last + 1 + last % 3
            self.notifications.append(Notification(uuid4(), 1, topic, b"x" * size, id_))
        for listener in self.listeners if is_told else ():
            listener.set()

    def positions(self, after: int = 0, topic: str | None = None) -> list[int]:
        return [
            each.id
            for each in self.notifications
            if each.id > after and topic in (None, each.topic)
        ]

    def select_notifications(
        self, start: int | None, limit: int, *, inclusive_of_start: bool = True
    ) -> Sequence[Notification]:
        assert not inclusive_of_start
        assert current_thread().name.startswith(THREADS)
        self.asked.append((start or 0, limit))
        found = [each for each in self.notifications if each.id > (start or 0)]
        if start in self.gates:
            self.gates[start].wait(PATIENCE)
        if self.error:
            raise self.error
        return found[: limit // self.cut]

    def listen(self, listener: Event) -> None:
        self.listeners.append(listener)


def type_of(topic: str) -> int:
    """Return the integer of a topic."""
    return len(topic)


def in_a_loop(test: Callable[[Log, Tail], Coroutine[None, None, None]]) -> Callable[[], None]:
    """Run a test with a tail of its own in a loop of its own."""

    async def run() -> None:
        log = Log()
        with ThreadPoolExecutor(8, thread_name_prefix=THREADS) as executor:
            tail = Tail(log, type_of, executor=executor)
            try:
                await asyncio.wait_for(test(log, tail), PATIENCE)
            finally:
                tail.close()

    def sync() -> None:
        asyncio.run(run())

    sync.__name__ = test.__name__
    return sync


async def take(pages: AsyncIterator[bytes], count: int) -> list[int]:
    """Take pages until there are so many events, and return their positions."""
    found: list[int] = []
    while len(found) < count:
        events = pb.LogPage.FromString(await anext(pages)).events
        assert events, "a page without events"
        found += [each.position for each in events]
    return found


async def until(holds: Callable[[], bool]) -> None:
    """Wait for a condition, as long as a test has."""
    while not holds():
        await asyncio.sleep(0.01)
