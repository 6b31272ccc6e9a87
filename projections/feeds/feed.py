"""Where a worker learns of events.

A feed may show an event twice, and the events of one aggregate in any order; the worker sorts that
out. What a feed must not do is lose an event between two checkpoints for good.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from eventsourcing.persistence import StoredEvent


@dataclass(frozen=True)
class Batch:
    """What one poll of a feed found."""

    events: Sequence[StoredEvent]
    """In the order seen; ``topic`` is the event's stored name."""
    checkpoint: str
    """Where the next poll shall begin; opaque to everybody but the feed."""
    more: bool
    """True when a full page was read, so that the next poll should follow at once."""


class Feed(Protocol):
    """A source of events for projections."""

    @property
    def name(self) -> str:
        """What kind of feed it is: checkpoints of one kind mean nothing to another."""
        ...

    @property
    def topics(self) -> Sequence[str]:
        """The stored names of the events that it shows."""
        ...

    @property
    def lateness(self) -> timedelta:
        """How long before a poll an event may have been acknowledged that the poll cannot see."""
        ...

    def poll(self, checkpoint: str | None) -> Batch:
        """Return events after the checkpoint; ``None`` begins at the first event ever.

        :raises InvalidCheckpointError: when the checkpoint is not one of this feed's own.
        """
        ...

    def earliest(self, checkpoints: Sequence[str]) -> str:
        """Return a checkpoint with nothing before it that is not before all of the given ones.

        Of one it is where a poll sees again all that may have become visible late before it.

        :raises InvalidCheckpointError: when one of them is not one of this feed's own.
        """
        ...

    def describe(self, checkpoint: str) -> str:
        """Return a checkpoint in words.

        :raises InvalidCheckpointError: when it is not one of this feed's own.
        """
        ...

    def stream(self, aggregate_id: UUID, *, after: int) -> Sequence[StoredEvent]:
        """Return the aggregate's own events above version ``after``, in order: the truth.

        An aggregate that has no event of the feed's topics is another application's; it has none.
        """
        ...


class InvalidCheckpointError(ValueError):
    """A saved checkpoint is not one that this feed wrote."""

    def __init__(self, checkpoint: str, expected: str) -> None:
        super().__init__(
            f"The saved checkpoint cannot be read: expected {expected}, found {checkpoint!r:.80}. "
            "Run `patientmgmt projections rebuild`: it begins at the first event, and pages go on "
            "with what there is until it has caught up."
        )


def ours(
    events: Sequence[StoredEvent], topics: Sequence[str], *, after: int
) -> Sequence[StoredEvent]:
    """Return an aggregate's events above a version; none if the aggregate is another application's.

    From version 0 on they are all that there are. One of our topics among them makes all of them
    ours: what cannot be read then is an event that cannot be shown.
    """
    is_other = after == 0 and not any(event.topic in topics for event in events)
    return [] if is_other else events


def aggregate_id(event: StoredEvent) -> UUID:
    """Return the id of the event's aggregate as a UUID, also from a store that keeps ids as text.

    :raises ValueError: when the id is no UUID.
    """
    found = event.originator_id
    return found if isinstance(found, UUID) else UUID(found)
