"""Whatever is sent: a clear refusal, and nothing is written."""

import json
from collections.abc import Mapping
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.web.conftest import Form, System

VALID = {"name": "Ada", "age": 36, "ward": "AA"}
MALFORMED = ("application/json", 400, "malformed-request")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[(field, value) for field in ("name", "ward") for value in ("", " \t ", "x" * 10_000, 7)],
        *[("age", age) for age in (-1, 151, 3.5, "x", "36", True, None, 10**100)],
        ("name", "a\u0000b"),
        ("name", None),
        ("ward", ["AA"]),
        ("bed", 4),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_written(
    system: System, field: str, value: object
) -> None:
    answer = system.client.post("/api/patients", json={**VALID, field: value})

    problem = answer.get_json()
    assert (answer.status_code, answer.mimetype) == (422, "application/problem+json")
    assert problem["type"] == "/problems/invalid-values"
    assert [error["field"] for error in problem["errors"]] == [field]
    assert problem["detail"].startswith(f"{field}: ")
    assert len(problem["detail"]) < 300
    assert system.recorded() == 0


@pytest.mark.parametrize(
    ("body", "content_type", "status", "slug"),
    [
        (b'{"name": "Ada"', *MALFORMED),
        (b"", *MALFORMED),
        (b"[]", *MALFORMED),
        (b'"Ada"', *MALFORMED),
        (b"null", *MALFORMED),
        (b"\xff\xfe", *MALFORMED),
        (b'{"name": "\\ud800"}', *MALFORMED),
        (b'{"age": NaN}', *MALFORMED),
        (json.dumps(VALID)[:-1].encode() + b', "age": 7}', *MALFORMED),
        (b'{"name": "Ada", "na\\u006de": "Bo"}', *MALFORMED),
        (b'{"name": {"a": 1, "a": 1}}', *MALFORMED),
        (b"[" * 60_000, *MALFORMED),
        (b'{"age": ' + b"9" * 5_000 + b"}", *MALFORMED),
        (b'{"age": 1e999}', "application/json", 422, "invalid-values"),
        (json.dumps(VALID).encode(), "text/plain", 415, "unsupported-content-type"),
        (json.dumps(VALID).encode(), None, 415, "unsupported-content-type"),
        (b"name=Ada", "application/x-www-form-urlencoded", 415, "unsupported-content-type"),
        (b" " * 70_000, "application/json", 413, "body-too-large"),
    ],
)
def test_a_body_that_is_no_command_is_refused(
    system: System, body: bytes, content_type: str | None, status: int, slug: str
) -> None:
    answer = system.client.post("/api/patients", data=body, content_type=content_type)
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    assert answer.get_json()["type"] == f"/problems/{slug}"
    assert system.recorded() == 0


def test_a_key_that_is_given_twice_is_named(system: System) -> None:
    body = b'{"name": "Ada", "age": 36, "ward": "AA", "ward": "BB"}'
    answer = system.client.post("/api/patients", data=body, content_type="application/json")
    assert answer.get_json()["detail"] == (
        "Expected a JSON object in UTF-8 with each key once, found the key 'ward' twice."
    )


@pytest.mark.parametrize("version", [0, -1, 2**31, 1.5, "1", True])
def test_a_version_that_cannot_be_is_refused(system: System, version: object) -> None:
    address = f"/api/patients/{system.admitted()}/discharge"
    answer = system.client.post(address, json={"expected_version": version})
    assert answer.status_code == 422
    assert system.recorded() == 1


def test_a_patients_id_in_the_body_is_refused(system: System) -> None:
    patient_id, other = system.admitted(), system.admitted()
    answer = system.client.post(f"/api/patients/{patient_id}/discharge", json={"patient_id": other})
    assert answer.status_code == 422
    assert system.recorded() == 2


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(), values, max_size=3),
    max_leaves=5,
)
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "name": st.text(max_size=300) | JSON_VALUES,
        "age": st.integers(-200, 200) | JSON_VALUES,
        "ward": st.text(max_size=60) | JSON_VALUES,
        "expected_version": st.integers(-1, 3) | JSON_VALUES,
        "patient_id": st.uuids().map(str),
    },
) | st.dictionaries(st.text(), JSON_VALUES, max_size=3)


@settings(max_examples=150, deadline=None)
@given(command=st.sampled_from(["", "transfer", "discharge", "admit"]), body=BODIES)
def test_any_json_is_carried_out_or_refused_with_a_problem(
    long_lived_system: System, command: str, body: Mapping[str, object]
) -> None:
    system = long_lived_system
    address = f"/api/patients/{system.admitted()}/{command}" if command else "/api/patients"
    before = system.recorded()

    answer = system.client.post(address, json=body)

    if answer.status_code in {200, 201}:
        assert system.recorded() == before + 1
    else:
        assert answer.status_code in {409, 422}
        assert answer.mimetype == "application/problem+json"
        assert system.recorded() == before


@settings(max_examples=100, deadline=None)
@given(body=st.binary(max_size=200), content_type=st.sampled_from(["application/json", "a/b", ""]))
def test_any_bytes_are_refused_with_a_problem(
    long_lived_system: System, body: bytes, content_type: str
) -> None:
    before = long_lived_system.recorded()
    answer = long_lived_system.client.post("/api/patients", data=body, content_type=content_type)
    assert answer.status_code in {400, 415, 422}
    assert answer.mimetype == "application/problem+json"
    assert long_lived_system.recorded() == before


@settings(max_examples=100, deadline=None)
@given(
    patient_id=st.text(
        st.characters(exclude_characters="/", exclude_categories=["Cs"]), min_size=1, max_size=50
    )
)
def test_any_id_that_no_patient_has_is_answered_with_404(
    long_lived_system: System, patient_id: str
) -> None:
    for address in ("/api/patients", "/patients"):
        answer = long_lived_system.client.get(f"{address}/{quote(patient_id, safe='')}")
        assert answer.status_code == 404


@settings(max_examples=100, deadline=None)
@given(
    values=st.fixed_dictionaries(
        {name: st.text(max_size=60) for name in ("name", "ward")}
        | {"age": st.integers(-5, 200).map(str) | st.text(max_size=10)}
    )
)
def test_any_text_in_a_form_is_carried_out_or_shown_again(
    long_lived_system: System, values: dict[str, str]
) -> None:
    system = long_lived_system
    before = system.recorded()

    answer = system.send_form("/admit", **values)

    if answer.status_code == 303:
        assert system.recorded() == before + 1
    else:
        assert answer.status_code == 422
        assert Form.on(answer).values["age"] == values["age"]
        assert system.recorded() == before
