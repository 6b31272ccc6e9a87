"""What makes a command well formed, whatever is thrown at it."""

import json
import unicodedata
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

import pytest
from eventsourcing.persistence import JSONTranscoder
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from patientmgmt.domain.commands import (
    MAX_AGE,
    MAX_NAME_LENGTH,
    MAX_WARD_LENGTH,
    AdmitPatient,
    Command,
    DischargePatient,
    ReadmitPatient,
    TransferPatient,
)
from patientmgmt.domain.patient import Patient
from patientmgmt.mapper import PatientMapper
from tests.unit.domain.specification import PATIENT

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
MAPPER = PatientMapper(JSONTranscoder())

blanks = st.text(" \t\n\u00a0\u3000\u200b", max_size=3)
anything = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.binary(max_size=5),
    st.lists(st.integers(), max_size=2),
)
texts = st.one_of(
    st.text(),
    st.text(st.characters(), max_size=5),  # surrogates included, which no store can hold
    st.builds(lambda before, text, after: before + text + after, blanks, st.text(), blanks),
    st.builds(lambda character, length: character * length, st.characters(), st.integers(45, 210)),
)
ages = st.one_of(st.integers(-2, MAX_AGE + 2), anything, st.text(max_size=3))
versions = st.one_of(st.integers(-1, 3), st.integers(2**31 - 2), anything)


C = TypeVar("C", bound=Command)


def accepted(command: type[C], **values: object) -> C | None:
    """Return the command, or None where it is refused in the one way that callers handle."""
    try:
        return command.model_validate(values)
    except ValidationError as e:
        fields = {reason["loc"][0] for reason in e.errors()}
    assert fields <= values.keys()
    return None


def assert_readable(text: str, *, max_length: int) -> None:
    assert 1 <= len(text) <= max_length
    assert text == text.strip()
    assert text.splitlines() == [text]
    assert any(character.isprintable() and character != " " for character in text)
    assert not any(unicodedata.category(character) in {"Cc", "Cs"} for character in text)


@given(name=texts | anything, age=ages, ward=texts | anything)
def test_an_accepted_admission_is_trimmed_bounded_readable_and_storable(
    name: object, age: object, ward: object
) -> None:
    command = accepted(AdmitPatient, name=name, age=age, ward=ward)
    if command:
        assert_readable(command.name, max_length=MAX_NAME_LENGTH)
        assert_readable(command.ward, max_length=MAX_WARD_LENGTH)
        assert type(command.age) is int
        assert 0 <= command.age <= MAX_AGE
        event = Patient.admit(
            PATIENT, name=command.name, age=command.age, ward=command.ward, at=NOW
        )
        stored = MAPPER.to_stored_event(event)
        assert json.loads(stored.state.decode("utf-8"))["name"] == command.name
        assert MAPPER.to_domain_event(stored) == event


@given(name=texts, age=st.integers(0, MAX_AGE), ward=texts)
def test_an_admission_in_json_is_judged_as_one_in_python(name: str, age: int, ward: str) -> None:
    values = {"name": name, "age": age, "ward": ward}
    try:
        from_json = AdmitPatient.model_validate_json(json.dumps(values))
    except ValidationError:
        from_json = None
    assert from_json == accepted(AdmitPatient, **values)


@given(ward=texts | anything, expected_version=versions)
def test_an_accepted_transfer_is_trimmed_bounded_readable_and_storable(
    ward: object, expected_version: object
) -> None:
    command = accepted(
        TransferPatient, patient_id=PATIENT, ward=ward, expected_version=expected_version
    )
    if command:
        assert_readable(command.ward, max_length=MAX_WARD_LENGTH)
        patient = Patient(id=PATIENT, version=1, name="Ada Marsh", age=34, ward=None)
        event = patient.readmit(ward=command.ward, at=NOW)
        assert MAPPER.to_domain_event(MAPPER.to_stored_event(event)) == event


@pytest.mark.parametrize("command", [ReadmitPatient, TransferPatient, DischargePatient])
@given(expected_version=versions)
def test_an_accepted_expected_version_is_one_that_a_patient_can_have(
    command: type[ReadmitPatient | TransferPatient | DischargePatient], expected_version: object
) -> None:
    ward = {} if command is DischargePatient else {"ward": "AA"}
    made = accepted(command, patient_id=PATIENT, expected_version=expected_version, **ward)
    if made and made.expected_version is not None:
        assert type(made.expected_version) is int
        assert 1 <= made.expected_version < 2**31


def test_blanks_around_a_name_and_a_ward_are_removed() -> None:
    command = AdmitPatient(name="\t Ada  Marsh\n", age=34, ward="\u00a0AA ")
    assert (command.name, command.ward) == ("Ada  Marsh", "AA")


