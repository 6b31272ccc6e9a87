"""What happened in a run: what writers were told, what readers saw, what the store holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from uuid import UUID

from eventsourcing.persistence import Notification, StoredEvent


class Told(Enum):
    """What a writer was told about its append."""

    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"
    """A conflict, or an error that says that nothing was written."""
    UNKNOWN = "unknown"
    """Nothing certain; or its writer died first."""


@dataclass(frozen=True)
class Event:
    """An event; its token is its content, and no other event has it."""

    aggregate: UUID
    version: int
    token: str

    @classmethod
    def of(cls, stored: StoredEvent | Notification) -> "Event":
        """Return the event that a recorder has returned."""
        token = stored.state.decode()
        return cls(UUID(str(stored.originator_id)), stored.originator_version, token)


@dataclass(frozen=True)
class Attempt:
    """One append: its events, and what its writer was told."""

    events: Sequence[Event]
    told: Told
    positions: Sequence[int] = ()


@dataclass(frozen=True)
class Sighting:
    """An event at its position, as a reader of the log got it."""

    position: int
    event: Event


@dataclass(frozen=True)
class History:
    """A whole run. ``log`` and ``streams`` were read in the end, when nobody wrote any more."""

    attempts: Sequence[Attempt]
    readers: Mapping[str, Sequence[Sighting]]
    """What each reader saw, in the order in which it saw it."""
    streams: Mapping[UUID, Sequence[Event]]
    log: Sequence[Sighting]
    after: int = 0
    """The position after which the run began."""
    erased: frozenset[UUID] = frozenset()
    """Aggregates that were erased."""
    left_over: Sequence[str] = ()
    """A sentence for each place in the tables that still has contents of one of them."""
