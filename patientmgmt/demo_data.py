"""Plausible hospital days to try the system with: planned first, then sent as real commands.

A plan covers one fortnight. Patients arrive at any hour of it, and each follows a pathway of their
own: perhaps the emergency department, a specialty that suits their age, perhaps intensive care and
back, then home, and sometimes a second stay. What lies beyond the fortnight is not sent, so that
a good third of the patients are on wards at the end.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from operator import itemgetter
from random import Random
from typing import TypeAlias

from patientmgmt.application import Accepted, PatientManagement
from patientmgmt.domain.commands import (
    AdmitPatient,
    DischargePatient,
    ReadmitPatient,
    TransferPatient,
)

PLANNED_HOURS = 14 * 24

EMERGENCY = "Emergency"
INTENSIVE_CARE = "Intensive Care"
REHABILITATION = "Rehabilitation"
PAEDIATRICS = "Paediatrics"
GERIATRICS = "Geriatrics"
SPECIALTIES = [
    "Cardiology",
    "Gastroenterology",
    "General Medicine",
    "General Surgery",
    "Neurology",
    "Oncology",
    "Orthopaedics",
    "Respiratory Medicine",
]

MEAN_HOURS = {EMERGENCY: 6, INTENSIVE_CARE: 60, REHABILITATION: 150}
"""Time on a ward; on any other it is ``MEAN_HOURS_ELSEWHERE``."""
MEAN_HOURS_ELSEWHERE = 80
MEAN_HOURS_AT_HOME = 90
"""Time until the next stay of those who are admitted again."""

AGES = [(0, 4), (5, 17), (18, 39), (40, 59), (60, 74), (75, 89), (90, 101)]
AGE_SHARES = [8, 5, 15, 20, 26, 22, 4]
"""Percent. General hospitals treat mainly the very young and the old."""

NAMES = [
    ("Amelia Charlotte George Harriet Oliver Thomas", "Ashworth Bennett Clarke Hughes Taylor"),
    ("Anouk Bram Daan Femke Lotte Sem", "Bakker Dekker Jansen Smit Visser"),
    ("Camille Élodie Hugo Jérôme Léa Théo", "Bernard Dubois Lefèvre Moreau Rousseau"),
    ("Greta Jonas Jürgen Katharina Lukas Sabine", "Bauer Groß Krüger Müller Schäfer"),
    ("Alejandro Inés José Lucía María Santiago", "García Hernández Muñoz Núñez Ortega"),
    ("Åsa Björn Freja Lars Sigrid Søren", "Andersson Bjørnstad Lindqvist Nygård Østergaard"),
    ("Ewa Łukasz Paweł Petr Tomáš Zuzana", "Dvořák Kowalczyk Nowak Svoboda Wójcik"),
    ("Dmytro Iryna Nadia Oksana Pavlo Taras", "Bondarenko Kovalenko Melnyk Shevchenko Tkachuk"),
    ("Elif Emre Leyla Mehmet Yusuf Zeynep", "Çelik Demir Kaya Öztürk Şahin"),
    ("Amina Fatima Hassan Khalid Layla Omar", "Al-Masri Haddad Khoury Mansour Nasser"),
    ("Aarav Ananya Arjun Kavya Priya Rohan", "Gupta Iyer Mehta Patel Reddy"),
    ("Hao Jing Lan Mei Wei Xiu", "Chen Huang Li Wang Zhang"),
    ("Haruto Hana Kenji Sakura Takumi Yui", "Itō Kobayashi Satō Tanaka Yamamoto"),
    ("Anh Dũng Hương Linh Minh Thảo", "Hoàng Lê Nguyễn Phạm Trần"),
    ("Adaeze Chidi Kwame Ngozi Tunde Yaa", "Adeyemi Boateng Mensah Okafor Okonkwo"),
    ("Ana Beatriz Caio Helena Rafael Thiago", "Almeida Carvalho Gonçalves Ribeiro Souza"),
]
"""Given names and family names that go together."""


@dataclass(frozen=True)
class Admission:
    """A new patient arrives; ``patient`` counts from 0 in every kind of step."""

    patient: int
    name: str
    age: int
    ward: str


@dataclass(frozen=True)
class Readmission:
    """A discharged patient arrives again."""

    patient: int
    ward: str


@dataclass(frozen=True)
class Transfer:
    """A patient moves to another ward."""

    patient: int
    ward: str


@dataclass(frozen=True)
class Discharge:
    """A patient goes home."""

    patient: int


Step: TypeAlias = Admission | Readmission | Transfer | Discharge


def plan(*, patients: int, seed: int | None) -> list[Step]:
    """Return what happens in the fortnight, in order; always the same for one seed.

    Every one of the patients is admitted, and each step keeps the domain's rules.
    """
    random = Random(seed)  # noqa: S311 - demo data is to be repeatable, not secret
    timed_steps = [
        timed_step
        for patient in range(patients)
        for timed_step in takewhile(
            lambda timed_step: timed_step[0] < PLANNED_HOURS, _journey(patient, random)
        )
    ]
    return [step for _, step in sorted(timed_steps, key=itemgetter(0))]


def send(application: PatientManagement, steps: Iterable[Step]) -> Iterator[Accepted]:
    """Send each step as a command when the next answer is asked for.

    Every command says from which version of the patient it is made, so that somebody else's change
    to one of these patients ends the run with a ``VersionConflictError``. Otherwise as
    :class:`PatientManagement` raises.
    """
    latest: dict[int, Accepted] = {}
    for step in steps:
        accepted = _carry_out(application, step, latest.get(step.patient))
        latest[step.patient] = accepted
        yield accepted


def generate(
    application: PatientManagement, *, patients: int, seed: int | None
) -> Iterator[Accepted]:
    """Plan and send in one: the answers to all the commands, as they are asked for."""
    return send(application, plan(patients=patients, seed=seed))


def _journey(patient: int, random: Random) -> Iterator[tuple[float, Step]]:
    """Yield the patient's steps with their hours; without end for those who keep coming back."""
    givens, families = random.choice(NAMES)
    name = f"{random.choice(givens.split())} {random.choice(families.split())}"
    age = random.randint(*random.choices(AGES, AGE_SHARES)[0])
    hour = random.uniform(0, PLANNED_HOURS)
    wards = _pathway(age, random)
    yield hour, Admission(patient, name, age, wards[0])
    while True:
        for ward, next_ward in zip(wards, [*wards[1:], None], strict=True):
            hour += random.expovariate(1 / MEAN_HOURS.get(ward, MEAN_HOURS_ELSEWHERE))
            yield hour, Transfer(patient, next_ward) if next_ward else Discharge(patient)
        if random.random() < 0.75:
            return
        hour += random.expovariate(1 / MEAN_HOURS_AT_HOME)
        wards = _pathway(age, random)
        yield hour, Readmission(patient, wards[0])


