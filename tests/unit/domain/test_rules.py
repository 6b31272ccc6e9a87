"""The rules of the hospital, one each."""

from uuid import UUID

from patientmgmt.domain.commands import (
    AdmitPatient,
    DischargePatient,
    ReadmitPatient,
    TransferPatient,
)
from patientmgmt.domain.errors import (
    PatientAlreadyAdmittedError,
    PatientIdTakenError,
    PatientNotAdmittedError,
    PatientNotFoundError,
    SameWardError,
    VersionConflictError,
)
from tests.unit.domain.specification import PATIENT, admitted, discharged, given, transferred

STRANGER = UUID("00000000-0000-4000-8000-000000000001")


def test_a_person_who_was_never_here_is_admitted_to_a_ward() -> None:
    given().when(AdmitPatient(name="Ada Marsh", age=34, ward="AA")).then(
        admitted("AA", name="Ada Marsh", age=34)
    )


def test_two_persons_of_the_same_name_are_two_patients() -> None:
    given(admitted("AA", name="Ada Marsh")).when(
        AdmitPatient(name="Ada Marsh", age=34, ward="AA")
    ).then(admitted("AA", name="Ada Marsh", age=34))


def test_a_newborn_is_admitted() -> None:
    given().when(AdmitPatient(name="Baby Marsh", age=0, ward="AA")).then(
        admitted("AA", name="Baby Marsh", age=0)
    )


def test_an_admitted_patient_is_transferred_to_another_ward() -> None:
    given(admitted("AA")).when(TransferPatient(patient_id=PATIENT, ward="BB")).then(
        transferred("BB")
    )


def test_a_transferred_patient_is_transferred_further() -> None:
    given(admitted("AA"), transferred("BB")).when(
        TransferPatient(patient_id=PATIENT, ward="CC")
    ).then(transferred("CC"))


def test_a_patient_can_return_to_an_earlier_ward() -> None:
    given(admitted("AA"), transferred("BB")).when(
        TransferPatient(patient_id=PATIENT, ward="AA")
    ).then(transferred("AA"))


def test_a_patient_is_not_transferred_to_the_ward_of_admission_while_there() -> None:
    given(admitted("AA")).when(TransferPatient(patient_id=PATIENT, ward="AA")).refused(
        SameWardError, match="Ada Marsh is already on ward AA"
    )


def test_a_patient_is_not_transferred_to_the_ward_of_the_last_transfer() -> None:
    given(admitted("AA"), transferred("BB")).when(
        TransferPatient(patient_id=PATIENT, ward="BB")
    ).refused(SameWardError, match="already on ward BB")


def test_blanks_around_a_ward_do_not_make_it_another_ward() -> None:
    given(admitted("AA")).when(TransferPatient(patient_id=PATIENT, ward=" AA\t")).refused(
        SameWardError
    )


def test_an_admitted_patient_is_discharged() -> None:
    given(admitted("AA")).when(DischargePatient(patient_id=PATIENT)).then(discharged())


def test_a_transferred_patient_is_discharged() -> None:
    given(admitted("AA"), transferred("BB")).when(DischargePatient(patient_id=PATIENT)).then(
        discharged()
    )


def test_a_discharged_patient_is_not_transferred() -> None:
    given(admitted("AA"), discharged()).when(
        TransferPatient(patient_id=PATIENT, ward="BB")
    ).refused(PatientNotAdmittedError, match="cannot be transferred")


def test_a_discharged_patient_is_not_transferred_to_the_last_ward_either() -> None:
    given(admitted("AA"), discharged()).when(
        TransferPatient(patient_id=PATIENT, ward="AA")
    ).refused(PatientNotAdmittedError)


def test_a_discharged_patient_is_not_discharged_again() -> None:
    given(admitted("AA"), discharged()).when(DischargePatient(patient_id=PATIENT)).refused(
        PatientNotAdmittedError, match="cannot be discharged"
    )


def test_a_discharged_patient_is_admitted_again_with_the_name_and_age_on_record() -> None:
    given(admitted("AA", name="Bo Lind", age=29), discharged()).when(
        ReadmitPatient(patient_id=PATIENT, ward="CC")
    ).then(admitted("CC", name="Bo Lind", age=29))


