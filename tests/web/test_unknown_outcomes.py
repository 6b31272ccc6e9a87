"""Answers of a real Cassandra that are lost: what the sender is told, and how to go on safely."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient

from patientmgmt.runtime import Runtime
from patientmgmt.settling import Settler
from patientmgmt.web import create_app, stop_background_work
from tests.lost_answers import RESERVATION, LosingDatastore, Lost, losing_runtime
from tests.web.conftest import Form

everywhere = pytest.mark.parametrize(
    ("lost", "after"),
    [("request", 0), ("answer", 0), ("request", RESERVATION), ("answer", RESERVATION)],
    ids=["place asked for", "place answered", "append sent", "append answered"],
)


@dataclass(frozen=True)
class Hospital:
    """The web application on a connection that can lose answers."""

    runtime: Runtime
    connection: LosingDatastore
    client: FlaskClient
    name: str
    """Of the one patient that a test is about; the store has others, too."""

    @property
    def admission(self) -> dict[str, object]:
        """The patient's admission, as a program sends it."""
        return {"name": self.name, "age": 34, "ward": "AA"}

    @property
    def form(self) -> dict[str, str]:
        """The same in a form."""
        return {"name": self.name, "age": "34", "ward": "AA"}

    def settle(self) -> None:
        """Decide what is undecided, as the worker does."""
        settler = self.runtime.settler()
        assert isinstance(settler, Settler)
        settler.catch_up()

    def patients(self) -> list[tuple[str | None, int]]:
        """Return ward and version of all who have the name, once nothing is undecided."""
        self.settle()
        self.runtime.worker().catch_up()
        found, after = [], None
        while True:
            page = self.runtime.queries.patients.page(limit=1_000, after=after)
            found += [(row.ward, row.version) for row in page.patients if row.name == self.name]
            after = page.next
            if not after:
                return found


@pytest.fixture
def hospital(shared_cassandra_env: dict[str, str]) -> Iterator[Hospital]:
    with losing_runtime(shared_cassandra_env) as (runtime, connection):
        app = create_app(
            runtime.application,
            runtime.queries,
            {"SECRET_KEY": "for tests", "READ_MODEL_WAIT_SECONDS": 0},
        )
        try:
            yield Hospital(runtime, connection, app.test_client(), f"Ada {uuid4().hex}")
        finally:
            stop_background_work(app)


@everywhere
@pytest.mark.parametrize("settled", [False, True], ids=["at once", "after it was decided"])
def test_an_admission_without_a_certain_answer_names_its_id_and_can_be_sent_again(
    hospital: Hospital, lost: Lost, after: int, settled: bool
) -> None:
    with hospital.connection.losing(lost, after=after):
        answer = hospital.client.post("/api/patients", json=hospital.admission)

    problem = answer.get_json()
    assert (answer.status_code, answer.mimetype) == (504, "application/problem+json")
    assert problem["type"] == "/problems/outcome-unknown"
    assert "Retry-After" not in answer.headers
    assert "is not known whether the admission" in problem["detail"]
    assert "Nothing was" not in problem["detail"]
    assert problem["patient"] == f"/api/patients/{problem['id']}"
    assert "expected_version" not in problem

    if settled:
        hospital.settle()
    again = hospital.client.post("/api/patients", json={**hospital.admission, "id": problem["id"]})
    assert (again.status_code, again.get_json()) == (201, {"id": problem["id"], "version": 1})
    assert hospital.client.get(problem["patient"]).status_code == 200
    assert hospital.patients() == [("AA", 1)]


def test_an_admission_that_stays_unknown_keeps_the_id_of_its_sender(hospital: Hospital) -> None:
    new_id = str(uuid4())
    for _ in range(2):
        with hospital.connection.losing("answer"):
            answer = hospital.client.post(
                "/api/patients", json={**hospital.admission, "id": new_id}
            )
        assert (answer.status_code, answer.get_json()["id"]) == (504, new_id)
    assert hospital.patients() == [("AA", 1)]


@everywhere
def test_a_change_without_a_certain_answer_says_from_which_version_to_repeat_it(
    hospital: Hospital, lost: Lost, after: int
) -> None:
    address = hospital.client.post("/api/patients", json=hospital.admission).headers["Location"]
    with hospital.connection.losing(lost, after=after):
        answer = hospital.client.post(f"{address}/transfer", json={"ward": "BB"})

    problem = answer.get_json()
    assert (answer.status_code, problem["type"]) == (504, "/problems/outcome-unknown")
    assert "Retry-After" not in answer.headers
    assert (problem["patient"], problem["expected_version"]) == (address, 1)

    hospital.client.post(f"{address}/transfer", json={"ward": "BB", "expected_version": 1})
    assert hospital.patients() == [("BB", 2)]


def test_what_is_certainly_not_recorded_is_told_so_with_a_time_to_come_back(
    hospital: Hospital,
) -> None:
    hospital.connection.close()
    answer = hospital.client.post("/api/patients", json=hospital.admission)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "Nothing was recorded." in answer.get_json()["detail"]


@everywhere
def test_the_form_of_an_admission_stays_as_it_is_and_can_be_sent_again(
    hospital: Hospital, lost: Lost, after: int, caplog: pytest.LogCaptureFixture
) -> None:
    sent = Form.on(hospital.client.get("/admit")).values | hospital.form
    with hospital.connection.losing(lost, after=after):
        page = hospital.client.post("/admit", data=sent)

    assert page.status_code == 504
    assert "Retry-After" not in page.headers
    assert f"It is not known whether {hospital.name} was admitted." in page.text
    assert f'href="/patients/{sent["id"]}"' in page.text
    (record,) = [r for r in caplog.records if r.name == "patientmgmt.web.errors"]
    assert record.levelno == logging.WARNING
    assert sent["id"] in record.getMessage()
    assert "no answer in time" in record.getMessage()
    form = Form.on(page)
    assert {name: form.values[name] for name in ("id", *hospital.form)} == {
        "id": sent["id"],
        **hospital.form,
    }

    again = hospital.client.post("/admit", data=form.values)
    assert again.status_code == 303
    assert UUID(sent["id"]).hex in again.headers["Location"].replace("-", "")
    assert hospital.patients() == [("AA", 1)]


@everywhere
@pytest.mark.parametrize(
    ("action", "ward", "version"), [("transfer", "BB", 2), ("discharge", None, 2)]
)
def test_the_form_of_a_change_stays_as_it_is_and_can_be_sent_again(
    hospital: Hospital, lost: Lost, after: int, action: str, ward: str | None, version: int
) -> None:
    admitted = hospital.client.post("/api/patients", json=hospital.admission).get_json()
    address = f"/patients/{admitted['id']}"
    sent = Form.on(hospital.client.get(f"{address}/{action}")).values
    if ward:
        sent["ward"] = ward
    with hospital.connection.losing(lost, after=after):
        page = hospital.client.post(f"{address}/{action}", data=sent)

    assert page.status_code == 504
    assert "It is not known whether this was recorded." in page.text
    assert f'href="{address}"' in page.text
    assert "as version 2" in page.text
    form = Form.on(page)
    assert form.values["expected_version"] == "1"
    assert form.values.get("ward") == ward

    again = hospital.client.post(form.action or "", data=form.values)
    if (lost, after) == ("answer", RESERVATION):
        assert again.status_code == 409
        assert "What happened since you looked" in again.text
    else:
        assert again.status_code == 303
    assert hospital.patients() == [(ward, version)]
