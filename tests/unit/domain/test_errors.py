"""What is told of a command that is refused: what was expected, what was found, what to do."""

from collections.abc import Callable
from functools import partial
from uuid import uuid4

import pytest
from pydantic import ValidationError

from patientmgmt.domain.commands import AdmitPatient
from patientmgmt.domain.errors import (
    PatientAlreadyAdmittedError,
    PatientIdTakenError,
    PatientNotAdmittedError,
    PatientNotFoundError,
    SameWardError,
    VersionConflictError,
)

ID = uuid4()


@pytest.mark.parametrize(
    ("refuse", "told"),
    [
        (
            partial(PatientNotFoundError, ID),
            f"No patient has the id {ID}. Look the patient up in the list, or admit them.",
        ),
        (
            partial(PatientIdTakenError, ID, ["name", "age"]),
            f"""Expected a new id, or the same admission again, found {ID} taken by an admission
            with another name and age. If it is the same person, look at the patient with this id;
            otherwise admit them under a new id.""",
        ),
        (
            partial(PatientNotAdmittedError, "Ann", "transferred"),
            """Ann was discharged and is on no ward, so they cannot be transferred. Admit the
            patient again first.""",
        ),
        (
            partial(PatientAlreadyAdmittedError, "Ann", "AA"),
            """Ann is already admitted, on ward AA. Transfer the patient, or discharge them before
            admitting them again.""",
        ),
        (partial(SameWardError, "Ann", "AA"), "Ann is already on ward AA. Choose another ward."),
        (
            partial(VersionConflictError, ID, expected=2, actual=3),
            """The patient changed in the meantime: expected version 2, found version 3. Look at
            what happened since and decide again.""",
        ),
    ],
)
def test_a_refusal_in_full(refuse: Callable[[], Exception], told: str) -> None:
    assert str(refuse()) == " ".join(told.split())


def test_a_refusal_knows_the_patient() -> None:
    assert PatientNotFoundError(ID).patient_id == ID
    assert PatientIdTakenError(ID, ["name"]).patient_id == ID


@pytest.mark.parametrize(
    ("field", "value", "kind", "told"),
    [
        (
            "name",
            "Ann\nExample",
            "string_readable",
            "String should have no line breaks or control characters",
        ),
        (
            "ward",
            "\u200b",
            "string_readable",
            "String should have at least one visible character",
        ),
        ("id", "7", "new_id", "Id should be a random UUID"),
    ],
)
def test_a_value_that_a_command_does_not_take(field: str, value: str, kind: str, told: str) -> None:
    admission = {"name": "Ann Example", "ward": "AA", "age": 34} | {field: value}
    with pytest.raises(ValidationError) as refused:
        AdmitPatient.model_validate(admission)
    (found,) = refused.value.errors()
    assert (found["loc"][0], found["type"], found["msg"]) == (field, kind, told)
