"""Events of one patient who was admitted at noon, and a fold of them."""

from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

from eventsourcing.persistence import StoredEvent

from projections.read_model import ReadModel
from read_models.patient_events import PatientEvent
from tests.unit.projections.events import decode, stored

PATIENT = UUID(int=7)
NOON = "2024-03-01T12:00:00.123456+00:00"
NOON_READ = datetime(2024, 3, 1, 12, 0, 0, 123_000, tzinfo=UTC)
LATER = "2024-03-02T08:00:00+00:00"
LATER_READ = datetime(2024, 3, 2, 8, tzinfo=UTC)

StateT = TypeVar("StateT")


def admission(version: int = 1, *, at: str | None = NOON, **payload: object) -> StoredEvent:
    """Return an admission with a time."""
    payload = {"name": "Ida Moe", "ward": "AA", "age": 40, "recorded_at": at, **payload}
    return stored(PATIENT, version, "PatientAdmitted", **payload)


def transfer(version: int, ward: str, *, at: str | None = LATER) -> StoredEvent:
    """Return a transfer with a time."""
    return stored(PATIENT, version, "PatientTransferred", new_ward=ward, recorded_at=at)


def discharge(version: int, *, at: str | None = LATER) -> StoredEvent:
    """Return a discharge with a time."""
    return stored(PATIENT, version, "PatientDischarged", recorded_at=at)


def after(model: ReadModel[StateT, PatientEvent], *events: StoredEvent) -> StateT:
    """Return the state of the read model after the events."""
    state: StateT | None = None
    for event in events:
        state = model.fold(state, model.read(event, decode(event)))
    assert state is not None
    return state
