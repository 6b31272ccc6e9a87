"""One feed for several projections: those that ask from one place at one time share the reading."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import timedelta
from threading import Lock
from time import monotonic
from uuid import UUID

from eventsourcing.persistence import StoredEvent

from projections.feeds.feed import Batch, Feed

SHARED = 0.02
"""Seconds from the beginning of a reading in which others who ask from the same place join it."""

_Reading = tuple[float, Future[Batch]]
"""When it began, and what comes of it."""


class SharedFeed:
    """A :class:`~projections.feeds.feed.Feed` for projections in several threads.

    What it answers may have been read ``SHARED`` seconds ago.
    """

    def __init__(self, feed: Feed, *, clock: Callable[[], float] = monotonic) -> None:
        self._feed = feed
        self._clock = clock
        self._lock = Lock()
        self._readings: dict[str | None, _Reading] = {}
        self.name = feed.name
        self.topics = feed.topics
        self.lateness = feed.lateness + timedelta(seconds=SHARED)

    def read_anew(self) -> None:
        """Forget what was read, however lately."""
        with self._lock:
            self._readings.clear()

    def poll(self, checkpoint: str | None) -> Batch:
        """Return the events after the checkpoint."""
        now = self._clock()
        with self._lock:
            for place, (began, _) in [*self._readings.items()]:
                if not began <= now < began + SHARED:
                    del self._readings[place]
            if checkpoint in self._readings:
                reading, is_ours = self._readings[checkpoint][1], False
            else:
                reading, is_ours = Future(), True
                self._readings[checkpoint] = (now, reading)
        if is_ours:
            try:
                reading.set_result(self._feed.poll(checkpoint))
            except BaseException as e:
                reading.set_exception(e)
                raise
        return reading.result()

    def earliest(self, checkpoints: Sequence[str]) -> str:
        """Return a checkpoint that is before all of the given ones, or with the first."""
        return self._feed.earliest(checkpoints)

    def describe(self, checkpoint: str) -> str:
        """Return a checkpoint in words."""
        return self._feed.describe(checkpoint)

    def stream(self, aggregate_id: UUID, *, after: int) -> Sequence[StoredEvent]:
        """Return the aggregate's own events above version ``after``, in order."""
        return self._feed.stream(aggregate_id, after=after)
