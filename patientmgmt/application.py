"""The command handlers: load the patient, ask the aggregate to decide, record the event."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID, uuid4

from eventsourcing.application import AggregateNotFoundError, Application
from eventsourcing.persistence import ApplicationRecorder, IntegrityError, Mapper, StoredEvent

from eventstore_cassandra import CassandraApplicationRecorder
from patientmgmt.domain.commands import (
    AdmitPatient,
    DischargePatient,
    ReadmitPatient,
    TransferPatient,
)
from patientmgmt.domain.errors import PatientNotFoundError, VersionConflictError
from patientmgmt.domain.events import EVENT_TYPES, PatientEvent
from patientmgmt.domain.patient import Patient, PatientSnapshot, evolve, project_patient
from patientmgmt.mapper import PatientMapper


@dataclass(frozen=True)
class Accepted:
    """A command was carried out; ``version`` is the patient's version now."""

    patient_id: UUID
    version: int


class PatientManagement(Application[UUID]):
    """Carries out commands on patients, on whichever store the environment names.

    Besides the errors of :mod:`patientmgmt.domain.errors`, every method may raise the library's
    ``OperationalError`` when the store cannot be reached.
    """

    name = "patientmgmt"
    mapper: PatientMapper
    snapshot_class = PatientSnapshot
    snapshotting_projectors: ClassVar[dict[Any, Any]] = {Patient: project_patient}

    def construct_mapper(self) -> Mapper[UUID]:
        """Use the patient domain's JSON on every store."""
        return self.factory.mapper(
            transcoder=self.construct_transcoder(), mapper_class=PatientMapper
        )

    def construct_recorder(self) -> ApplicationRecorder:
        """On Cassandra, make sure that the domain's event types have their own integers."""
        recorder = super().construct_recorder()
        if isinstance(recorder, CassandraApplicationRecorder):
            recorder.register_event_types(EVENT_TYPES)
        return recorder

    def admit(self, command: AdmitPatient) -> Accepted:
        """Admit a new patient."""
        event = Patient.admit(
            uuid4(), name=command.name, age=command.age, ward=command.ward, at=_now()
        )
        return self._append(None, event)

    def readmit(self, command: ReadmitPatient) -> Accepted:
        """Admit a discharged patient again."""
        patient = self._load(command.patient_id, command.expected_version)
        return self._append(patient, patient.readmit(ward=command.ward, at=_now()))

    def transfer(self, command: TransferPatient) -> Accepted:
        """Move a patient to another ward."""
        patient = self._load(command.patient_id, command.expected_version)
        return self._append(patient, patient.transfer(ward=command.ward, at=_now()))

    def discharge(self, command: DischargePatient) -> Accepted:
        """End a patient's stay."""
        patient = self._load(command.patient_id, command.expected_version)
        return self._append(patient, patient.discharge(at=_now()))

    def patient(self, patient_id: UUID) -> Patient:
        """Return the patient's state from its own events, not from a read model."""
        try:
            return self.repository.get(patient_id, projector_func=project_patient)
        except AggregateNotFoundError:
            raise PatientNotFoundError(patient_id) from None

    def history(self, patient_id: UUID, *, after: int = 0) -> Sequence[StoredEvent]:
        """Return the patient's events as they are stored, from the version after ``after``."""
        events = self.recorder.select_events(patient_id, gt=after)
        if not events and after == 0:
            raise PatientNotFoundError(patient_id)
        return events

    def _load(self, patient_id: UUID, expected_version: int | None) -> Patient:
        patient = self.patient(patient_id)
        if expected_version is not None and expected_version != patient.version:
            raise VersionConflictError(
                patient_id, expected=expected_version, actual=patient.version
            )
        return patient

    def _append(self, patient: Patient | None, event: PatientEvent) -> Accepted:
        after = evolve(patient, event)
        try:
            self.save(event, after)
        except IntegrityError as e:
            actual = self.patient(after.id).version
            raise VersionConflictError(after.id, expected=after.version - 1, actual=actual) from e
        return Accepted(after.id, after.version)


def _now() -> datetime:
    return datetime.now(UTC)
