"""How a patient's state follows from the events."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from patientmgmt.domain.events import PatientEvent
from patientmgmt.domain.patient import Patient, PatientSnapshot, project_patient
from tests.unit.domain.specification import PATIENT, admitted, discharged, given, transferred

MORNING = datetime(2026, 3, 1, 8, tzinfo=UTC)
EVENING = datetime(2026, 3, 1, 20, tzinfo=UTC)


def state(*events: PatientEvent) -> Patient:
    patient = project_patient(None, given(*events).past)
    assert patient is not None
    return patient


def test_no_events_make_no_patient() -> None:
    assert project_patient(None, []) is None


def test_an_admission_tells_everything_about_the_patient() -> None:
    assert state(replace(admitted("AA", name="Bo Lind", age=29), recorded_at=MORNING)) == Patient(
        id=PATIENT, version=1, name="Bo Lind", age=29, ward="AA", admitted_at=MORNING
    )


def test_a_transfer_changes_the_ward_and_not_the_stay() -> None:
    patient = state(
        replace(admitted("AA"), recorded_at=MORNING),
        replace(transferred("BB"), recorded_at=EVENING),
    )
    assert (patient.version, patient.ward, patient.admitted_at) == (2, "BB", MORNING)


def test_a_discharge_ends_the_stay() -> None:
    patient = state(replace(admitted("AA"), recorded_at=MORNING), discharged())
    assert (patient.version, patient.ward, patient.admitted_at) == (2, None, None)


def test_a_further_admission_begins_a_new_stay() -> None:
    patient = state(
        replace(admitted("AA"), recorded_at=MORNING),
        discharged(),
        replace(admitted("CC"), recorded_at=EVENING),
    )
    assert (patient.version, patient.ward, patient.admitted_at) == (3, "CC", EVENING)


def test_the_stay_began_at_an_unknown_time_when_the_admission_does_not_say() -> None:
    assert state(admitted("AA")).admitted_at is None


def test_the_state_goes_on_from_a_snapshot() -> None:
    before = state(admitted("AA"), transferred("BB"))
    third = replace(discharged(), originator_version=3)
    assert project_patient(None, [PatientSnapshot.take(before), third]) == state(
        admitted("AA"), transferred("BB"), discharged()
    )


@pytest.mark.parametrize("version", [1, 3])
def test_an_event_out_of_order_is_refused_with_both_versions(version: int) -> None:
    with pytest.raises(ValueError, match=f"{PATIENT} .*expected version 2, found {version}"):
        project_patient(state(admitted("AA")), [replace(discharged(), originator_version=version)])


@pytest.mark.parametrize("first", [transferred("BB"), discharged()])
def test_a_history_that_does_not_begin_with_an_admission_is_refused(first: PatientEvent) -> None:
    with pytest.raises(ValueError, match=f"begins with {type(first).__name__}; expected an adm"):
        state(first)


def test_the_rules_decide_without_changing_the_state() -> None:
    patient = state(admitted("AA"))
    patient.transfer(ward="BB", at=EVENING)
    assert patient == state(admitted("AA"))
