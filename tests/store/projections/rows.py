"""A patient's rows: what the queries show of them, and what the events tell that they should."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from eventsourcing.persistence import StoredEvent

from patientmgmt.queries import Queries
from projections.database import Database
from projections.generations import Generations
from projections.read_model import ReadModel
from read_models import patient_list, ward_board
from read_models.patient_events import read_event
from read_models.patient_list import Listed, Patient
from read_models.ward_board import OnWard
from tests.unit.projections.events import decode


@dataclass(frozen=True)
class Shown:
    """Everything that is shown of one patient."""

    patient: Patient | None
    listed: Sequence[Listed]
    on_wards: Sequence[tuple[str, OnWard]]


NOWHERE = Shown(None, [], [])


def shown(queries: Queries, patient_id: UUID) -> Shown:
    """Look the patient up in every read model."""
    board = [(ward.name, row) for ward in queries.board.wards() for row in ward.patients]
    return Shown(
        queries.patients.patient(patient_id),
        [row for row in all_patients(queries) if row.patient_id == patient_id],
        [(ward, row) for ward, row in board if row.patient_id == patient_id],
    )


def told(events: Sequence[StoredEvent]) -> Shown:
    """Return what is to be shown of a patient with these events."""
    patient, whereabouts = None, None
    for event in events:
        told = read_event(event, decode(event))
        patient = patient_list.fold(patient, told)
        whereabouts = ward_board.fold(whereabouts, told)
    if patient is None or whereabouts is None:
        return NOWHERE
    entries = [row for row in patient_list.rows(patient) if isinstance(row, Listed)]
    listed = [entry for entry in entries if entry.shelf == "all"]
    board = [row for row in ward_board.rows(whereabouts) if isinstance(row, OnWard)]
    return Shown(patient, listed, [(row.ward, row) for row in board])


def all_patients(queries: Queries, *, limit: int = 100) -> list[Listed]:
    """Page through the whole list."""
    page = queries.patients.page(limit=limit)
    listed = [*page.patients]
    while page.next is not None:
        page = queries.patients.page(limit=limit, after=page.next)
        listed += page.patients
    return listed


def versions(
    database: Database, *aggregate_ids: UUID, model: ReadModel[Any, Any] = patient_list.MODEL
) -> list[int]:
    """Return the versions that are shown, 0 where nothing is."""
    guards = database.open(Generations(database).live(model)).guards(aggregate_ids)
    return [guards[id_].version if id_ in guards else 0 for id_ in aggregate_ids]
