"""The command handlers: load the patient, ask the aggregate to decide, record the event."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, cast
from uuid import UUID, uuid4

from eventsourcing.application import AggregateNotFoundError, Application
from eventsourcing.persistence import (
    ApplicationRecorder,
    IntegrityError,
    Mapper,
    OperationalError,
    StoredEvent,
)

from eventstore_cassandra import CassandraApplicationRecorder, UnknownOutcomeError
from patientmgmt.domain.commands import (
    AdmitPatient,
    DischargePatient,
    ReadmitPatient,
    TransferPatient,
)
from patientmgmt.domain.errors import (
    PatientIdTakenError,
    PatientNotFoundError,
    VersionConflictError,
)
from patientmgmt.domain.events import EVENT_TYPES, PatientAdmitted, PatientEvent
from patientmgmt.domain.patient import Patient, PatientSnapshot, evolve, project_patient
from patientmgmt.mapper import PatientMapper


@dataclass(frozen=True)
class Accepted:
    """A command was carried out; ``version`` is the patient's version now."""

    patient_id: UUID
    version: int


class UnknownResultError(OperationalError):
    """It is not known whether a command is or will be recorded, as ``version`` of the patient.

    The same command can be sent again if it names the id (of an admission) or the version that it
    was made from (of any other): it is recorded once at most. Every other error means that nothing
    was recorded. On SQLite there is no such outcome: a transaction that fails is rolled back.
    """

    def __init__(self, patient_id: UUID, version: int) -> None:
        self.patient_id = patient_id
        self.version = version
        what = "the admission" if version == 1 else f"the change to version {version}"
        again = f"the id {patient_id}" if version == 1 else f"expected_version {version - 1}"
        super().__init__(
            f"The database did not answer in time. It is not known whether {what} of patient "
            f"{patient_id} is recorded, or will be in a moment. Look at the patient, or send the "
            f"same command again with {again}: it is recorded once at most."
        )


class PatientManagement(Application[UUID]):
    """Carries out commands on patients, on whichever store the environment names.

    Besides the errors of :mod:`patientmgmt.domain.errors`, every method may raise the library's
    ``OperationalError`` when the store cannot be reached; those that change something may raise
    :class:`UnknownResultError`.
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
        """Admit a new patient, under the command's id if it has one.

        If this same admission is recorded already, it is answered as it was the first time.

        :raises PatientIdTakenError: when the id is that of another admission.
        """
        patient_id = command.id or uuid4()
        event = Patient.admit(
            patient_id, name=command.name, age=command.age, ward=command.ward, at=_now()
        )
        try:
            return self._save_event(None, event)
        except IntegrityError as e:
            different = self._differences(event)
            if different:
                raise PatientIdTakenError(patient_id, different) from e
            return Accepted(patient_id, event.originator_version)

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

    def _append(self, patient: Patient, event: PatientEvent) -> Accepted:
        try:
            return self._save_event(patient, event)
        except IntegrityError as e:
            actual = self.patient(patient.id).version
            raise VersionConflictError(patient.id, expected=patient.version, actual=actual) from e

    def _save_event(self, patient: Patient | None, event: PatientEvent) -> Accepted:
        after = evolve(patient, event)
        try:
            self.save(event, after)
        except UnknownOutcomeError as e:
            raise UnknownResultError(after.id, after.version) from e
        return Accepted(after.id, after.version)

    def _differences(self, admission: PatientAdmitted) -> Sequence[str]:
        """Return in what the patient's first recorded event is not this admission."""
        first = self.recorder.select_events(admission.originator_id, limit=1)
        recorded = cast("PatientEvent", self.mapper.to_domain_event(first[0])) if first else None
        if not isinstance(recorded, PatientAdmitted):
            return ["beginning"]
        names = ("name", "age", "ward")
        return [name for name in names if getattr(recorded, name) != getattr(admission, name)]


def _now() -> datetime:
    return datetime.now(UTC)
