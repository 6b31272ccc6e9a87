"""A feed over a recorder's notification log, which is in total order and loses nothing."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from eventsourcing.persistence import ApplicationRecorder, StoredEvent

from projections.feeds.feed import Batch, InvalidCheckpointError, ours

PAGE_SIZE = 1_000
"""Events in a page: enough that the cost of a poll does not count, and a second's work at most."""


class CheckpointBeyondLogError(InvalidCheckpointError):
    """The log ends before the checkpoint, so it is another one than the read models were made of.

    Nothing would be seen of it until it is as long, and its beginning never.
    """

    def __init__(self, position: int, end: int) -> None:
        ValueError.__init__(
            self,
            "The read models were made of another event store: expected a notification log of at "
            f"least {position} events, found one of {end}. Put that event store back, or run "
            "`patientmgmt projections rebuild`, which makes them of this one.",
        )


class LogFeed:
    """A :class:`~projections.feeds.feed.Feed` of the events with the given stored names.

    Its checkpoint is the position in the log of the last event seen, whatever its name: all are
    read and others left out here. A store that is asked for a few rare ones reads on until it has
    found a page of them, however long the log is, and would begin at the last of them each time.
    """

    name = "log"
    lateness = timedelta()

    def __init__(
        self, recorder: ApplicationRecorder, topics: Sequence[str], *, page_size: int = PAGE_SIZE
    ) -> None:
        self._recorder = recorder
        self.topics = topics
        self._page_size = page_size

    def poll(self, checkpoint: str | None) -> Batch:
        """Return the events after the checkpoint, in the order in which they were recorded.

        :raises InvalidCheckpointError: when the checkpoint is not a position in this log.
        """
        position = _position(checkpoint)
        events = self._recorder.select_notifications(
            position, self._page_size, inclusive_of_start=False
        )
        if events:
            position = events[-1].id
        else:
            end = self._recorder.max_notification_id() or 0
            if position > end:
                raise CheckpointBeyondLogError(position, end)
        wanted = [event for event in events if event.topic in self.topics]
        return Batch(wanted, str(position), more=len(events) == self._page_size)

    def earliest(self, checkpoints: Sequence[str]) -> str:
        """Return the lowest position."""
        return min(checkpoints, key=_position)

    def describe(self, checkpoint: str) -> str:
        """Return a checkpoint in words."""
        return f"position {_position(checkpoint):,} of the notification log"

    def stream(self, aggregate_id: UUID, *, after: int) -> Sequence[StoredEvent]:
        """Return the aggregate's own events above version ``after``, in order."""
        events = self._recorder.select_events(aggregate_id, gt=after)
        return ours(events, self.topics, after=after)


def _position(checkpoint: str | None) -> int:
    if checkpoint is None:
        return 0
    if not (checkpoint.isascii() and checkpoint.isdigit()):
        raise InvalidCheckpointError(checkpoint, "a position in the notification log")
    return int(checkpoint)