def _pathway(age: int, random: Random) -> list[str]:
    """Return the wards of one stay in order, none of them twice in a row."""
    if random.random() < 0.1:
        return [EMERGENCY]
    specialty = _specialty(age, random)
    wards = [EMERGENCY, specialty] if random.random() < 0.6 else [specialty]
    if random.random() < 0.2:
        wards += [INTENSIVE_CARE, specialty]
    if age >= 60 and random.random() < 0.2:
        wards.append(REHABILITATION)
    return wards


def _specialty(age: int, random: Random) -> str:
    if age < 16:
        return PAEDIATRICS
    if age >= 75 and random.random() < 0.4:
        return GERIATRICS
    return random.choice(SPECIALTIES)


def _carry_out(application: PatientManagement, step: Step, seen: Accepted | None) -> Accepted:
    if isinstance(step, Admission):
        return application.admit(AdmitPatient(name=step.name, age=step.age, ward=step.ward))
    if seen is None:
        raise ValueError(f"A plan admits each patient first, but this one begins with {step}.")
    patient_id, version = seen.patient_id, seen.version
    match step:
        case Readmission(ward=ward):
            return application.readmit(
                ReadmitPatient(patient_id=patient_id, ward=ward, expected_version=version)
            )
        case Transfer(ward=ward):
            return application.transfer(
                TransferPatient(patient_id=patient_id, ward=ward, expected_version=version)
            )
        case Discharge():
            return application.discharge(
                DischargePatient(patient_id=patient_id, expected_version=version)
            )
