"""A feed over a recorder's notification log, which is in total order and loses nothing."""

from collections.abc import Sequence
from uuid import UUID

from eventsourcing.persistence import ApplicationRecorder, StoredEvent

from projections.feed import Batch, InvalidCheckpointError

PAGE_SIZE = 1_000
"""Events in a page: enough that the cost of a poll does not count, and a second's work at most."""


class LogFeed:
    """A :class:`~projections.feed.Feed` of the events with the given stored names.

    Its checkpoint is the position in the log of the last event seen.
    """

    def __init__(
        self, recorder: ApplicationRecorder, topics: Sequence[str], *, page_size: int = PAGE_SIZE
    ) -> None:
        self._recorder = recorder
        self._topics = topics
        self._page_size = page_size

    def poll(self, checkpoint: str | None) -> Batch:
        """Return the events after the checkpoint, in the order in which they were recorded.

        :raises InvalidCheckpointError: when the checkpoint is not a position.
        """
        position = _position(checkpoint)
        events = self._recorder.select_notifications(
            position, self._page_size, topics=self._topics, inclusive_of_start=False
        )
        if events:
            position = events[-1].id
        return Batch(events, str(position), more=len(events) == self._page_size)

    def stream(self, aggregate_id: UUID, *, after: int) -> Sequence[StoredEvent]:
        """Return the aggregate's own events above version ``after``, in order."""
        return self._recorder.select_events(aggregate_id, gt=after)


def _position(checkpoint: str | None) -> int:
    if checkpoint is None:
        return 0
    if not (checkpoint.isascii() and checkpoint.isdigit()):
        raise InvalidCheckpointError(checkpoint, "a position in the notification log")
    return int(checkpoint)
