"""Stored patient events as any program may have written them."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from eventsourcing.persistence import StoredEvent


def stored(patient_id: UUID, version: int, topic: str, **payload: object) -> StoredEvent:
    """Return a stored event with the given JSON payload."""
    state = json.dumps({"id": str(patient_id), **payload}).encode()
    return StoredEvent(patient_id, version, topic, state)


def admitted(
    patient_id: UUID, version: int = 1, *, name: str = "Ida Moe", ward: str = "AA", age: int = 40
) -> StoredEvent:
    """Return an admission."""
    return stored(patient_id, version, "PatientAdmitted", name=name, ward=ward, age=age)


def transferred(patient_id: UUID, version: int, ward: str) -> StoredEvent:
    """Return a transfer."""
    return stored(patient_id, version, "PatientTransferred", new_ward=ward)


def discharged(patient_id: UUID, version: int) -> StoredEvent:
    """Return a discharge."""
    return stored(patient_id, version, "PatientDischarged")


def decode(event: StoredEvent) -> Mapping[str, Any]:
    """Return the payload of a stored event."""
    payload: Mapping[str, Any] = json.loads(event.state)
    return payload


def history(patient_id: UUID, length: int) -> list[StoredEvent]:
    """Return a patient's first events: stays of four events each, on changing wards."""
    events = []
    for version in range(1, length + 1):
        match version % 4:
            case 1:
                events.append(admitted(patient_id, version, ward=f"W{version % 3}"))
            case 0:
                events.append(discharged(patient_id, version))
            case _:
                events.append(transferred(patient_id, version, f"W{version % 5}"))
    return events
