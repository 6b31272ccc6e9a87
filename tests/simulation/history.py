"""What callers were told in a world, and what of it turned out to be untrue."""

from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from eventsourcing.persistence import StoredEvent

from tests.simulation.statements import TOO_MUCH


class Promise(StrEnum):
    """What the event store promises its callers."""

    ACKNOWLEDGED = "what was acknowledged is in the log once, at the positions that were told"
    REFUSED = "what was refused is not there, ever"
    COMPLETE = "the log has every event once"
    ORDER = "versions rise along the log"
    SAME = "what a reader saw on the way is what a fresh one sees"
    HOLES = "a reader meets no hole"
    ONCE = "each append is in the log once"
    MARKS = "marks are true"
    LAST = "the last position is not before one that was delivered"
    LOADED = "what is loaded is whole, without gaps, and not older than what was acknowledged"
    LOADABLE = "in the end every aggregate can be loaded, whichever replicas answer"
    NEVER = "what no server takes is nowhere, and keeps nobody from reading on"
    ERASED = "of what is erased there are no contents"
    PASSED_OVER = "what is announced is passed over by no more reservations than there are writers"
    VERIFIED = "a sound store is told to be sound"


@dataclass(frozen=True)
class Append:
    """What a caller wanted to append. The states of its events name it."""

    name: int
    aggregate_id: UUID
    first_version: int
    size: int
    is_too_much: bool = False
    """Whether no server ever takes it, once it is in the log."""

    @property
    def events(self) -> list[StoredEvent]:
        """Its events."""
        return [
            StoredEvent(self.aggregate_id, self.first_version + n, "Happened", self._state(n))
            for n in range(self.size)
        ]

    @property
    def states(self) -> list[bytes]:
        """The states of its events."""
        return [self._state(n) for n in range(self.size)]

    @property
    def last_version(self) -> int:
        """The version of its last event."""
        return self.first_version + self.size - 1

    def _state(self, n: int) -> bytes:
        beginning = TOO_MUCH if self.is_too_much else ""
        return f"{beginning}append {self.name} event {n}".encode()


@dataclass
class History:
    """All that was told, and the promises that were broken."""

    acknowledged: dict[Append, list[int]] = field(default_factory=dict)
    refused: dict[Append, str] = field(default_factory=dict)
    unknown: list[Append] = field(default_factory=list)
    delivered_up_to: int = 0
    """The highest position that any reader got an event of."""
    broken: list[tuple[Promise, str]] = field(default_factory=list)

    def check(self, promise: Promise, found: str, *, kept: bool) -> None:
        """Note it if a promise was not kept."""
        if not kept:
            self.broken.append((promise, found))

    def acknowledged_version(self, aggregate_id: UUID | str) -> int:
        """Return the highest version that a caller was told to be stored; -1 if there is none."""
        return max(
            (a.last_version for a in self.acknowledged if a.aggregate_id == aggregate_id),
            default=-1,
        )
