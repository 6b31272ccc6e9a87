"""The sentences that say what is wrong with a value."""

import pytest

from patientmgmt.domain.commands import AdmitPatient, DischargePatient
from patientmgmt.web.paging import PageRequest
from patientmgmt.web.validation import InvalidInputError, from_json, from_text

VALID = {"name": "Ada", "age": 36, "ward": "AA"}
NAME = "expected text of 1 to 200 characters"
AGE = "expected a whole number from 0 to 150"

READABLE_WARD = (
    "expected text of 1 to 50 characters that can be read and has no line breaks or control "
    "characters"
)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("age", -1, f"{AGE}, found -1"),
        ("age", 151, f"{AGE}, found 151"),
        ("age", 3.5, f"{AGE}, found 3.5"),
        ("age", "x", f'{AGE}, found "x"'),
        ("age", "34", f'{AGE}, found "34"'),
        ("age", True, f"{AGE}, found true"),
        ("age", None, f"{AGE}, found null"),
        ("name", "", f"{NAME}, found an empty text"),
        ("name", " \t ", f"{NAME}, found only blanks"),
        ("name", 7, f"{NAME}, found 7"),
        ("name", ["Ada"], f"{NAME}, found a list"),
        ("name", {"first": "Ada"}, f"{NAME}, found an object"),
        (
            "name",
            "A" * 10_000,
            f'{NAME}, found 10000 characters that begin with "{"A" * 40}"',
        ),
        (
            "ward",
            "A\nB",
            f'{READABLE_WARD}, found "A\\nB"',
        ),
    ],
)
def test_a_wrong_value_is_answered_with_what_was_expected_and_what_was_found(
    field: str, value: object, reason: str
) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        from_json(AdmitPatient, {**VALID, field: value})
    assert [str(error) for error in refusal.value.errors] == [f"{field}: {reason}"]


def test_a_missing_value_and_an_unknown_field_are_each_named() -> None:
    with pytest.raises(InvalidInputError) as refusal:
        from_json(AdmitPatient, {"name": "Ada", "age": 36, "bed": 4})
    assert str(refusal.value) == (
        "ward: expected text of 1 to 50 characters, found nothing; "
        "bed: unknown field, expected only name, age, ward, id"
    )


def test_the_id_in_the_address_cannot_be_given_a_second_time() -> None:
    known = {"patient_id": "123e4567-e89b-12d3-a456-426614174000"}
    with pytest.raises(InvalidInputError, match="patient_id: unknown field"):
        from_text(DischargePatient, known, **known)


def test_a_long_field_name_is_shortened() -> None:
    with pytest.raises(InvalidInputError) as refusal:
        from_json(AdmitPatient, {**VALID, "z" * 5_000: 1})
    assert len(refusal.value.errors[0].field) < 50


def test_numbers_in_texts_are_read() -> None:
    assert from_text(AdmitPatient, {"name": "Ada", "age": "36", "ward": "AA"}).age == 36


def test_a_query_is_told_its_bounds() -> None:
    with pytest.raises(InvalidInputError, match="limit: expected a whole number from 1 to 200"):
        from_text(PageRequest, {"limit": "0"})
