"""The pages about patients: the list, one patient, and the admission of a new one."""

from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from patientmgmt.domain.commands import AdmitPatient
from patientmgmt.web.actions import available_actions
from patientmgmt.web.forms import AdmitForm, known_wards
from patientmgmt.web.history import read_history
from patientmgmt.web.identifiers import parse_patient_ids
from patientmgmt.web.paging import PageRequest, read_page
from patientmgmt.web.services import services
from patientmgmt.web.validation import InvalidInputError, from_text

blueprint = Blueprint("patients", __name__)
parse_patient_ids(blueprint)


@blueprint.get("/patients")
def patients() -> str:
    """List all patients ever admitted, by name, a page at a time."""
    asked = from_text(PageRequest, request.args.to_dict())
    return render_template("patients.html", asked=asked, page=read_page(asked))


@blueprint.get("/patients/<patient_id>")
def patient(patient_id: UUID) -> str:
    """Show one patient: the present state and the whole history."""
    history = read_history(services().application, patient_id)
    return render_template(
        "patient.html", history=history, actions=available_actions(history.patient)
    )


@blueprint.route("/admit", methods=["GET", "POST"])
def admit() -> ResponseReturnValue:
    """Show the form; when it is sent, admit the new patient and show them on the board."""
    form = AdmitForm()
    if not form.is_submitted():
        return _admit_page(form)
    try:
        command = from_text(AdmitPatient, form.texts())
    except InvalidInputError as e:
        form.show(e.errors)
        return _admit_page(form), 422
    accepted = services().application.admit(command)
    flash(f"{command.name} was admitted to ward {command.ward}.", "success")
    return redirect(
        url_for("board.board", patient=accepted.patient_id, version=accepted.version), 303
    )


def _admit_page(form: AdmitForm) -> str:
    return render_template("admit.html", form=form, known_wards=known_wards())
