"""A command may say from which version of the patient it was made."""

from collections.abc import Callable
from uuid import UUID

import pytest

from patientmgmt.application import Accepted, PatientManagement
from patientmgmt.domain.commands import (
    AdmitPatient,
    DischargePatient,
    ReadmitPatient,
    TransferPatient,
)
from patientmgmt.domain.errors import VersionConflictError

Send = Callable[[PatientManagement, UUID, int | None], Accepted]


def readmit(application: PatientManagement, patient_id: UUID, seen: int | None) -> Accepted:
    return application.readmit(
        ReadmitPatient(patient_id=patient_id, ward="CC", expected_version=seen)
    )


def transfer(application: PatientManagement, patient_id: UUID, seen: int | None) -> Accepted:
    return application.transfer(
        TransferPatient(patient_id=patient_id, ward="CC", expected_version=seen)
    )


def discharge(application: PatientManagement, patient_id: UUID, seen: int | None) -> Accepted:
    return application.discharge(DischargePatient(patient_id=patient_id, expected_version=seen))


every_command = pytest.mark.parametrize("send", [readmit, transfer, discharge])


def patient_who_allows(send: Send, application: PatientManagement) -> UUID:
    """Return a patient at version 2 whose state allows the command."""
    patient_id = application.admit(AdmitPatient(name="Ada Marsh", age=34, ward="AA")).patient_id
    if send is readmit:
        application.discharge(DischargePatient(patient_id=patient_id))
    else:
        application.transfer(TransferPatient(patient_id=patient_id, ward="BB"))
    return patient_id


@every_command
@pytest.mark.parametrize("seen", [2, None])
def test_a_command_from_the_present_version_or_from_none_is_accepted(
    application: PatientManagement, send: Send, seen: int | None
) -> None:
    patient_id = patient_who_allows(send, application)
    assert send(application, patient_id, seen) == Accepted(patient_id, 3)
    assert application.patient(patient_id).version == 3


@every_command
@pytest.mark.parametrize("seen", [1, 3])
def test_a_command_from_another_version_is_a_conflict_that_says_both_versions(
    application: PatientManagement, send: Send, seen: int
) -> None:
    patient_id = patient_who_allows(send, application)
    before = application.history(patient_id)

    with pytest.raises(VersionConflictError) as conflict:
        send(application, patient_id, seen)

    assert conflict.value.patient_id == patient_id
    assert (conflict.value.expected, conflict.value.actual) == (seen, 2)
    assert application.history(patient_id) == before


def test_the_first_of_two_changes_from_one_version_wins(application: PatientManagement) -> None:
    patient_id = patient_who_allows(transfer, application)
    transfer(application, patient_id, 2)

    with pytest.raises(VersionConflictError):
        discharge(application, patient_id, 2)

    patient = application.patient(patient_id)
    assert (patient.version, patient.ward) == (3, "CC")
