"""The end of the notification log, read once for all who follow it.

Theory of operation
===================
Everybody who follows has a position. What came after it is taken from one of two places:

- Those who are near the end share *the tail*: the last events, serialized once, in memory. One task
  reads on while anybody follows, and wakes them up.
- Those who are further behind read the log themselves, page by page, until they have come to the
  tail. Few of these reads are made at once, so that they leave room for others.

So nobody has a buffer of his own. Who takes pages slowly is held back by gRPC's flow control, falls
out of the tail and reads the log again: he costs neither memory nor anybody's time. Each page
tells where the log ended when it was made, so that he sees how far behind he is. A follower that
waits is a coroutine and nothing else.

All of it runs in one event loop; only the reads themselves are made in threads.
"""

import asyncio
import logging
from bisect import bisect_right
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from threading import Event
from typing import Protocol

from eventsourcing.persistence import Notification

from eventstore_cassandra.errors import StoreUnreachableError
from eventstore_grpc.messages import to_message
from eventstore_grpc.protocol import storegrpc_pb2 as pb
from eventstore_grpc.server.portions import Portions
from eventstore_grpc.statuses import GoingAwayError

logger = logging.getLogger(__name__)

PAGE, PAGE_BYTES = 500, 256 * 1024
"""Events that are read at once, and about as many bytes as one page has. gRPC keeps one of them for
each follower that does not take it."""
MOST_EVENTS, MOST_BYTES = 10_000, 16 * 1024 * 1024
"""What the tail holds: some seconds of a busy store."""
CATCHING_UP = 4
"""Followers that read the log at the same time."""
SHORTEST_WAIT, LONGEST_WAIT = 0.01, 0.1
"""Seconds between two reads of a log that stays quiet; what this process writes wakes it up."""
LONGEST_OUTAGE_WAIT = 2.0


class Log(Protocol):
    """What the tail needs of a recorder."""

    def select_notifications(
        self, start: int | None, limit: int, *, inclusive_of_start: bool = True
    ) -> Sequence[Notification]:
        """Return notifications in order."""
        ...

    def listen(self, listener: Event) -> None:
        """Have an event set whenever this process has recorded something."""
        ...


@dataclass(frozen=True)
class Entry:
    """An event as it is sent."""

    position: int
    topic: str
    page: bytes
    """A :class:`LogPage` with this event. Pages one behind the other are one page."""


class _Wake(Event):
    """Is set by the recorder's threads, and tells the loop."""

    def __init__(self, wake: Callable[[], object]) -> None:
        super().__init__()
        self._wake = wake

    def set(self) -> None:
        """Tell the loop."""
        self._wake()