def test_a_patient_can_come_back_to_the_same_ward() -> None:
    given(admitted("AA"), discharged()).when(ReadmitPatient(patient_id=PATIENT, ward="AA")).then(
        admitted("AA")
    )


def test_a_patient_who_came_back_is_transferred() -> None:
    given(admitted("AA"), discharged(), admitted("AA")).when(
        TransferPatient(patient_id=PATIENT, ward="BB")
    ).then(transferred("BB"))


def test_a_patient_who_came_back_is_discharged() -> None:
    given(admitted("AA"), discharged(), admitted("AA")).when(
        DischargePatient(patient_id=PATIENT)
    ).then(discharged())


def test_an_admitted_patient_is_not_admitted_again() -> None:
    given(admitted("AA"), transferred("BB")).when(
        ReadmitPatient(patient_id=PATIENT, ward="CC")
    ).refused(PatientAlreadyAdmittedError, match="already admitted, on ward BB")


def test_an_unknown_patient_is_not_transferred() -> None:
    given(admitted("AA")).when(TransferPatient(patient_id=STRANGER, ward="BB")).refused(
        PatientNotFoundError, match=str(STRANGER)
    )


def test_an_unknown_patient_is_not_discharged() -> None:
    given(admitted("AA")).when(DischargePatient(patient_id=STRANGER)).refused(
        PatientNotFoundError, match=str(STRANGER)
    )


def test_an_unknown_patient_is_not_admitted_again() -> None:
    given(admitted("AA")).when(ReadmitPatient(patient_id=STRANGER, ward="BB")).refused(
        PatientNotFoundError, match=str(STRANGER)
    )


def test_a_command_made_from_the_present_version_is_carried_out() -> None:
    given(admitted("AA"), transferred("BB")).when(
        TransferPatient(patient_id=PATIENT, ward="CC", expected_version=2)
    ).then(transferred("CC"))


def test_a_command_made_from_an_earlier_version_is_a_conflict() -> None:
    given(admitted("AA"), transferred("BB")).when(
        TransferPatient(patient_id=PATIENT, ward="CC", expected_version=1)
    ).refused(VersionConflictError, match="expected version 1, found version 2")


def test_a_command_made_from_a_version_yet_to_come_is_a_conflict() -> None:
    given(admitted("AA")).when(DischargePatient(patient_id=PATIENT, expected_version=2)).refused(
        VersionConflictError, match="expected version 2, found version 1"
    )


def test_a_stale_command_is_a_conflict_even_where_it_would_break_a_rule_as_well() -> None:
    given(admitted("AA"), discharged()).when(
        DischargePatient(patient_id=PATIENT, expected_version=1)
    ).refused(VersionConflictError)


def test_a_stale_command_is_a_conflict_even_where_the_rules_would_allow_it() -> None:
    given(admitted("AA"), discharged()).when(
        ReadmitPatient(patient_id=PATIENT, ward="AA", expected_version=1)
    ).refused(VersionConflictError)


def test_a_refusal_names_the_patient() -> None:
    gone = given(admitted("AA"), discharged())
    gone.when(DischargePatient(patient_id=PATIENT)).refused(
        PatientNotAdmittedError, match="^Ada Marsh was discharged .* cannot be discharged"
    )
    gone.when(TransferPatient(patient_id=PATIENT, ward="BB")).refused(
        PatientNotAdmittedError, match="^Ada Marsh was discharged .* cannot be transferred"
    )
    given(admitted("AA")).when(ReadmitPatient(patient_id=PATIENT, ward="BB")).refused(
        PatientAlreadyAdmittedError, match="^Ada Marsh is already admitted, on ward AA"
    )


def test_an_id_that_is_taken_is_told_with_what_differs() -> None:
    given(admitted("AA", age=34)).when(
        AdmitPatient(id=PATIENT, name="Ada Marsh", age=35, ward="BB")
    ).refused(
        PatientIdTakenError,
        match=f"found {PATIENT} taken by an admission with another age and ward",
    )
