"""What can happen to a patient. Events are facts: named in the past tense and never changed.

Each event names the patient (``originator_id``) and the version of the patient that it makes
(``originator_version``, from 1), as the event sourcing library expects of any event. The names and
integers at the end of this file are the public contract of the store: other programs, in other
languages, read them. Rename a class freely, never its stored name.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, kw_only=True)
class PatientEvent:
    """Base of all events; ``recorded_at`` is None for events that other programs wrote."""

    originator_id: UUID
    originator_version: int
    recorded_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class PatientAdmitted(PatientEvent):
    """A stay began, the patient's first or a further one."""

    name: str
    ward: str
    age: int


@dataclass(frozen=True, kw_only=True)
class PatientTransferred(PatientEvent):
    """The patient moved to another ward."""

    new_ward: str


@dataclass(frozen=True, kw_only=True)
class PatientDischarged(PatientEvent):
    """The stay ended; the patient is on no ward."""


EVENT_NAMES: dict[type[PatientEvent], str] = {
    PatientAdmitted: "PatientAdmitted",
    PatientTransferred: "PatientTransferred",
    PatientDischarged: "PatientDischarged",
}
"""The name under which each event is stored."""

EVENT_TYPES: dict[str, int] = {
    "PatientAdmitted": 1,
    "PatientTransferred": 2,
    "PatientDischarged": 3,
}
"""The type integers of the original event store, by event name."""
