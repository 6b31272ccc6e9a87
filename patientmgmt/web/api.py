"""The JSON API, on the same command handlers and read models as the pages."""

from typing import Any
from uuid import UUID

from flask import Blueprint, Response, jsonify, request, url_for
from flask.typing import ResponseReturnValue

from patientmgmt.application import Accepted
from patientmgmt.domain.commands import (
    AdmitPatient,
    DischargePatient,
    ReadmitPatient,
    TransferPatient,
)
from patientmgmt.domain.patient import Patient
from patientmgmt.web.asked import PatientAsked, query
from patientmgmt.web.currency import current_as_of, made_of
from patientmgmt.web.history import read_history
from patientmgmt.web.identifiers import parse_patient_ids
from patientmgmt.web.json_body import json_object, require_json
from patientmgmt.web.paging import PageRequest, read_page
from patientmgmt.web.past import read_asked
from patientmgmt.web.presentation import timestamp
from patientmgmt.web.services import services
from patientmgmt.web.validation import from_json, from_text
from read_models import patient_list
from read_models.patient_list import Listed
from read_models.ward_board import OnWard

blueprint = Blueprint("api", __name__, url_prefix="/api")
parse_patient_ids(blueprint)


@blueprint.before_request
def _require_json_of_commands() -> None:
    if request.method == "POST":
        require_json()


@blueprint.post("/patients")
def admit() -> ResponseReturnValue:
    """Admit a new patient: ``{name, age, ward, id?}``; 201 with the patient's address.

    The same admission again, under its id, is answered in the same way, whatever has happened to
    the patient since: its sender has not seen the first answer, or would not send it again.
    """
    accepted = services().application.admit(from_json(AdmitPatient, json_object()))
    location = url_for("api.patient", patient_id=accepted.patient_id)
    return _accepted(accepted), 201, {"Location": location}


@blueprint.post("/patients/<patient_id>/transfer")
def transfer(patient_id: UUID) -> ResponseReturnValue:
    """Move an admitted patient: ``{ward, expected_version?}``."""
    command = from_json(TransferPatient, json_object(), patient_id=patient_id)
    return _accepted(services().application.transfer(command))


@blueprint.post("/patients/<patient_id>/discharge")
def discharge(patient_id: UUID) -> ResponseReturnValue:
    """End an admitted patient's stay: ``{expected_version?}``; the body may be empty."""
    body = json_object() if request.get_data() else {}
    command = from_json(DischargePatient, body, patient_id=patient_id)
    return _accepted(services().application.discharge(command))


@blueprint.post("/patients/<patient_id>/admit")
def readmit(patient_id: UUID) -> ResponseReturnValue:
    """Admit a discharged patient again: ``{ward, expected_version?}``."""
    command = from_json(ReadmitPatient, json_object(), patient_id=patient_id)
    return _accepted(services().application.readmit(command))


@blueprint.get("/patients/<patient_id>")
def patient(patient_id: UUID) -> ResponseReturnValue:
    """Return the patient's state, from the patient's own events: ``version`` or ``at`` in the past.

    The present state needs no more than a snapshot and what came after it.
    """
    application, asked = services().application, query(PatientAsked)
    if asked == PatientAsked():
        found = application.patient(patient_id)
    else:
        found = read_asked(application, patient_id, asked).patient
    return jsonify(state(found.id, found))


@blueprint.get("/patients/<patient_id>/events")
def events(patient_id: UUID) -> ResponseReturnValue:
    """Return the patient's whole history, oldest first."""
    history = read_history(services().application, patient_id)
    return jsonify(
        id=str(patient_id),
        events=[
            {
                "type": entry.event,
                "version": entry.version,
                "recorded_at": timestamp(entry.recorded_at),
                "payload": entry.payload,
            }
            for entry in history.entries
        ],
    )


@blueprint.get("/patients")
@made_of(patient_list.MODEL)
def patients() -> ResponseReturnValue:
    """Return a page of all patients ever admitted, by name, and the next page's address."""
    asked = from_text(PageRequest, request.args.to_dict())
    page = read_page(asked)
    return jsonify(
        patients=[state(row.patient_id, row) for row in page.patients],
        next=url_for("api.patients", **asked.other(after=page.next)) if page.next else None,
        previous=(
            url_for("api.patients", **asked.other(before=page.previous)) if page.previous else None
        ),
        total=page.total,
        total_is_exact=page.is_complete,
        current_as_of=current_as_of(),
    )


def _accepted(accepted: Accepted) -> Response:
    return jsonify(id=str(accepted.patient_id), version=accepted.version)


def state(patient_id: UUID, found: Patient | Listed | OnWard) -> dict[str, Any]:
    """Return a patient's state as JSON, wherever it was found."""
    return {
        "id": str(patient_id),
        "version": found.version,
        "name": found.name,
        "age": found.age,
        "ward": found.ward,
        "admitted_at": timestamp(found.admitted_at),
    }
