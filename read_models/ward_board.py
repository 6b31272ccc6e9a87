"""The ward board: who lies on which ward, since when there, and since when in hospital.

Bounds: a ward's partition has its present patients, and the tombstones of ten days' departures. The
register of wards has every ward that there ever was.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
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
from read_models.sorting import sort_key


@dataclass(frozen=True, kw_only=True)
class Whereabouts:
    """Where a patient is."""

    patient_id: UUID
    version: int
    name: str
    age: int
    ward: str | None
    """None while the patient is discharged."""
    admitted_at: datetime | None
    """When the present stay began; None while discharged, or when the event did not say."""
    on_ward_since: datetime | None


@dataclass(frozen=True)
class OnWard:
    """One patient on a ward."""

    ward: str
    name_key: bytes
    patient_id: UUID
    version: int
    name: str
    age: int
    admitted_at: datetime | None
    """When the present stay began (UTC); None when the event did not say."""
    on_ward_since: datetime | None
    """When the patient came to this ward in this stay (UTC); None when the event did not say."""


@dataclass(frozen=True)
class KnownWard:
    """A ward that has or had a patient."""

    register: str
    ward: str


ON_WARD = Table("on_ward", OnWard, partition=("ward",), order=("name_key", "patient_id"))
WARDS = Table("wards", KnownWard, partition=("register",), order=("ward",), aggregate=None)
_ALL = "all"


def fold(patient: Whereabouts | None, event: PatientEvent) -> Whereabouts:
    """Return where the patient is after the event."""
    match event:
        case PatientAdmitted(recorded_at=moment):
            return Whereabouts(
                patient_id=event.patient_id,
                version=event.version,
                name=event.name,
                age=event.age,
                ward=event.ward,
                admitted_at=moment,
                on_ward_since=moment,
            )
        case PatientTransferred(new_ward=ward) if patient:
            since = patient.on_ward_since if ward == patient.ward else event.recorded_at
            return replace(patient, version=event.version, ward=ward, on_ward_since=since)
        case PatientDischarged() if patient:
            return replace(
                patient, version=event.version, ward=None, admitted_at=None, on_ward_since=None
            )
        case _:
            raise before_admission(event)


def rows(patient: Whereabouts) -> Iterable[object]:
    """Return the patient's row on the ward's board, and the ward's own."""
    if patient.ward is None:
        return []
    return [
        OnWard(
            ward=patient.ward,
            name_key=sort_key(patient.name),
            patient_id=patient.patient_id,
            version=patient.version,
            name=patient.name,
            age=patient.age,
            admitted_at=patient.admitted_at,
            on_ward_since=patient.on_ward_since,
        ),
        KnownWard(_ALL, patient.ward),
    ]


MODEL = ReadModel(
    name="ward_board",
    topics=TOPICS,
    read=read_event,
    state=Whereabouts,
    fold=fold,
    tables=[ON_WARD, WARDS],
    rows=rows,
    is_urgent=True,
)


@dataclass(frozen=True)
class Ward:
    """One ward with the patients who are on it, by name."""

    name: str
    patients: tuple[OnWard, ...]

    @property
    def occupancy(self) -> int:
        """How many patients are on the ward."""
        return len(self.patients)


class WardBoard:
    """What pages ask the board; everything may raise ``ReadModelsUnavailableError``."""

    def __init__(self, tables: Callable[[], Rows]) -> None:
        self._tables = tables

    def wards(self) -> Sequence[Ward]:
        """Return every ward with at least one patient, by the ward's name.

        Each patient is shown as of the beginning of the reading, or later. Everything is read
        twice, the second time after all of the first: of somebody who is moved the one ward may be
        read after they left it, and the other before they came. But rows of the new ward are
        written before those of the old one are deleted, so that the second reading has them. Only
        who is moved again during that one may be missed.
        """
        tables = self._tables()
        rows: list[OnWard] = []
        for _ in range(2):
            names = [known.ward for known in tables.select(WARDS, (_ALL,))]
            rows += tables.select_all(ON_WARD, [(name,) for name in names])
        return arranged(rows)

    def version(self, patient_id: UUID) -> int:
        """Return the version of the patient that is shown: 0 for none, the highest for erased."""
        guard = self._tables().guards([patient_id]).get(patient_id)
        return guard.version if guard else 0


def arranged(rows: Iterable[OnWard]) -> Sequence[Ward]:
    """Arrange rows by ward and name.

    A patient may have been read several times, on the way from one ward to another too; the newest
    row counts.
    """
    newest: dict[UUID, OnWard] = {}
    for row in rows:
        seen = newest.get(row.patient_id)
        if seen is None or seen.version < row.version:
            newest[row.patient_id] = row
    by_ward = sorted(
        newest.values(),
        key=lambda row: (sort_key(row.ward), row.ward, row.name_key, row.patient_id),
    )
    return [Ward(ward, tuple(there)) for ward, there in groupby(by_ward, key=lambda row: row.ward)]
