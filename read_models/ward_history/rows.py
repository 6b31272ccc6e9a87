"""From a patient's events to the rows of the wards' history."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from projections.read_model import ReadModel
from projections.table import Table
from read_models.months import months_of
from read_models.patient_events import (
    TOPICS,
    PatientAdmitted,
    PatientDischarged,
    PatientEvent,
    PatientTransferred,
    before_admission,
    read_event,
)

MOST_MONTHS = 1_200
"""Of one interval that is over: a hundred years. Only a wrong clock makes it longer, and it shall
not make rows without end; the latest months are kept."""


@dataclass(frozen=True, kw_only=True)
class Visit:
    """A patient's time on one ward, without its end."""

    name: str
    age: int
    ward: str
    since: datetime | None
    """None when nothing tells."""
    entry: int
    """The version of the event that brought the patient to the ward."""


@dataclass(frozen=True, kw_only=True)
class Course:
    """Where a patient is, and what the last event has ended."""

    patient_id: UUID
    name: str
    age: int
    visit: Visit | None
    """None while the patient is discharged."""
    known_time: datetime | None
    """That of the last event which has one."""
    ended: Visit | None = None
    """What the last event has ended, at the known time."""


@dataclass(frozen=True)
class Present:
    """Somebody on a ward."""

    ward: str
    since: datetime
    patient_id: UUID
    entry: int
    name: str
    age: int


@dataclass(frozen=True)
class Past:
    """Somebody who lay on a ward in a month, and has left it."""

    ward: str
    month: str
    """Like ``2026-11``, in UTC."""
    since: datetime
    patient_id: UUID
    entry: int
    until: datetime
    name: str
    age: int


@dataclass(frozen=True)
class KnownWard:
    """A ward that has or had a patient."""

    register: str
    ward: str


PRESENT = Table("present", Present, partition=("ward",), order=("since", "patient_id"))
PAST = Table(
    "past",
    Past,
    partition=("ward", "month"),
    order=("since", "patient_id", "entry"),
    lasting=True,
)
WARDS = Table("wards", KnownWard, partition=("register",), order=("ward",), aggregate=None)
ALL = "all"


def fold(patient: Course | None, event: PatientEvent) -> Course:
    """Return where the patient is after the event, and what it has ended."""
    moment = event.recorded_at or (patient.known_time if patient else None)
    match event:
        case PatientAdmitted():
            return Course(
                patient_id=event.patient_id,
                name=event.name,
                age=event.age,
                visit=_visit(event.name, event.age, event.ward, event.version, moment),
                known_time=moment,
                ended=patient.visit if patient else None,
            )
        case PatientTransferred(new_ward=ward) if patient:
            if patient.visit and patient.visit.ward == ward:
                return replace(patient, known_time=moment, ended=None)
            visit = _visit(patient.name, patient.age, ward, event.version, moment)
            return replace(patient, visit=visit, known_time=moment, ended=patient.visit)
        case PatientDischarged() if patient:
            return replace(patient, visit=None, known_time=moment, ended=patient.visit)
        case _:
            raise before_admission(event)


def rows(patient: Course) -> Iterable[object]:
    """Return the row of where the patient is, with the ward's, and those of what has ended."""
    found: list[object] = []
    visit = patient.visit
    if visit and visit.since:
        found += [
            Present(
                visit.ward, visit.since, patient.patient_id, visit.entry, visit.name, visit.age
            ),
            KnownWard(ALL, visit.ward),
        ]
    ended, until = patient.ended, patient.known_time
    if ended and ended.since and until:
        found += [
            Past(
                ward=ended.ward,
                month=month,
                since=ended.since,
                patient_id=patient.patient_id,
                entry=ended.entry,
                until=until,
                name=ended.name,
                age=ended.age,
            )
            for month in months_of(ended.since, until, most=MOST_MONTHS)
        ]
    return found


MODEL = ReadModel(
    name="ward_history",
    topics=TOPICS,
    read=read_event,
    state=Course,
    fold=fold,
    tables=[PRESENT, PAST, WARDS],
    rows=rows,
)


def _visit(name: str, age: int, ward: str, entry: int, since: datetime | None) -> Visit:
    return Visit(name=name, age=age, ward=ward, since=since, entry=entry)
