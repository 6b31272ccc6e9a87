"""What can be done with a known patient: one form and one command each, from board and page.

A form carries the version that its reader saw. When the patient has changed since, or a rule
forbids the command, the answer (409) tells what happened and offers what is possible now.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from patientmgmt.application import Accepted, PatientManagement, UnknownResultError
from patientmgmt.domain.commands import (
    Command,
    DischargePatient,
    ReadmitPatient,
    TransferPatient,
)
from patientmgmt.domain.errors import CommandRefusedError, RuleBrokenError, VersionConflictError
from patientmgmt.domain.patient import Patient
from patientmgmt.web.errors import log_unknown_outcome
from patientmgmt.web.forms import DischargeForm, KnownPatientForm, WardForm, known_wards
from patientmgmt.web.history import read_history
from patientmgmt.web.identifiers import parse_patient_ids
from patientmgmt.web.problems import problem_of
from patientmgmt.web.services import services
from patientmgmt.web.validation import InvalidInputError, from_text

blueprint = Blueprint("actions", __name__)
parse_patient_ids(blueprint)


@dataclass(frozen=True)
class Action:
    """A command on a known patient, as pages offer it."""

    name: str
    """The last part of the form's address."""
    label: str
    done: str
    """What the reader is told afterwards, with fields of the patient and the command put in."""
    while_admitted: bool
    form: type[KnownPatientForm]
    command: type[Command]
    carry_out: Callable[[PatientManagement, Any], Accepted]


ACTIONS = {
    action.name: action
    for action in (
        Action(
            name="transfer",
            label="Transfer",
            done="{patient.name} was transferred to ward {command.ward}.",
            while_admitted=True,
            form=WardForm,
            command=TransferPatient,
            carry_out=PatientManagement.transfer,
        ),
        Action(
            name="discharge",
            label="Discharge",
            done="{patient.name} was discharged.",
            while_admitted=True,
            form=DischargeForm,
            command=DischargePatient,
            carry_out=PatientManagement.discharge,
        ),
        Action(
            name="admit",
            label="Admit again",
            done="{patient.name} was admitted again, to ward {command.ward}.",
            while_admitted=False,
            form=WardForm,
            command=ReadmitPatient,
            carry_out=PatientManagement.readmit,
        ),
    )
}


def available_actions(patient: Patient) -> Sequence[Action]:
    """Return what can be offered for the patient's present state; the rules have the last word."""
    admitted = patient.ward is not None
    return [action for action in ACTIONS.values() if action.while_admitted == admitted]


@blueprint.get("/patients/<patient_id>/<any(transfer, discharge, admit):name>")
def action_form(patient_id: UUID, name: str) -> str:
    """Show the form, with the version that it is made from."""
    patient = services().application.patient(patient_id)
    form = ACTIONS[name].form(
        expected_version=patient.version, came_from=request.args.get("came_from")
    )
    return _form_page(ACTIONS[name], patient, form)


@blueprint.post("/patients/<patient_id>/<any(transfer, discharge, admit):name>")
def carry_out(patient_id: UUID, name: str) -> ResponseReturnValue:
    """Carry out the command and show its effect, or say why it was refused."""
    action = ACTIONS[name]
    form = action.form()
    application = services().application
    patient = application.patient(patient_id)
    try:
        command = from_text(action.command, form.texts(), patient_id=patient_id)
        accepted = action.carry_out(application, command)
    except InvalidInputError as e:
        form.show(e.errors)
        return _form_page(action, patient, form), 422
    except UnknownResultError as e:
        log_unknown_outcome(e)
        return _form_page(action, patient, form, unknown=e.version), 504
    except (VersionConflictError, RuleBrokenError) as e:
        return _refusal_page(action, patient_id, form, e), 409
    flash(action.done.format(patient=patient, command=command), "success")
    if form.came_from.data == "board":
        return redirect(url_for("board.board", patient=patient_id, version=accepted.version), 303)
    return redirect(url_for("patients.patient", patient_id=patient_id), 303)


def _form_page(
    action: Action, patient: Patient, form: KnownPatientForm, *, unknown: int | None = None
) -> str:
    """Return the form's page; ``unknown`` is the version that the form sent may have made."""
    return render_template(
        "action.html",
        action=action,
        patient=patient,
        form=form,
        known_wards=known_wards(),
        unknown=unknown,
    )


def _refusal_page(
    action: Action, patient_id: UUID, form: KnownPatientForm, refusal: CommandRefusedError
) -> str:
    history = read_history(services().application, patient_id)
    present = history.patient.version
    seen = refusal.expected if isinstance(refusal, VersionConflictError) else present
    form.expected_version.data = str(present)
    return render_template(
        "refused.html",
        problem=problem_of(refusal),
        action=action,
        patient=history.patient,
        since=history.since(seen),
        possible=available_actions(history.patient),
        form=form,
        known_wards=known_wards(),
    )
