"""What the JSON API tells from the read models, now and in the past; the list is in :mod:`api`.

Every answer says as of when it is current: ``current_as_of``, null as long as nothing tells.
"""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, jsonify, url_for
from flask.typing import ResponseReturnValue

from patientmgmt.web.api import state
from patientmgmt.web.asked import (
    BoardAsked,
    OccupancyAsked,
    WardAsked,
    nothing_asked,
    query,
    refused,
    up_to,
)
from patientmgmt.web.currency import current_as_of, made_of, show
from patientmgmt.web.identifiers import parse_patient_ids
from patientmgmt.web.presentation import timestamp
from patientmgmt.web.services import services
from patientmgmt.web.stays import StaysAsked, read_stays
from read_models import demographics as ages
from read_models import stays as stays_model
from read_models import ward_history
from read_models.stays import Stay
from read_models.ward_history import Occupant

blueprint = Blueprint("api_reading", __name__, url_prefix="/api")
parse_patient_ids(blueprint)


@blueprint.get("/wards")
def wards() -> ResponseReturnValue:
    """Return the ward board; with ``at`` as it was at a moment."""
    asked = query(BoardAsked)
    if asked.at is not None:
        return _wards_at(asked.at)
    board = services().boards.latest()
    show(board.currency)
    return jsonify(
        wards=[
            {
                "name": ward.name,
                "occupancy": ward.occupancy,
                "patients": [
                    state(row.patient_id, row) | {"on_ward_since": timestamp(row.on_ward_since)}
                    for row in ward.patients
                ],
            }
            for ward in board.wards
        ],
        current_as_of=current_as_of(),
    )


@made_of(ward_history.MODEL)
def _wards_at(at: datetime) -> ResponseReturnValue:
    now = datetime.now(UTC)
    moment = up_to(now, at)
    return jsonify(
        at=timestamp(moment),
        wards=[
            {
                "name": ward.name,
                "occupancy": ward.occupancy,
                "patients": [_occupant(patient) for patient in ward.patients],
            }
            for ward in services().queries.history.board_at(moment, now)
        ],
        current_as_of=current_as_of(),
    )


@blueprint.get("/wards/history")
@made_of(ward_history.MODEL)
def ward_at() -> ResponseReturnValue:
    """Return who was on ``ward``, now or ``at`` a moment; nobody on one that never was."""
    asked, now = query(WardAsked), datetime.now(UTC)
    moment = up_to(now, asked.at)
    patients = services().queries.history.at(asked.ward, moment, now)
    return jsonify(
        ward=asked.ward,
        at=timestamp(moment),
        occupancy=len(patients),
        patients=[_occupant(patient) for patient in patients],
        current_as_of=current_as_of(),
    )


@blueprint.get("/occupancy")
@made_of(ward_history.MODEL)
def occupancy() -> ResponseReturnValue:
    """Return how full ``ward`` was: in each hour of ``day``, or on each day of ``month``.

    What lies in the future is left out.
    """
    asked, now = query(OccupancyAsked), datetime.now(UTC)
    history = services().queries.history
    if asked.day is not None and asked.month is None:
        steps = history.by_hour(asked.ward, asked.day, now)
    elif asked.month is not None and asked.day is None:
        steps = history.by_day(asked.ward, asked.month, now)
    else:
        found = "neither" if asked.day is None else "both"
        raise refused("day", f"expected either day or month, found {found}")
    return jsonify(
        ward=asked.ward,
        steps=[
            {"start": timestamp(step.start), "mean": round(step.mean, 3), "most": step.most}
            for step in steps
        ],
        current_as_of=current_as_of(),
    )


@blueprint.get("/stays")
@made_of(stays_model.MODEL)
def stays() -> ResponseReturnValue:
    """Return a page of the stays that began in ``month``, and the next page's address."""
    asked = query(StaysAsked)
    if asked.month is None:
        raise refused("month", "expected a month such as 2026-11, found nothing")
    page = read_stays(asked, asked.month)
    following = None
    if page.next:
        following = url_for(
            "api_reading.stays", month=asked.month, limit=asked.limit, after=page.next
        )
    return jsonify(
        month=asked.month,
        stays=[_stay(stay) for stay in page.stays],
        next=following,
        current_as_of=current_as_of(),
    )


@blueprint.get("/patients/<patient_id>/stays")
@made_of(stays_model.MODEL)
def stays_of_patient(patient_id: UUID) -> ResponseReturnValue:
    """Return the stays of one patient, the first one first."""
    nothing_asked()
    services().application.patient(patient_id)  # or there is no such patient
    found = services().queries.stays.of_patient(patient_id)
    return jsonify(
        id=str(patient_id),
        stays=[_stay(stay) for stay in found],
        current_as_of=current_as_of(),
    )


@blueprint.get("/demographics")
@made_of(ages.MODEL)
def demographics() -> ResponseReturnValue:
    """Return how many patients there are in each age band, now and in total."""
    nothing_asked()
    return jsonify(
        bands=[
            {"ages": band.label, "now": band.now, "total": band.total}
            for band in services().queries.demographics.bands()
        ],
        current_as_of=current_as_of(),
    )


def _occupant(patient: Occupant) -> dict[str, Any]:
    return {
        "id": str(patient.patient_id),
        "name": patient.name,
        "age": patient.age,
        "since": timestamp(patient.since),
        "until": timestamp(patient.until),
    }


def _stay(stay: Stay) -> dict[str, Any]:
    return {
        "id": str(stay.patient_id),
        "version": stay.version,
        "name": stay.name,
        "age": stay.age,
        "wards": stay.wards,
        "moves": stay.moves,
        "admitted_at": timestamp(stay.admitted_at),
        "discharged_at": timestamp(stay.discharged_at),
        "length_seconds": None if stay.length is None else int(stay.length.total_seconds()),
        "days_since_discharge": stay.days_since_discharge,
        "readmission": stay.readmission,
    }
