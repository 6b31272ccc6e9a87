"""The forms. They only carry texts: the commands check them, and say what is wrong."""

import logging
from collections.abc import Iterable
from typing import ClassVar

from flask import request
from flask_wtf import FlaskForm
from wtforms import HiddenField, StringField
from wtforms.widgets import NumberInput

from patientmgmt.domain.commands import MAX_AGE, MAX_NAME_LENGTH, MAX_WARD_LENGTH
from patientmgmt.web.problem_types import INCOMPLETE_FORM
from patientmgmt.web.problems import ProblemError
from patientmgmt.web.services import services
from patientmgmt.web.validation import FieldError
from projections.errors import ReadModelsUnavailableError

logger = logging.getLogger(__name__)


class CommandForm(FlaskForm):  # type: ignore[misc]  # the package has no types
    """A form whose fields are named as those of the command that it makes."""

    carried: ClassVar[str]
    """The hidden field with which the form can be sent twice and is carried out once."""

    def texts(self) -> dict[str, str]:
        """Return what was written; a field that was left empty was not written.

        :raises ProblemError: when the hidden field is not there. Commands may do without.
        """
        names = [field.name for field in self if field.name not in {"csrf_token", "came_from"}]
        texts = {name: request.form[name] for name in names if request.form.get(name)}
        if self.carried not in texts:
            raise ProblemError(INCOMPLETE_FORM, INCOMPLETE_FORM.explanation)
        return texts

    def show(self, errors: Iterable[FieldError]) -> None:
        """Show each error at its field."""
        for error in errors:
            self[error.field].errors = [error.reason]


def _ward_field(label: str) -> StringField:
    return StringField(
        label,
        render_kw={
            "required": True,
            "maxlength": MAX_WARD_LENGTH,
            "list": "known-wards",
            "autocomplete": "off",
        },
    )


class AdmitForm(CommandForm):
    """Admit somebody who has never been here, under an id that the form was made with."""

    carried = "id"

    id = HiddenField(render_kw={"autocomplete": "off"})  # else some browsers keep that of before
    name = StringField(
        "Name",
        render_kw={"required": True, "maxlength": MAX_NAME_LENGTH, "autocomplete": "off"},
    )
    age = StringField(
        "Age in years",
        widget=NumberInput(step=1, min=0, max=MAX_AGE),
        render_kw={"required": True, "inputmode": "numeric", "autocomplete": "off"},
    )
    ward = _ward_field("Ward")


class KnownPatientForm(CommandForm):
    """Base of the forms for a patient who is here or was here.

    Without the version that it was made from, a form would overwrite what its reader has not seen.
    """

    carried = "expected_version"

    expected_version = HiddenField()
    came_from = HiddenField()


class DischargeForm(KnownPatientForm):
    """End the stay."""


class WardForm(KnownPatientForm):
    """Name the ward to go to."""

    ward = _ward_field("To ward")


def known_wards() -> list[str]:
    """Return the wards to suggest; none when the read models are away, since forms work without."""
    try:
        return [ward.name for ward in services().boards.latest().wards]
    except ReadModelsUnavailableError as e:
        logger.warning("Forms suggest no wards while the read models cannot be reached: %s", e)
        return []
