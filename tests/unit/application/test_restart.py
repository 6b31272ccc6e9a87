"""What was accepted is still there when the application starts again."""

from patientmgmt.application import Accepted, PatientManagement
from patientmgmt.domain.commands import (
    AdmitPatient,
    DischargePatient,
    ReadmitPatient,
    TransferPatient,
)
from tests.unit.application.conftest import Environment


def test_a_restart_keeps_every_event_and_every_patient_s_state(
    sqlite_environment: Environment,
) -> None:
    with PatientManagement(sqlite_environment) as application:
        ada = application.admit(AdmitPatient(name="Ada Marsh", age=34, ward="AA")).patient_id
        bo = application.admit(AdmitPatient(name="Bo Lind", age=29, ward="AA")).patient_id
        application.transfer(TransferPatient(patient_id=ada, ward="BB"))
        application.discharge(DischargePatient(patient_id=bo))
        patients = [application.patient(ada), application.patient(bo)]
        histories = [application.history(ada), application.history(bo)]

    with PatientManagement(sqlite_environment) as application:
        assert [application.patient(ada), application.patient(bo)] == patients
        assert [application.history(ada), application.history(bo)] == histories


def test_work_goes_on_after_a_restart_from_the_version_seen_before(
    sqlite_environment: Environment,
) -> None:
    with PatientManagement(sqlite_environment) as application:
        ada = application.admit(AdmitPatient(name="Ada Marsh", age=34, ward="AA")).patient_id
        seen = application.discharge(DischargePatient(patient_id=ada)).version

    with PatientManagement(sqlite_environment) as application:
        assert application.readmit(
            ReadmitPatient(patient_id=ada, ward="BB", expected_version=seen)
        ) == Accepted(ada, 3)
