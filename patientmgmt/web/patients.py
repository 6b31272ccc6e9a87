"""The pages about patients: the list, one patient, and the admission of a new one."""

from uuid import UUID, uuid4

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from patientmgmt.application import UnknownResultError
from patientmgmt.domain.commands import AdmitPatient
from patientmgmt.domain.errors import PatientIdTakenError
from patientmgmt.web.actions import available_actions
from patientmgmt.web.asked import PatientAsked, form_query
from patientmgmt.web.currency import made_of
from patientmgmt.web.errors import log_unknown_outcome
from patientmgmt.web.forms import AdmitForm, known_wards
from patientmgmt.web.identifiers import parse_patient_ids
from patientmgmt.web.paging import PageRequest, read_page
from patientmgmt.web.past import read_asked
from patientmgmt.web.services import services
from patientmgmt.web.validation import InvalidInputError, from_text
from read_models import patient_list

blueprint = Blueprint("patients", __name__)
parse_patient_ids(blueprint)


@blueprint.get("/patients")
@made_of(patient_list.MODEL)
def patients() -> str:
    """List all patients ever admitted, by name, a page at a time."""
    asked = from_text(PageRequest, request.args.to_dict())
    return render_template(
        "patients.html", asked=asked, page=read_page(asked), known_wards=known_wards()
    )


@blueprint.get("/patients/<patient_id>")
def patient(patient_id: UUID) -> str:
    """Show one patient: the present state and the whole history, or those of the past."""
    asked = form_query(PatientAsked)
    history = read_asked(services().application, patient_id, asked)
    is_past = asked.version is not None or asked.at is not None
    return render_template(
        "patient.html",
        history=history,
        at=asked.at,
        is_past=is_past,
        actions=[] if is_past else available_actions(history.patient),
    )


@blueprint.route("/admit", methods=["GET", "POST"])
def admit() -> ResponseReturnValue:
    """Show the form; when it is sent, admit the new patient and show them on the board.

    The form keeps its id when nobody knows whether it was carried out, so that it can be sent
    again. It gets a new one when the id is that of another admission.
    """
    form = AdmitForm(id=str(uuid4()))
    if not form.is_submitted():
        return _admit_page(form)
    try:
        command = from_text(AdmitPatient, form.texts())
    except InvalidInputError as e:
        form.show(e.errors)
        return _admit_page(form), 422
    try:
        accepted = services().application.admit(command)
    except UnknownResultError as e:
        log_unknown_outcome(e)
        return _admit_page(form, unknown=e.patient_id), 504
    except PatientIdTakenError as e:
        form.id.data = str(uuid4())
        return _admit_page(form, taken=e.patient_id), 409
    flash(f"{command.name} was admitted to ward {command.ward}.", "success")
    return redirect(
        url_for("board.board", patient=accepted.patient_id, version=accepted.version), 303
    )


def _admit_page(form: AdmitForm, *, unknown: UUID | None = None, taken: UUID | None = None) -> str:
    return render_template(
        "admit.html", form=form, known_wards=known_wards(), unknown=unknown, taken=taken
    )
