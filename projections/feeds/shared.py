"""One feed for several projections: those that are equally far share each read of it."""

from collections.abc import Sequence
from uuid import UUID

from eventsourcing.persistence import StoredEvent

from projections.feeds.feed import Batch, Feed


class SharedFeed:
    """A :class:`~projections.feeds.feed.Feed` that reads once for all who ask from one place."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._batches: dict[str | None, Batch] = {}
        self.name = feed.name
        self.topics = feed.topics

    def next_round(self) -> None:
        """Read anew from now on."""
        self._batches.clear()

    def poll(self, checkpoint: str | None) -> Batch:
        """Return the events after the checkpoint, as they were when first asked for."""
        if checkpoint not in self._batches:
            self._batches[checkpoint] = self._feed.poll(checkpoint)
        return self._batches[checkpoint]

    def earliest(self, checkpoints: Sequence[str]) -> str:
        """Return a checkpoint that is before all of the given ones, or with the first."""
        return self._feed.earliest(checkpoints)

    def describe(self, checkpoint: str) -> str:
        """Return a checkpoint in words."""
        return self._feed.describe(checkpoint)

    def stream(self, aggregate_id: UUID, *, after: int) -> Sequence[StoredEvent]:
        """Return the aggregate's own events above version ``after``, in order."""
        return self._feed.stream(aggregate_id, after=after)
