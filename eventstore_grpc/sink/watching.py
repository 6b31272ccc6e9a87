"""Reads the store again and again, and tells the comparison what is there.

The calls of the store block, and are made in threads; everything else is in one event loop. A store
that does not answer is asked again: what it is to be asked waits, within the bounds of the
comparison.
"""

import asyncio
import logging
import math
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import TypeVar

from eventsourcing.persistence import PersistenceError

from eventstore_grpc.sink.comparison import AT_ONCE, Comparison, Waiting
from eventstore_grpc.sink.reading import StoreReader

logger = logging.getLogger(__name__)

PAUSE = 0.5
"""Seconds between two looks at the store."""
LOOKS = 8
"""Calls of the store at the same time. When it does not answer, no others are begun."""

T = TypeVar("T")


class Watch:
    """Looks at one store for one comparison. To be used in one event loop.

    :param executor: threads for the calls, :data:`LOOKS` of them.
    :param begun: is called with the position behind which the log is compared.
    """

    def __init__(
        self,
        comparison: Comparison,
        store: StoreReader,
        executor: Executor,
        *,
        begun: Callable[[int], None],
    ) -> None:
        self.log_failure = "it was not asked yet"
        """Why the log could not be read the last time; empty when it could."""
        self._appends_failure = ""
        self._comparison = comparison
        self._store = store
        self._executor = executor
        self._begun = begun
        self._loop = asyncio.get_running_loop()
        self._position: int | None = None
        """As far as the log was read; None before it could be read at all."""

    async def run(self) -> None:
        """Compare until cancelled."""
        while True:
            await self._read_log()
            self._comparison.give_up_events(self._loop.time())
            due = self._comparison.due(self._loop.time())
            await self._look(due)
            is_behind = len(due) == AT_ONCE and not self._appends_failure
            await asyncio.sleep(0 if is_behind else PAUSE)

    async def finish_log(self, patience: float) -> None:
        """Compare the log as far as it goes now, while what is mirrored still comes."""
        deadline = self._loop.time() + patience
        await self._read_log(is_last=True)
        while self.log_failure and self._loop.time() < deadline:
            await asyncio.sleep(PAUSE)
            await self._read_log(is_last=True)
        while self._comparison.events_waiting:
            now = self._loop.time()
            self._comparison.give_up_events(now if now < deadline else math.inf)
            await asyncio.sleep(PAUSE)

    async def finish_appends(self, patience: float) -> None:
        """Compare the appends that have come, now that no others do."""
        deadline = self._loop.time() + patience
        is_last = False
        while self._comparison.appends_waiting and not is_last:
            is_last = self._loop.time() >= deadline
            waiting = self._comparison.due(math.inf)
            await self._look(waiting, now=math.inf if is_last else None)
            await asyncio.sleep(PAUSE if self._comparison.appends_waiting else 0)

    async def _read_log(self, *, is_last: bool = False) -> None:
        """Read the log to its end, or at last as far as it goes now."""
        try:
            stop = math.inf
            if is_last or self._position is None:
                stop = await self._call(self._store.log_end)
            if self._position is None:
                self._position = int(stop)
                self._begun(self._position)
            more = self._position < stop
            while more:
                page = await self._call(self._store.log_after, self._position)
                for event in page.events:
                    if event.position <= stop:
                        self._comparison.logged(event, self._loop.time())
                        self._position = event.position
                more = page.more and self._position < stop
        except PersistenceError as e:
            if self.log_failure != str(e):
                logger.warning("The comparison waits for the log of the store: %s", e)
            self.log_failure = str(e)
        else:
            self.log_failure = ""

    async def _look(self, due: Sequence[Waiting], *, now: float | None = None) -> None:
        """Look at what the store has in the place of appends.

        :param now: what to take for the time.
        """
        try:
            for first in range(0, len(due), LOOKS):
                await asyncio.gather(
                    *(self._look_at(waiting, now) for waiting in due[first : first + LOOKS])
                )
        except PersistenceError as e:
            if self._appends_failure != str(e):
                logger.warning("The comparison waits for the store: %s", e)
            self._appends_failure = str(e)

    async def _look_at(self, waiting: Waiting, now: float | None) -> None:
        verdict = await self._call(self._store.judge, waiting.append)
        if self._appends_failure:
            self._appends_failure = ""
            self._comparison.store_is_back(self._loop.time())
        self._comparison.judge(waiting, verdict, self._loop.time() if now is None else now)

    async def _call(self, call: Callable[..., T], *arguments: object) -> T:
        return await self._loop.run_in_executor(self._executor, call, *arguments)