class Tail:
    """The tail of one log. To be made and used in one event loop.

    :param type_of: returns the integer of a topic.
    """

    def __init__(self, log: Log, type_of: Callable[[str], int], *, executor: Executor) -> None:
        self._log = log
        self._type_of = type_of
        self._executor = executor
        self._loop = asyncio.get_running_loop()
        self._entries: list[Entry] = []
        self._size = 0
        self._begin = self._end = 0
        self._known_end = 0
        self._followers = 0
        self._reading: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._written = asyncio.Event()
        self._is_closed = False
        self._slots = asyncio.Semaphore(CATCHING_UP)
        self._wake = _Wake(lambda: self._loop.call_soon_threadsafe(self._written.set))
        self._is_listening = False

    async def follow(self, after: int, topics: frozenset[str]) -> AsyncIterator[bytes]:
        """Yield serialized pages of the events after a position, and of those that come.

        :raises GoingAwayError: at the end of the server.
        """
        self._followers += 1
        position = after
        try:
            while True:
                # Nothing but the page is kept while it is waited for that it is taken.
                page, position = self._page(await self._after(position), topics)
                if page:
                    yield page
        finally:
            self._followers -= 1
            if not self._followers and self._reading:
                self._reading.cancel()
                self._reading = None

    def close(self) -> None:
        """Send everybody who follows away."""
        self._is_closed = True
        self._tell_all()

    async def _after(self, position: int) -> Sequence[Entry]:
        """Return entries after a position; wait until there are some."""
        while not self._is_closed:
            if self._reading and position >= self._begin:
                first = bisect_right(self._entries, position, key=lambda entry: entry.position)
                if entries := self._entries[first : first + PAGE]:
                    return entries
                await self._changed.wait()
                continue
            async with self._slots:
                if self._reading and position >= self._begin:
                    continue  # the tail has begun meanwhile
                found, is_at_end = await self._read(position)
            if is_at_end:
                self._begin_at(found[-1].position if found else position)
            if found:
                return found
        raise GoingAwayError(f"The server ends. Go on behind position {position}.")

    def _begin_at(self, position: int) -> None:
        """Let the tail begin at a position behind which nothing was found, if it has it not."""
        if self._reading is None or self._begin > max(self._known_end, position):
            # Others may wait for a position that no event has yet: it is behind this one.
            self._entries, self._size = [], 0
            self._begin = self._end = position
        if self._reading is None:
            self._reading = asyncio.create_task(self._read_on())

    async def _read_on(self) -> None:
        if not self._is_listening:
            self._log.listen(self._wake)
            self._is_listening = True
        wait = SHORTEST_WAIT
        while True:
            self._written.clear()
            end = self._end
            try:
                entries, _ = await self._read(end)
            except StoreUnreachableError as e:
                logger.warning("The notification log cannot be read on: %s", e)
                wait = min(2 * wait, LONGEST_OUTAGE_WAIT)
            except Exception:
                logger.exception("The notification log cannot be read on.")
                self._reading = None
                self._tell_all()  # they read it themselves then, and are told the error
                return
            else:
                if self._end != end:
                    continue
                if entries:
                    self._add(entries)
                    wait = SHORTEST_WAIT
                    continue
                wait = min(2 * wait, LONGEST_WAIT)
            try:
                async with asyncio.timeout(wait):  # wait_for() of Python 3.11 loses cancellations
                    await self._written.wait()
                wait = SHORTEST_WAIT
            except TimeoutError:
                pass

    def _add(self, entries: Sequence[Entry]) -> None:
        self._entries += entries
        self._size += sum(len(entry.page) for entry in entries)
        self._end = entries[-1].position
        gone = 0
        while len(self._entries) - gone > MOST_EVENTS or self._size > MOST_BYTES:
            self._size -= len(self._entries[gone].page)
            gone += 1
        if gone:
            self._begin = self._entries[gone - 1].position
            del self._entries[:gone]
        self._tell_all()

    def _tell_all(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _read(self, position: int) -> tuple[Sequence[Entry], bool]:
        """Return the next entries after a position, and whether the log ended there."""
        found, is_at_end = await self._loop.run_in_executor(
            self._executor, self._read_here, position
        )
        if found:
            self._known_end = max(self._known_end, found[-1].position)
        return found, is_at_end

    def _read_here(self, position: int) -> tuple[Sequence[Entry], bool]:
        found: list[Entry] = []
        size = 0
        portions = Portions(rows=PAGE, size=PAGE_BYTES)
        while len(found) < PAGE and size < PAGE_BYTES:
            asked = min(portions.next, PAGE - len(found))
            some = self._log.select_notifications(position, asked, inclusive_of_start=False)
            entries = [self._entry(each) for each in some]
            portions.saw(len(entries), sum(len(entry.page) for entry in entries))
            found += entries
            size += sum(len(entry.page) for entry in entries)
            if len(some) < asked:
                return found, True
            position = some[-1].id
        return found, False

    def _entry(self, event: Notification) -> Entry:
        message = to_message(event, self._type_of(event.topic), position=event.id)
        return Entry(event.id, event.topic, pb.LogPage(events=[message]).SerializeToString())

    def _page(self, entries: Sequence[Entry], topics: frozenset[str]) -> tuple[bytes, int]:
        """Return a page of the first of the entries, if there are wanted ones, and how far it goes.

        It has at least one of them, however large that is.
        """
        parts: list[bytes] = []
        size, position = 0, entries[0].position
        for entry in entries:
            if not topics or entry.topic in topics:
                if parts and size + len(entry.page) > PAGE_BYTES:
                    break
                parts.append(entry.page)
                size += len(entry.page)
            position = entry.position
        end = pb.LogPage(end=self._known_end).SerializeToString()
        return b"".join([*parts, end]) if parts else b"", position
