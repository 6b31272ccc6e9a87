"""An intent, its outcome, and how the outcome follows from what stands in the aggregate."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple
from uuid import UUID

from eventsourcing.persistence import Notification, StoredEvent

from eventstore_cassandra.append import AggregateId, Append


class Outcome(Enum):
    """What has become of an intent; the first two are final."""

    COMMITTED = "committed"
    ABORTED = "aborted"
    PENDING = "pending"


class Intent(NamedTuple):
    """One append in the log (a tuple, since catching up makes many)."""

    first: int
    """Position of its first event; the others follow."""
    append_id: UUID
    aggregate_id: AggregateId
    first_version: int
    events: Sequence[tuple[str, bytes]]
    """Topic and state of each event."""
    mark: Outcome | None
    """The outcome, where it is written into the log."""
    follows_0: bool = False
    """Whether it is version 1 of a stream with a version 0, and not the first of a new one."""

    @property
    def last(self) -> int:
        """Position of its last event."""
        return self.first + len(self.events) - 1

    def notifications(self) -> Iterator[Notification]:
        """Yield what a reader of the log gets."""
        offset = self.first_version - self.first
        for position, (topic, state) in enumerate(self.events, self.first):
            yield Notification(
                id=position,
                originator_id=self.aggregate_id,
                originator_version=position + offset,
                topic=topic,
                state=state,
            )

    def append(self) -> Append:
        """Return the append, under its own name."""
        return Append(
            [
                StoredEvent(self.aggregate_id, version, topic, state)
                for version, (topic, state) in enumerate(self.events, self.first_version)
            ],
            self.append_id,
            self.follows_0,
        )

    @property
    def is_new(self) -> bool:
        """Whether the stream is expected not to exist."""
        return self.first_version < (1 if self.follows_0 else 2)


@dataclass(frozen=True)
class Look:
    """What a read of the aggregate's partition shows at the first version of an append."""

    append_id: UUID | None
    """Whose row is there; None if there is none."""
    current_version: int | None
    """None if there is no aggregate."""
    is_barred: bool = False
    """Whether the append is named there as one that must never be applied."""


def outcome(intent: Intent, look: Look) -> Outcome:
    """Return the outcome that the look shows; "aborted" is true of a serial look only.

    An intent that is barred was not applied and never will be. One is overtaken when the aggregate
    is at its version without its row, or is there at all where it was expected to be new: that
    version is somebody else's. An aggregate below the
    expected version is a stale look, since that version was committed before the intent was
    written: the intent is pending, or will be found committed.
    """
    if look.append_id == intent.append_id:
        return Outcome.COMMITTED
    overtaken = look.current_version is not None and (
        intent.is_new or look.current_version >= intent.first_version
    )
    return Outcome.ABORTED if overtaken or look.is_barred else Outcome.PENDING
