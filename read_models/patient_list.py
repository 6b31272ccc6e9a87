"""The patient list: everybody who was ever admitted, by name.

A page begins behind, or ends before, a patient whom the page beside it has shown. That patient's id
says which: a name in an address would end up in the logs of proxies.

Bounds: a partition has the patients under one letter, some 300 bytes each. The most frequent letter
has an eighth of all names, so that it has 100 MB at some three million patients.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from projections.database import Rows
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
from read_models.sorting import initial, sort_key

_LETTERS_AT_ONCE = 8


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
    """One patient's entry."""

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
class Letter:
    """A letter under which there is or was somebody."""

    register: str
    letter: int


PATIENTS = Table("patients", Listed, partition=("letter",), order=("name_key", "patient_id"))
LETTERS = Table("letters", Letter, partition=("register",), order=("letter",), aggregate=None)
_ALL = "all"


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
    """Return the patient's entry, and the letter's own."""
    key = sort_key(patient.name)
    return [
        Listed(
            letter=initial(key),
            name_key=key,
            patient_id=patient.patient_id,
            version=patient.version,
            name=patient.name,
            age=patient.age,
            ward=patient.ward,
            admitted_at=patient.admitted_at,
            updated_at=patient.updated_at,
        ),
        Letter(_ALL, initial(key)),
    ]


MODEL = ReadModel(
    name="patient_list",
    topics=TOPICS,
    read=read_event,
    state=Patient,
    fold=fold,
    tables=[PATIENTS, LETTERS],
    rows=rows,
)


@dataclass(frozen=True)
class Page:
    """One page of the list, by name."""

    patients: Sequence[Listed]
    next: str | None
    """What to ask the next page with, as ``after``; None on the last page."""
    previous: str | None = None
    """What to ask the page before with, as ``before``; None on the first page."""


class PatientList:
    """What pages ask the list; everything may raise ``ReadModelsUnavailableError``."""

    def __init__(self, tables: Callable[[], Rows]) -> None:
        self._tables = tables

    def patient(self, patient_id: UUID) -> Patient | None:
        """Return one patient; None when no event of theirs has arrived here, or erased."""
        guard = self._tables().guards([patient_id]).get(patient_id)
        return None if guard is None else MODEL.from_json(guard.state)

    def page(self, *, limit: int = 50, after: str | None = None, before: str | None = None) -> Page:
        """Return one page: the first, or the one after or before the patient with that id.

        :raises ValueError: when the id is not from another page, or ``limit`` is below 1.
        """
        if limit < 1:
            raise ValueError(f"A page holds at least one patient; found a limit of {limit}.")
        if before is not None:
            found = self._read(self._place(before), limit + 1, reverse=True)
            shown = found[:limit][::-1]
            return Page(shown, next=_id(shown, -1), previous=_id(shown, 0, len(found) > limit))
        found = self._read(None if after is None else self._place(after), limit + 1)
        shown = found[:limit]
        return Page(
            shown,
            next=_id(shown, -1, len(found) > limit),
            previous=_id(shown, 0, after is not None),
        )

    def _read(
        self, place: tuple[bytes, UUID] | None, limit: int, *, reverse: bool = False
    ) -> Sequence[Listed]:
        """Return entries behind the place, in the direction of reading."""
        tables = self._tables()
        letters = [row.letter for row in tables.select(LETTERS, (_ALL,), reverse=reverse)]
        found: list[Listed] = []
        if place is not None:
            here = initial(place[0])
            found += tables.select(PATIENTS, (here,), after=place, reverse=reverse, limit=limit)
            letters = [n for n in letters if (n < here if reverse else n > here)]
        for start in range(0, len(letters), _LETTERS_AT_ONCE):
            if len(found) >= limit:
                break
            some = [(letter,) for letter in letters[start : start + _LETTERS_AT_ONCE]]
            found += tables.select_all(PATIENTS, some, reverse=reverse, limit=limit - len(found))
        return found[:limit]

    def _place(self, patient_id: str) -> tuple[bytes, UUID]:
        try:
            patient = self.patient(UUID(patient_id))
        except ValueError:
            patient = None
        if patient is None:
            raise ValueError(
                f"There is no page beside {patient_id!r:.80}: expected a value that another page "
                "gave. Begin again at the first page."
            )
        return sort_key(patient.name), patient.patient_id


def _id(shown: Sequence[Listed], index: int, there_are_more: bool = True) -> str | None:  # noqa: FBT001, FBT002
    return str(shown[index].patient_id) if shown and there_are_more else None
