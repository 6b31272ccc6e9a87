"""The Patient aggregate: the rules, as two pure steps.

*Decide*: a method such as :meth:`Patient.transfer` looks at the state, refuses with a named error
or returns the event that shall be recorded. It changes nothing.
*Evolve*: :func:`evolve` applies a recorded event. It refuses nothing, since the event has happened.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from patientmgmt.domain.errors import (
    PatientAlreadyAdmittedError,
    PatientNotAdmittedError,
    SameWardError,
)
from patientmgmt.domain.events import (
    PatientAdmitted,
    PatientDischarged,
    PatientEvent,
    PatientTransferred,
)


@dataclass(frozen=True, kw_only=True)
class Patient:
    """A patient as the events tell it; ``ward`` is None while the patient is not admitted."""

    id: UUID
    version: int
    name: str
    age: int
    ward: str | None
    admitted_at: datetime | None = None

    @staticmethod
    def admit(patient_id: UUID, *, name: str, age: int, ward: str, at: datetime) -> PatientAdmitted:
        """Begin the first stay of a new patient."""
        return PatientAdmitted(
            originator_id=patient_id,
            originator_version=1,
            recorded_at=at,
            name=name,
            ward=ward,
            age=age,
        )

    def readmit(self, *, ward: str, at: datetime) -> PatientAdmitted:
        """Begin a new stay of a discharged patient."""
        if self.ward is not None:
            raise PatientAlreadyAdmittedError(self.name, self.ward)
        return PatientAdmitted(
            originator_id=self.id,
            originator_version=self.version + 1,
            recorded_at=at,
            name=self.name,
            ward=ward,
            age=self.age,
        )

    def transfer(self, *, ward: str, at: datetime) -> PatientTransferred:
        """Move the patient to another ward."""
        if self.ward is None:
            raise PatientNotAdmittedError(self.name, "transferred")
        if self.ward == ward:
            raise SameWardError(self.name, ward)
        return PatientTransferred(
            originator_id=self.id,
            originator_version=self.version + 1,
            recorded_at=at,
            new_ward=ward,
        )

    def discharge(self, *, at: datetime) -> PatientDischarged:
        """End the stay."""
        if self.ward is None:
            raise PatientNotAdmittedError(self.name, "discharged")
        return PatientDischarged(
            originator_id=self.id, originator_version=self.version + 1, recorded_at=at
        )


@dataclass(frozen=True, kw_only=True)
class PatientSnapshot:
    """The state at a version, so that loading need not begin at the first event."""

    originator_id: UUID
    originator_version: int
    state: Patient

    @classmethod
    def take(cls, aggregate: Patient) -> PatientSnapshot:
        """Capture the given state."""
        return cls(
            originator_id=aggregate.id,
            originator_version=aggregate.version,
            state=aggregate,
        )


def evolve(patient: Patient | None, event: PatientEvent) -> Patient:
    """Return the state after the event, which must be the next one of this patient."""
    version = patient.version if patient else 0
    if event.originator_version != version + 1:
        raise ValueError(
            f"Events of patient {event.originator_id} are out of order: expected version "
            f"{version + 1}, found {event.originator_version}."
        )
    match event:
        case PatientAdmitted():
            return Patient(
                id=event.originator_id,
                version=event.originator_version,
                name=event.name,
                age=event.age,
                ward=event.ward,
                admitted_at=event.recorded_at,
            )
        case PatientTransferred() if patient:
            return replace(patient, version=event.originator_version, ward=event.new_ward)
        case PatientDischarged() if patient:
            return replace(patient, version=event.originator_version, ward=None, admitted_at=None)
    raise ValueError(
        f"The history of patient {event.originator_id} begins with {type(event).__name__}; "
        "expected an admission."
    )


def project_patient(
    patient: Patient | None, events: Iterable[PatientEvent | PatientSnapshot]
) -> Patient | None:
    """Fold a snapshot or a state, and the events after it, into the present state."""
    for event in events:
        patient = event.state if isinstance(event, PatientSnapshot) else evolve(patient, event)
    return patient