@pytest.mark.parametrize(
    "text",
    [
        "María José Ñuñez",
        "李小龍",
        "श्री\u200dमती",
        "O'Brien-Łukasz Jr.",
        "e\u0301lan",
        "👩\u200d🔬",
    ],
)
def test_names_of_all_scripts_are_kept_as_they_are_written(text: str) -> None:
    assert AdmitPatient(name=text, age=34, ward=text) == AdmitPatient.model_construct(
        name=text, age=34, ward=text
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "at least 1 character"),
        (" \t\n", "at least 1 character"),
        ("\u200b\u2060", "at least one visible character"),
        ("Ada\nMarsh", "no line breaks or control characters"),
        ("Ada\u2028Marsh", "no line breaks or control characters"),
        ("Ada\x00", "no line breaks or control characters"),
        ("Ada\u2029Marsh", "no line breaks or control characters"),
        ("\u00ad\u00ad", "at least one visible character"),
        ("Ada\ud800", "valid string"),
        ("A" * 10_000, "at most"),
        (b"Ada", "valid string"),
        (34, "valid string"),
        (None, "valid string"),
        (["Ada"], "valid string"),
    ],
)
@pytest.mark.parametrize("field", ["name", "ward"])
def test_unusable_text_is_refused_with_the_field_and_the_reason(
    field: str, text: object, reason: str
) -> None:
    with pytest.raises(ValidationError, match=reason) as refusal:
        AdmitPatient.model_validate({"name": "Ada", "age": 34, "ward": "AA"} | {field: text})
    assert [error["loc"] for error in refusal.value.errors()] == [(field,)]


@pytest.mark.parametrize("age", [-1, 151, 3.5, 34.0, "x", "34", True, None, 2**64, float("nan")])
def test_an_unusable_age_is_refused(age: object) -> None:
    with pytest.raises(ValidationError) as refusal:
        AdmitPatient.model_validate({"name": "Ada", "age": age, "ward": "AA"})
    assert [error["loc"] for error in refusal.value.errors()] == [("age",)]


@pytest.mark.parametrize("age", [0, 150])
def test_the_bounds_of_age_belong_to_it(age: int) -> None:
    assert AdmitPatient(name="Ada", age=age, ward="AA").age == age


def test_a_name_and_a_ward_of_the_greatest_length_are_accepted() -> None:
    name, ward = "é" * MAX_NAME_LENGTH, "é" * MAX_WARD_LENGTH
    command = AdmitPatient(name=f" {name} ", age=34, ward=f" {ward} ")
    assert (command.name, command.ward) == (name, ward)


@pytest.mark.parametrize("field", ["name", "age", "ward"])
def test_a_missing_field_is_refused_by_its_name(field: str) -> None:
    values = {"name": "Ada", "age": 34, "ward": "AA"}
    del values[field]
    with pytest.raises(ValidationError, match=rf"{field}\n  Field required"):
        AdmitPatient.model_validate(values)


def test_an_unknown_field_is_refused_by_its_name() -> None:
    with pytest.raises(ValidationError, match=r"bed\n  Extra inputs are not permitted"):
        AdmitPatient.model_validate({"name": "Ada", "age": 34, "ward": "AA", "bed": 7})


@pytest.mark.parametrize("patient_id", ["", "7", "not-an-id", 7, None, str(PATIENT)[:-1]])
def test_a_malformed_patient_id_is_refused(patient_id: object) -> None:
    with pytest.raises(ValidationError) as refusal:
        DischargePatient.model_validate_json(json.dumps({"patient_id": patient_id}))
    assert [error["loc"] for error in refusal.value.errors()] == [("patient_id",)]


def test_a_command_cannot_be_changed_after_it_was_checked() -> None:
    command = DischargePatient(patient_id=PATIENT)
    with pytest.raises(ValidationError, match="frozen"):
        command.patient_id = UUID(int=0)


GIVEN = "6f9619ff-8b86-4d01-b42d-00c04fc964ff"


@pytest.mark.parametrize(
    "given",
    [GIVEN, GIVEN.upper(), UUID(GIVEN), "01890a5d-ac96-774b-bcce-b302099a8057"],
    ids=["text", "capitals", "a UUID", "version 7"],
)
def test_a_new_patient_may_be_given_a_random_id(given: object) -> None:
    command = AdmitPatient.model_validate({"name": "Ada", "age": 34, "ward": "AA", "id": given})
    assert command.id == UUID(str(given))


@pytest.mark.parametrize(
    "given",
    [
        GIVEN.replace("-", ""),
        "{" + GIVEN + "}",
        "not-an-id",
        7,
        str(UUID(int=0)),
        "c232ab00-9414-11ec-b3c8-9f6bdeced846",
        "2ed6657d-e927-568b-95e1-2665a8aea6a2",
    ],
    ids=["no hyphens", "braces", "a word", "a number", "nil", "version 1", "version 5"],
)
def test_any_other_id_is_refused_for_a_new_patient(given: object) -> None:
    with pytest.raises(ValidationError, match="Id should be a random UUID") as refusal:
        AdmitPatient.model_validate({"name": "Ada", "age": 34, "ward": "AA", "id": given})
    assert [(e["loc"], e["type"]) for e in refusal.value.errors()] == [(("id",), "new_id")]


def test_a_new_patient_needs_no_id() -> None:
    assert AdmitPatient(name="Ada", age=34, ward="AA").id is None
