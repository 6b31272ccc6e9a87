"""The patient's id in an address."""

from uuid import UUID

from flask import Blueprint

from patientmgmt.web.problem_types import MALFORMED_PATIENT_ID
from patientmgmt.web.problems import ProblemError


def parse_patient_ids(blueprint: Blueprint) -> None:
    """Let the blueprint's views take ``patient_id`` as a UUID; anything else is a 404 of its own.

    A converter in the route would refuse a malformed id too, but could not say why.
    """

    @blueprint.url_value_preprocessor
    def _parse(_endpoint: str | None, values: dict[str, object] | None) -> None:
        if values and "patient_id" in values:
            values["patient_id"] = _patient_id(str(values["patient_id"]))


def _patient_id(text: str) -> UUID:
    try:
        patient_id = UUID(text)
    except ValueError:
        patient_id = None
    if patient_id is None or str(patient_id) != text.lower():
        raise ProblemError(
            MALFORMED_PATIENT_ID,
            "Expected a patient's id such as 123e4567-e89b-12d3-a456-426614174000, "
            f"found {text!r:.60}.",
        )
    return patient_id
