"""Any sequence of commands leaves the hospital as a simple model of it says."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from patientmgmt.application import Accepted, PatientManagement
from patientmgmt.domain.commands import (
    AdmitPatient,
    DischargePatient,
    ReadmitPatient,
    TransferPatient,
)
from patientmgmt.domain.errors import (
    CommandRefusedError,
    PatientAlreadyAdmittedError,
    PatientNotAdmittedError,
    PatientNotFoundError,
    SameWardError,
    VersionConflictError,
)

wards = st.sampled_from(["AA", "BB", "CC"])
ages_of_view = st.none() | st.sampled_from([0, 0, 0, 1, -1])
"""How many versions ago the sender looked; None where the command does not say."""

CommandT = TypeVar("CommandT", ReadmitPatient, TransferPatient, DischargePatient)


@dataclass
class Bed:
    """What the model knows of a patient."""

    name: str
    age: int
    ward: str | None
    version: int = 1


class Hospital(RuleBasedStateMachine):
    """Sends commands to the application and, in parallel, to a dictionary."""

    patients = Bundle[UUID]("patients")

    def __init__(self) -> None:
        super().__init__()
        self.application = PatientManagement({"PERSISTENCE_MODULE": "eventsourcing.popo"})
        self.model: dict[UUID, Bed] = {}

    def teardown(self) -> None:
        self.application.close()

    @rule(target=patients, name=st.sampled_from(["Ada", "Bo"]), age=st.integers(0, 150), ward=wards)
    def admit(self, name: str, age: int, ward: str) -> UUID:
        accepted = self.application.admit(AdmitPatient(name=name, age=age, ward=ward))
        assert accepted.version == 1
        assert accepted.patient_id not in self.model
        self.model[accepted.patient_id] = Bed(name=name, age=age, ward=ward)
        return accepted.patient_id

    @rule(patient=patients, ward=wards, age_of_view=ages_of_view)
    def readmit(self, patient: UUID, ward: str, age_of_view: int | None) -> None:
        bed = self.model[patient]
        self.send(
            self.application.readmit,
            ReadmitPatient(
                patient_id=patient, ward=ward, expected_version=seen(bed.version, age_of_view)
            ),
            broken=PatientAlreadyAdmittedError if bed.ward else None,
            ward=ward,
        )

    @rule(patient=patients, ward=wards, age_of_view=ages_of_view)
    def transfer(self, patient: UUID, ward: str, age_of_view: int | None) -> None:
        bed = self.model[patient]
        broken: type[CommandRefusedError] | None = None
        if bed.ward is None:
            broken = PatientNotAdmittedError
        elif bed.ward == ward:
            broken = SameWardError
        self.send(
            self.application.transfer,
            TransferPatient(
                patient_id=patient, ward=ward, expected_version=seen(bed.version, age_of_view)
            ),
            broken=broken,
            ward=ward,
        )

    @rule(patient=patients, age_of_view=ages_of_view)
    def discharge(self, patient: UUID, age_of_view: int | None) -> None:
        bed = self.model[patient]
        self.send(
            self.application.discharge,
            DischargePatient(patient_id=patient, expected_version=seen(bed.version, age_of_view)),
            broken=None if bed.ward else PatientNotAdmittedError,
            ward=None,
        )

    @rule(stranger=st.uuids(version=4))
    def discharge_a_stranger(self, stranger: UUID) -> None:
        with pytest.raises(PatientNotFoundError):
            self.application.discharge(DischargePatient(patient_id=stranger))

    def send(
        self,
        handler: Callable[[CommandT], Accepted],
        command: CommandT,
        *,
        broken: type[CommandRefusedError] | None,
        ward: str | None,
    ) -> None:
        """Expect a conflict, else the broken rule, else that the patient is on the ward now."""
        bed = self.model[command.patient_id]
        if command.expected_version not in {None, bed.version}:
            broken = VersionConflictError
        if broken:
            with pytest.raises(broken):
                handler(command)
        else:
            bed.version += 1
            bed.ward = ward
            assert handler(command) == Accepted(command.patient_id, bed.version)

    @invariant()
    def every_patient_is_where_the_model_says(self) -> None:
        for patient_id, bed in self.model.items():
            patient = self.application.patient(patient_id)
            assert Bed(patient.name, patient.age, patient.ward, patient.version) == bed

    @invariant()
    def every_accepted_command_left_one_event_and_no_other_did(self) -> None:
        accepted = sum(bed.version for bed in self.model.values())
        assert (self.application.recorder.max_notification_id() or 0) == accepted


def seen(version: int, age_of_view: int | None) -> int | None:
    return None if age_of_view is None else max(1, version - age_of_view)


TestHospital = Hospital.TestCase
TestHospital.settings = settings(max_examples=60, stateful_step_count=30)
