"""From a patient's events to entries: on shelves, on a ward, and for each part of the name."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from projections.read_model import ReadModel
from projections.table import Table
from read_models.patient_events import (
    TOPICS,
    PatientAdmitted,
    PatientDischarged,
    PatientEvent,
    PatientTransferred,
    before_admission,
    read_event,
)
from read_models.sorting import initial, letters, sort_key

ALL, ADMITTED, DISCHARGED = "all", "admitted", "discharged"
"""The shelves: everybody stands on the first, and on one of the others."""
SHELVES = (ALL, ADMITTED, DISCHARGED)
LETTERS_IN_A_PART = 16
"""Behind the first; what is searched for may be longer."""


@dataclass(frozen=True, kw_only=True)
class Patient:
    """One patient, as the list shows them."""

    patient_id: UUID
    version: int
    name: str
    age: int
    ward: str | None
    """None while the patient is discharged."""
    admitted_at: datetime | None
    """When the present stay began (UTC); None while discharged, or when the event did not say."""
    updated_at: datetime | None
    """When the event of this version was recorded (UTC); None when it did not say."""


@dataclass(frozen=True)
class Listed:
    """One patient's entry on a shelf."""

    shelf: str
    letter: int
    name_key: bytes
    patient_id: UUID
    version: int
    name: str
    age: int
    ward: str | None
    admitted_at: datetime | None
    updated_at: datetime | None


@dataclass(frozen=True)
class OnWard:
    """Who is on a ward; the entry itself stands on the shelf."""

    ward: str
    patient_id: UUID


@dataclass(frozen=True)
class Letter:
    """A letter under which there is or was somebody."""

    register: str
    letter: int


@dataclass(frozen=True)
class Part:
    """A place in a patient's name: the letter that stands there, and those behind it."""

    letter: int
    rest: bytes
    patient_id: UUID


PATIENTS = Table(
    "patients", Listed, partition=("shelf", "letter"), order=("name_key", "patient_id")
)
ON_WARD = Table("on_ward", OnWard, partition=("ward",), order=("patient_id",))
LETTERS = Table("letters", Letter, partition=("register",), order=("letter",), aggregate=None)
PARTS = Table("parts", Part, partition=("letter",), order=("rest", "patient_id"))


def fold(patient: Patient | None, event: PatientEvent) -> Patient:
    """Return the patient after the event."""
    moment = event.recorded_at
    match event:
        case PatientAdmitted():
            return Patient(
                patient_id=event.patient_id,
                version=event.version,
                name=event.name,
                age=event.age,
                ward=event.ward,
                admitted_at=moment,
                updated_at=moment,
            )
        case PatientTransferred(new_ward=ward) if patient:
            return replace(patient, version=event.version, ward=ward, updated_at=moment)
        case PatientDischarged() if patient:
            return replace(
                patient, version=event.version, ward=None, admitted_at=None, updated_at=moment
            )
        case _:
            raise before_admission(event)


def rows(patient: Patient) -> Iterable[object]:
    """Return everything that shows the patient."""
    shelf = shelf_of(patient)
    entries = [entry(patient, ALL), entry(patient, shelf)]
    on_ward = [] if patient.ward is None else [OnWard(patient.ward, patient.patient_id)]
    letter = Letter(ALL, entries[0].letter)
    return [*entries, *on_ward, letter, *parts(patient)]


def entry(patient: Patient, shelf: str) -> Listed:
    """Return the patient's entry on a shelf."""
    key = sort_key(patient.name)
    return Listed(
        shelf=shelf,
        letter=initial(key),
        name_key=key,
        patient_id=patient.patient_id,
        version=patient.version,
        name=patient.name,
        age=patient.age,
        ward=patient.ward,
        admitted_at=patient.admitted_at,
        updated_at=patient.updated_at,
    )


def parts(patient: Patient) -> Iterable[Part]:
    """Return every place in the patient's name."""
    name = letters(patient.name)
    for start, letter in enumerate(name):
        rest = name[start + 1 : start + 1 + LETTERS_IN_A_PART]
        yield Part(letter, as_bytes(rest), patient.patient_id)


def as_bytes(some: Iterable[int]) -> bytes:
    """Return letters as they are kept in a part."""
    return b"".join(letter.to_bytes(2, "big") for letter in some)


def shelf_of(patient: Patient) -> str:
    """Return the shelf on which the patient stands beside that of all."""
    return DISCHARGED if patient.ward is None else ADMITTED


def counts(patient: Patient) -> Iterable[str]:
    """Return the shelves on which the patient counts."""
    return [ALL, shelf_of(patient)]


MODEL = ReadModel(
    name="patient_list",
    topics=TOPICS,
    read=read_event,
    state=Patient,
    fold=fold,
    tables=[PATIENTS, ON_WARD, LETTERS, PARTS],
    rows=rows,
    counts=counts,
)
