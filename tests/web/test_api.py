"""The JSON API, as a client of it sees it."""

import re
from uuid import uuid4

import pytest

from tests.web.conftest import System


def test_an_admission_answers_201_with_the_patients_address(system: System) -> None:
    answer = system.client.post("/api/patients", json={"name": " Ada ", "age": 36, "ward": "AA"})

    assert answer.status_code == 201
    created = answer.get_json()
    assert created == {"id": created["id"], "version": 1}
    patient = system.client.get(answer.headers["Location"]).get_json()
    assert patient.pop("admitted_at")
    assert patient == {
        "id": created["id"],
        "version": 1,
        "name": "Ada",
        "age": 36,
        "ward": "AA",
    }


def test_a_stay_and_another_stay_are_five_events_in_order(system: System) -> None:
    patient_id = system.admitted()
    address = f"/api/patients/{patient_id}"

    for version, (command, body) in enumerate(
        [
            ("transfer", {"ward": "BB", "expected_version": 1}),
            ("transfer", {"ward": "CC"}),
            ("discharge", {"expected_version": 3}),
            ("admit", {"ward": "DD", "expected_version": 4}),
        ],
        start=2,
    ):
        answer = system.client.post(f"{address}/{command}", json=body)
        assert (answer.status_code, answer.get_json()) == (
            200,
            {"id": patient_id, "version": version},
        )

    history = system.client.get(f"{address}/events").get_json()
    assert history["id"] == patient_id
    assert [(event["version"], event["type"]) for event in history["events"]] == [
        (1, "PatientAdmitted"),
        (2, "PatientTransferred"),
        (3, "PatientTransferred"),
        (4, "PatientDischarged"),
        (5, "PatientAdmitted"),
    ]
    assert history["events"][1]["payload"]["new_ward"] == "BB"
    assert all(event["recorded_at"] for event in history["events"])


@pytest.mark.parametrize("body", [b"", b"{}"])
def test_a_discharge_needs_nothing_in_its_body(system: System, body: bytes) -> None:
    address = f"/api/patients/{system.admitted()}/discharge"
    answer = system.client.post(address, data=body, content_type="application/json")
    assert answer.status_code == 200


@pytest.mark.parametrize("command", ["", "/transfer", "/discharge", "/admit"])
@pytest.mark.parametrize(
    "content_type",
    ["application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "text/plain", None],
)
@pytest.mark.parametrize("body", [b"", b'{"name": "Ada", "age": 36, "ward": "BB"}'])
def test_what_a_form_on_a_foreign_page_can_send_is_refused(
    system: System, command: str, content_type: str | None, body: bytes
) -> None:
    address = f"/api/patients/{system.admitted()}{command}" if command else "/api/patients"
    before = system.recorded()

    answer = system.client.post(
        address,
        data=body,
        content_type=content_type,
        headers={"Origin": "https://example.org", "Sec-Fetch-Site": "cross-site"},
    )

    assert (answer.status_code, answer.mimetype) == (415, "application/problem+json")
    assert answer.get_json()["type"] == "/problems/unsupported-content-type"
    assert system.recorded() == before


def test_a_foreign_page_that_asks_before_it_sends_json_is_not_allowed_to(system: System) -> None:
    answer = system.client.options(
        f"/api/patients/{system.admitted()}/discharge",
        headers={
            "Origin": "https://example.org",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        },
    )
    assert not [name for name in dict(answer.headers) if name.startswith("Access-Control-")]


def test_every_moment_has_one_form(system: System) -> None:
    patient_id = system.admitted()
    system.catch_up()
    [patient] = system.client.get("/api/patients").get_json()["patients"]
    [ward] = system.client.get("/api/wards").get_json()["wards"]
    [event] = system.client.get(f"/api/patients/{patient_id}/events").get_json()["events"]

    moment = patient["admitted_at"]

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", moment)
    assert ward["patients"][0]["admitted_at"] == moment
    assert event["recorded_at"] == moment
    present = system.client.get(f"/api/patients/{patient_id}").get_json()
    assert present["admitted_at"] == moment


def test_the_ward_board_names_each_ward_with_its_patients(system: System) -> None:
    ada, _ = system.admitted("Ada", "AA"), system.admitted("Bo", "BB")
    system.catch_up()

    wards = system.client.get("/api/wards").get_json()["wards"]

    assert [(ward["name"], ward["occupancy"]) for ward in wards] == [("AA", 1), ("BB", 1)]
    assert wards[0]["patients"][0]["id"] == ada


def test_the_list_of_patients_is_read_page_by_page(system: System) -> None:
    names = ["Ada", "Bo", "Cy", "Di", "Ed"]
    for name in reversed(names):
        system.admitted(name)
    system.catch_up()

    address, pages = "/api/patients?limit=2", []
    while address:
        page = system.client.get(address).get_json()
        pages.append([patient["name"] for patient in page["patients"]])
        address = page["next"]

    assert pages == [["Ada", "Bo"], ["Cy", "Di"], ["Ed"]]


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "after=never-given", "lim=2"])
def test_a_wrong_page_is_refused_with_its_field(system: System, query: str) -> None:
    answer = system.client.get(f"/api/patients?{query}")
    assert (answer.status_code, answer.mimetype) == (422, "application/problem+json")
    assert answer.get_json()["errors"][0]["field"] == query.partition("=")[0]


