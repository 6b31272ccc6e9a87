"""A patient's history in words, made from the patient's own events and so always current.

It can be cut short at a version or a moment, which shows the patient as they were. An event that
was recorded without its time is taken to have happened when the one before it did.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

from eventsourcing.persistence import StoredEvent

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
    """A state of a patient, and the events that led to it, oldest first."""

    patient: Patient
    entries: Sequence[HistoryEntry]
    latest: int
    """The version that the patient is at now."""

    def since(self, version: int) -> Sequence[HistoryEntry]:
        """Return what happened after the given version."""
        return [entry for entry in self.entries if entry.version > version]


def read_history(application: PatientManagement, patient_id: UUID) -> PatientHistory:
    """Return the patient's state and whole history, both from one reading of the events.

    :raises PatientNotFoundError: when no event of this patient is recorded.
    """
    return _told(application, application.history(patient_id))


def history_to_version(
    application: PatientManagement, patient_id: UUID, version: int
) -> PatientHistory | None:
    """Return the same as of a version; None when the patient has not come so far.

    :raises PatientNotFoundError: when no event of this patient is recorded.
    """
    events = application.history(patient_id)
    if version > events[-1].originator_version:
        return None
    return _told(application, events, until=version)


def history_to_moment(
    application: PatientManagement, patient_id: UUID, moment: datetime
) -> PatientHistory | None:
    """Return the same as of a moment; None when nothing is known to have happened until then.

    Clocks differ. An event that is earlier by its time than one before it came after it still: the
    last one that had happened by the moment counts, with all before it.

    :raises PatientNotFoundError: when no event of this patient is recorded.
    """
    events = application.history(patient_id)
    time, reached = None, 0
    for entry in _told(application, events).entries:
        time = _cut(entry.recorded_at) or time
        if time is not None and time <= moment:
            reached = entry.version
    return _told(application, events, until=reached) if reached else None


def _cut(moment: datetime | None) -> datetime | None:
    """Return the moment in UTC to the millisecond, as it is told everywhere."""
    if moment is None:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _told(
    application: PatientManagement, events: Sequence[StoredEvent], *, until: int | None = None
) -> PatientHistory:
    """Tell the events up to the version ``until``; what is behind it need not be readable."""
    mapper = application.mapper
    latest = events[-1].originator_version
    patient: Patient | None = None
    entries = []
    for stored in events:
        if stored.originator_version > (until or latest):
            break
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
    return PatientHistory(cast("Patient", patient), entries, latest)


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
