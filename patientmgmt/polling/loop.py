"""The loop of a poller: reads, prints, notes, and waits for a store that is away."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import grpc
from eventsourcing.persistence import OperationalError, PersistenceError

from eventstore_cassandra.errors import StoreUnreachableError
from patientmgmt.polling.cursor import Cursor
from patientmgmt.polling.follower import Follower, Page
from patientmgmt.polling.saved import SavedEvent
from patientmgmt.polling.stopping import Stopping

logger = logging.getLogger(__name__)

SHORTEST_WAIT, LONGEST_WAIT = 0.02, 0.25
"""Seconds until the next poll after one that found nothing; waits double."""
SHORTEST_BACK_OFF, LONGEST_BACK_OFF = 0.25, 5.0
"""Seconds until the next attempt after one that failed; they double."""
_WILL_NOT_PASS = {
    grpc.StatusCode.UNIMPLEMENTED,  # another service is at the address
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.PERMISSION_DENIED,
}


Write = Callable[[Sequence[SavedEvent], Mapping[str, int]], None]
"""Prints events, of which there are so many of each type ever with these."""


class Loop:
    """Prints what a follower finds until it is stopped."""

    def __init__(
        self,
        follower: Follower,
        cursor: Cursor,
        write: Write,
        *,
        stopping: Stopping,
        once: bool,
    ) -> None:
        self._follower = follower
        self._cursor = cursor
        self._write = write
        self._stopping = stopping
        self._once = once
        self._must_begin = True
        self.printed = 0
        """Events."""

    def run(self, at_end: Callable[[], None]) -> None:
        """Go on until it is stopped, or with ``once`` to the end.

        :param at_end: is called when the end is reached for the first time.
        :raises KeyboardInterrupt: when it is stopped.
        :raises PersistenceError: when the store refuses, or with ``once`` when it is away.
        :raises AnotherStoreError: when it is another store than the cursor's.
        """
        wait, was_at_end = SHORTEST_WAIT, False
        while True:
            with self._stopping.waiting():
                page = self._patiently()
            self._print(page)
            if page.more or page.events:
                wait = SHORTEST_WAIT
            if page.more:
                continue
            if not page.events:
                if not was_at_end:
                    at_end()
                    was_at_end = True
                if self._once:
                    return
            with self._stopping.waiting():
                time.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT)

    def _print(self, page: Page) -> None:
        for events, progress in page.parts(self._cursor.counts):
            if events:
                self._write(events, progress.counts)
                self.printed += len(events)
            if progress.versions or progress.checkpoint not in (None, self._cursor.checkpoint):
                self._cursor.save(progress)

    def _patiently(self) -> Page:
        back_off = SHORTEST_BACK_OFF
        while True:
            try:
                if self._must_begin:
                    self._follower.begin()
                page = self._follower.poll()
            except OperationalError as e:
                if self._once or not _passes(e):
                    raise
                if back_off == SHORTEST_BACK_OFF:
                    logger.warning(
                        "The store cannot be read. It is tried again until it can, at least "
                        "every %g s; nothing is lost. Reason: %s",
                        LONGEST_BACK_OFF,
                        e,
                    )
                self._must_begin = True
                time.sleep(back_off)
                back_off = min(2 * back_off, LONGEST_BACK_OFF)
            else:
                self._must_begin = False
                if back_off > SHORTEST_BACK_OFF:
                    logger.info("The store can be read again.")
                return page


def _passes(error: PersistenceError) -> bool:
    """Return whether waiting may help."""
    call: Any = error.__cause__
    is_answer = isinstance(call, grpc.RpcError)
    return isinstance(error, StoreUnreachableError) or not (
        is_answer and call.code() in _WILL_NOT_PASS
    )
