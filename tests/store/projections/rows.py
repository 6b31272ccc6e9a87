"""A patient's rows, and where a store shows the patient."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from projections.read_models import PatientRow, ReadModelQueries

NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)


def rows_of(
    patient_id: UUID, wards: Sequence[str | None], *, names: Sequence[str] = ("Ida Moe",)
) -> list[PatientRow]:
    """Return one row for each version: on the given wards, under the given names in turn."""
    return [
        PatientRow(
            patient_id=patient_id,
            version=n + 1,
            name=names[n % len(names)],
            age=40,
            ward=ward,
            admitted_at=NOON if ward else None,
            updated_at=NOON + timedelta(hours=n),
        )
        for n, ward in enumerate(wards)
    ]


@dataclass(frozen=True)
class Shown:
    """All the rows that a store shows of one patient."""

    patient: PatientRow | None
    listed: Sequence[PatientRow]
    on_wards: Sequence[tuple[str, PatientRow]]


def everywhere(row: PatientRow) -> Shown:
    """Return what is shown when this row is the only one."""
    return Shown(row, [row], [(row.ward, row)] if row.ward else [])


def shown(store: ReadModelQueries, patient_id: UUID) -> Shown:
    """Look the patient up in every read model."""
    board = [(ward.name, row) for ward in store.wards() for row in ward.patients]
    return Shown(
        store.patient(patient_id),
        [row for row in all_patients(store) if row.patient_id == patient_id],
        [(ward, row) for ward, row in board if row.patient_id == patient_id],
    )


def all_patients(store: ReadModelQueries, *, limit: int = 100) -> list[PatientRow]:
    """Page through the whole list."""
    listed: list[PatientRow] = []
    page = store.patients(limit=limit)
    listed += page.patients
    while page.next is not None:
        page = store.patients(limit=limit, after=page.next)
        listed += page.patients
    return listed
