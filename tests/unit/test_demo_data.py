"""Demo data: what a plan promises, and that the command handlers accept it."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patientmgmt.application import Accepted, PatientManagement
from patientmgmt.demo_data import (
    EMERGENCY,
    GERIATRICS,
    INTENSIVE_CARE,
    PAEDIATRICS,
    Admission,
    Discharge,
    Readmission,
    Step,
    Transfer,
    generate,
    plan,
    send,
)
from patientmgmt.domain.commands import AdmitPatient, DischargePatient
from patientmgmt.domain.errors import VersionConflictError

MANY = plan(patients=2_000, seed=7)
"""Enough for shares to be near what they are meant to be."""


@pytest.fixture
def application() -> Iterator[PatientManagement]:
    with PatientManagement({"PERSISTENCE_MODULE": "eventsourcing.popo"}) as application:
        yield application


def by_patient(steps: Sequence[Step]) -> dict[int, list[Step]]:
    histories = defaultdict(list)
    for step in steps:
        histories[step.patient].append(step)
    return histories


def wards_of(history: Sequence[Step]) -> list[str | None]:
    return [None if isinstance(step, Discharge) else step.ward for step in history]


def on_wards(steps: Sequence[Step]) -> list[str]:
    last = (wards_of(history)[-1] for history in by_patient(steps).values())
    return [ward for ward in last if ward is not None]


def test_the_same_seed_plans_the_same_days() -> None:
    assert plan(patients=40, seed=1) == plan(patients=40, seed=1)


def test_another_seed_plans_other_days() -> None:
    assert plan(patients=40, seed=1) != plan(patients=40, seed=2)


def test_without_a_seed_every_plan_is_another() -> None:
    assert plan(patients=40, seed=None) != plan(patients=40, seed=None)


def test_no_patients_make_an_empty_plan() -> None:
    assert plan(patients=0, seed=1) == []


@given(patients=st.integers(1, 60), seed=st.integers())
def test_every_patient_is_admitted_once_and_first(patients: int, seed: int) -> None:
    histories = by_patient(plan(patients=patients, seed=seed))
    assert histories.keys() == set(range(patients))
    for first, *further in histories.values():
        assert isinstance(first, Admission)
        assert not any(isinstance(step, Admission) for step in further)


@given(patients=st.integers(1, 60), seed=st.integers())
def test_every_step_keeps_the_rules_of_the_hospital(patients: int, seed: int) -> None:
    for history in by_patient(plan(patients=patients, seed=seed)).values():
        wards = wards_of(history)
        for ward, step, next_ward in zip(wards, history[1:], wards[1:], strict=False):
            assert ward != next_ward
            assert isinstance(step, Readmission) == (ward is None)


def test_commands_of_different_patients_are_interleaved() -> None:
    switches = sum(one.patient != next_.patient for one, next_ in pairwise(MANY))
    assert switches > 0.9 * len(MANY)


def test_admissions_go_on_until_the_end_while_patients_leave() -> None:
    middle = len(MANY) // 2
    for half in (MANY[:middle], MANY[middle:]):
        kinds = Counter(type(step) for step in half)
        assert min(kinds[Admission], kinds[Transfer], kinds[Discharge]) > 100


def test_a_good_third_of_the_patients_are_on_wards_at_the_end() -> None:
    assert 0.3 < len(on_wards(MANY)) / 2_000 < 0.45


@pytest.mark.parametrize("seed", range(20))
def test_the_plan_of_the_usual_size_leaves_patients_on_several_wards(seed: int) -> None:
    steps = plan(patients=40, seed=seed)
    assert 8 <= len(on_wards(steps)) <= 28
    assert len(set(on_wards(steps))) >= 5


def test_some_patients_are_admitted_again() -> None:
    readmissions = sum(isinstance(step, Readmission) for step in MANY)
    assert 0.03 < readmissions / 2_000 < 0.15


def test_there_are_a_dozen_wards_or_so() -> None:
    wards = {ward for ward in wards_of(MANY) if ward}
    assert 10 <= len(wards) <= 15


def test_patients_move_from_emergency_to_a_specialty_and_to_intensive_care_and_back() -> None:
    journeys = [wards_of(history) for history in by_patient(MANY).values()]
    assert sum(journey[0] == EMERGENCY for journey in journeys) > 800
    to_intensive_care_and_back = [
        journey
        for journey in journeys
        for before, ward, after in zip(journey, journey[1:], journey[2:], strict=False)
        if ward == INTENSIVE_CARE and before == after
    ]
    assert len(to_intensive_care_and_back) > 100


def test_ages_are_those_of_a_hospital_and_wards_suit_them() -> None:
    admissions = [step for step in MANY if isinstance(step, Admission)]
    ages = sorted(step.age for step in admissions)
    assert 0 <= ages[0] < 5
    assert 95 < ages[-1] <= 101
    assert 50 < ages[len(ages) // 2] < 70
    journeys = by_patient(MANY)
    for admission in admissions:
        wards = wards_of(journeys[admission.patient])
        assert (PAEDIATRICS not in wards) or admission.age < 16
        assert (GERIATRICS not in wards) or admission.age >= 75


def test_names_are_of_many_kinds_and_every_one_is_accepted() -> None:
    names = {step.name for step in MANY if isinstance(step, Admission)}
    assert len(names) > 300
    for name in names:
        assert AdmitPatient(name=name, age=34, ward="AA").name == name


def test_the_commands_are_carried_out_as_planned(application: PatientManagement) -> None:
    steps = plan(patients=40, seed=1)
    answers = list(send(application, steps))
    assert len(answers) == len(steps)
    patient_ids = [
        answer.patient_id
        for step, answer in zip(steps, answers, strict=True)
        if isinstance(step, Admission)
    ]
    last_wards = Counter(application.patient(patient_id).ward for patient_id in patient_ids)
    del last_wards[None]
    assert last_wards == Counter(on_wards(steps))


def test_commands_are_sent_one_by_one_as_answers_are_asked_for(
    application: PatientManagement,
) -> None:
    answers = generate(application, patients=5, seed=1)
    assert application.recorder.max_notification_id() is None
    first = next(answers)
    assert first == Accepted(first.patient_id, 1)
    assert application.recorder.max_notification_id() == 1


def test_a_change_by_somebody_else_is_not_overwritten(application: PatientManagement) -> None:
    answers = send(
        application, [Admission(0, "Ada Marsh", 34, "Neurology"), Transfer(0, "Cardiology")]
    )
    patient_id = next(answers).patient_id
    application.discharge(DischargePatient(patient_id=patient_id))
    with pytest.raises(VersionConflictError):
        next(answers)
    assert application.patient(patient_id).ward is None


def test_a_plan_that_does_not_begin_with_the_admission_is_refused(
    application: PatientManagement,
) -> None:
    with pytest.raises(ValueError, match=r"admits each patient first, .* Discharge\(patient=3\)"):
        list(send(application, [Discharge(3)]))
