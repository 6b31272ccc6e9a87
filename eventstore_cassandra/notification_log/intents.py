"""An intent, its outcome, and how the outcome follows from what stands in the aggregate."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple
from uuid import UUID

from eventsourcing.persistence import Notification, StoredEvent

from eventstore_cassandra.append import Append


class Outcome(Enum):
    """What has become of an intent; the first two are final."""

    COMMITTED = "committed"
    ABORTED = "aborted"
    PENDING = "pending"


class Intent(NamedTuple):
    """One row of the log (a tuple, since catching up makes many)."""

    position: int
    aggregate_id: UUID
    version: int
    topic: str
    state: bytes
    first: int
    """Position of the first row of the same append."""
    size: int
    """Number of rows of the same append."""
    append_id: UUID
    mark: Outcome | None
    """The outcome, where it is written into the row."""

    @property
    def first_version(self) -> int:
        """Version of the first event of the same append."""
        return self.version - (self.position - self.first)

    def notification(self) -> Notification:
        """Return what a reader of the log gets."""
        return Notification(
            id=self.position,
            originator_id=self.aggregate_id,
            originator_version=self.version,
            topic=self.topic,
            state=self.state,
        )

    def stored_event(self) -> StoredEvent:
        """Return what an append of the intent writes."""
        return StoredEvent(
            originator_id=self.aggregate_id,
            originator_version=self.version,
            topic=self.topic,
            state=self.state,
        )


@dataclass(frozen=True)
class Look:
    """What a read of the aggregate's partition shows at the first version of an append."""

    append_id: UUID | None
    """Whose row is there; None if there is none."""
    current_version: int | None
    """None if there is no aggregate."""


def outcome(intent: Intent, look: Look) -> Outcome:
    """Return the outcome that the look shows; "aborted" is true of a serial look only.

    An intent is overtaken when the aggregate is at its version without its row: that version is
    somebody else's. An aggregate below the expected version is a stale look, since that version was
    committed before the intent was written: the intent is pending, or will be found committed.
    """
    if look.append_id == intent.append_id:
        return Outcome.COMMITTED
    overtaken = look.current_version is not None and look.current_version >= intent.first_version
    return Outcome.ABORTED if overtaken else Outcome.PENDING


def whole_append(intents: Sequence[Intent]) -> Append:
    """Return the append that all the given intents make up, under its own name."""
    return Append([intent.stored_event() for intent in intents], intents[0].append_id)