def test_a_stale_version_is_refused_with_both_versions(system: System) -> None:
    patient_id = system.admitted()
    address = f"/api/patients/{patient_id}"
    system.client.post(f"{address}/transfer", json={"ward": "BB"})
    before = system.recorded()

    answer = system.client.post(f"{address}/discharge", json={"expected_version": 1})

    problem = answer.get_json()
    assert (answer.status_code, answer.mimetype) == (409, "application/problem+json")
    assert problem["type"] == "/problems/stale-version"
    assert (problem["expected_version"], problem["actual_version"]) == (1, 2)
    assert system.recorded() == before


@pytest.mark.parametrize(
    ("discharged", "command", "body", "type_"),
    [
        (False, "transfer", {"ward": "AA"}, "/problems/same-ward"),
        (False, "admit", {"ward": "BB"}, "/problems/patient-already-admitted"),
        (True, "transfer", {"ward": "BB"}, "/problems/patient-not-admitted"),
        (True, "discharge", {}, "/problems/patient-not-admitted"),
    ],
)
def test_a_broken_rule_is_refused_with_a_type_of_its_own(
    system: System, discharged: bool, command: str, body: dict[str, str], type_: str
) -> None:
    address = f"/api/patients/{system.admitted(ward='AA')}"
    if discharged:
        system.client.post(f"{address}/discharge", json={})
    before = system.recorded()

    answer = system.client.post(f"{address}/{command}", json=body)

    assert (answer.status_code, answer.mimetype) == (409, "application/problem+json")
    assert answer.get_json()["type"] == type_
    assert system.recorded() == before


@pytest.mark.parametrize("path", ["", "/events", "/transfer", "/discharge", "/admit"])
@pytest.mark.parametrize(
    ("patient_id", "type_"),
    [
        (str(uuid4()), "/problems/patient-not-found"),
        ("42", "/problems/malformed-patient-id"),
        ("0" * 32, "/problems/malformed-patient-id"),
        ("é" * 36, "/problems/malformed-patient-id"),
    ],
)
def test_an_unknown_patient_and_a_malformed_id_are_told_apart(
    system: System, path: str, patient_id: str, type_: str
) -> None:
    address = f"/api/patients/{patient_id}{path}"
    if path in {"", "/events"}:
        answer = system.client.get(address)
    else:
        answer = system.client.post(address, json={} if path == "/discharge" else {"ward": "BB"})
    assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")
    assert answer.get_json()["type"] == type_
    assert system.recorded() == 0
