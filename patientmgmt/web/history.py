"""A patient's history in words, made from the patient's own events and so always current."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from patientmgmt.application import PatientManagement
from patientmgmt.domain.events import (
    PatientAdmitted,
    PatientDischarged,
    PatientEvent,
    PatientTransferred,
)
from patientmgmt.domain.patient import Patient, evolve


@dataclass(frozen=True)
class HistoryEntry:
    """One event: what it is called, what happened, and how it is stored."""

    version: int
    event: str
    summary: str
    recorded_at: datetime | None
    payload: Mapping[str, Any]

    @property
    def details(self) -> Mapping[str, Any]:
        """The payload without what every event has."""
        common = {"id", "recorded_at"}
        return {key: value for key, value in self.payload.items() if key not in common}


@dataclass(frozen=True)
class PatientHistory:
    """The present state of a patient, and the events that led to it, oldest first."""

    patient: Patient
    entries: Sequence[HistoryEntry]

    def since(self, version: int) -> Sequence[HistoryEntry]:
        """Return what happened after the given version."""
        return [entry for entry in self.entries if entry.version > version]


def read_history(application: PatientManagement, patient_id: UUID) -> PatientHistory:
    """Return the patient's state and whole history, both from one reading of the events.

    :raises PatientNotFoundError: when no event of this patient is recorded.
    """
    mapper = application.mapper
    patient: Patient | None = None
    entries = []
    for stored in application.history(patient_id):
        event = cast("PatientEvent", mapper.to_domain_event(stored))
        entries.append(
            HistoryEntry(
                version=stored.originator_version,
                event=stored.topic,
                summary=_summary(patient, event),
                recorded_at=event.recorded_at,
                payload=mapper.to_payload(stored),
            )
        )
        patient = evolve(patient, event)
    return PatientHistory(cast("Patient", patient), entries)


def _summary(before: Patient | None, event: PatientEvent) -> str:
    ward = before.ward if before else None
    match event:
        case PatientAdmitted() if before:
            return f"Admitted again, to ward {event.ward}"
        case PatientAdmitted():
            return f"Admitted to ward {event.ward}"
        case PatientTransferred():
            return f"Transferred from ward {ward} to ward {event.new_ward}"
        case PatientDischarged():
            return f"Discharged from ward {ward}"
        case _:
            return type(event).__name__
