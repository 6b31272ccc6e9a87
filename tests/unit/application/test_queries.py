"""What the application tells about a patient from the patient's own events."""

from uuid import UUID

import pytest

from patientmgmt.application import PatientManagement
from patientmgmt.domain.commands import AdmitPatient, DischargePatient, TransferPatient
from patientmgmt.domain.errors import PatientNotFoundError

STRANGER = UUID("00000000-0000-4000-8000-000000000001")


@pytest.fixture
def patient_id(application: PatientManagement) -> UUID:
    patient_id = application.admit(AdmitPatient(name="Ada Marsh", age=34, ward="AA")).patient_id
    application.transfer(TransferPatient(patient_id=patient_id, ward="BB"))
    application.discharge(DischargePatient(patient_id=patient_id))
    return patient_id


def test_a_patient_s_state_is_there_as_soon_as_the_command_is_accepted(
    application: PatientManagement, patient_id: UUID
) -> None:
    patient = application.patient(patient_id)
    assert (patient.name, patient.age, patient.ward, patient.version) == ("Ada Marsh", 34, None, 3)


def test_a_history_shows_every_event_in_order_under_its_stored_name(
    application: PatientManagement, patient_id: UUID
) -> None:
    assert [
        (event.originator_version, event.topic) for event in application.history(patient_id)
    ] == [
        (1, "PatientAdmitted"),
        (2, "PatientTransferred"),
        (3, "PatientDischarged"),
    ]


def test_a_history_can_begin_after_a_version(
    application: PatientManagement, patient_id: UUID
) -> None:
    history = application.history(patient_id, after=1)
    assert [event.originator_version for event in history] == [2, 3]


def test_nothing_happened_after_the_present_version(
    application: PatientManagement, patient_id: UUID
) -> None:
    assert application.history(patient_id, after=3) == []


def test_patients_do_not_see_each_other_s_events(
    application: PatientManagement, patient_id: UUID
) -> None:
    other = application.admit(AdmitPatient(name="Bo Lind", age=29, ward="CC")).patient_id
    assert {event.originator_id for event in application.history(other)} == {other}
    assert application.patient(patient_id).version == 3


def test_an_unknown_patient_has_no_state(application: PatientManagement) -> None:
    with pytest.raises(PatientNotFoundError, match=f"No patient has the id {STRANGER}"):
        application.patient(STRANGER)


def test_an_unknown_patient_has_no_history(application: PatientManagement) -> None:
    with pytest.raises(PatientNotFoundError) as error:
        application.history(STRANGER)
    assert error.value.patient_id == STRANGER
