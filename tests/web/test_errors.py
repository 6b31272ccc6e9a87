"""Errors that no sender can help, headers, and health."""

import logging
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from html import unescape
from typing import NoReturn

import pytest
from eventsourcing.persistence import DatabaseError, DataError, InternalError, ProgrammingError

from eventstore_cassandra import CassandraApplicationRecorder
from patientmgmt.runtime import open_runtime
from patientmgmt.web import create_app, stop_background_work
from patientmgmt.web.problem_types import PROBLEM_TYPES
from tests.web.conftest import System

PAGES = ["/", "/board", "/patients", "/admit", "/history", "/stays", "/demographics"]
ADA = {"name": "Ada", "age": 36, "ward": "AA"}


def records_of_the_web_application(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """What the web application has logged."""
    return [record for record in caplog.records if record.name.startswith("patientmgmt.web")]


@contextmanager
def event_store_away(system: System) -> Iterator[None]:
    """Take the table of events away, as a store that is there but cannot answer."""
    with closing(sqlite3.connect(system.folder / "patients.sqlite")) as connection:
        connection.execute("ALTER TABLE stored_events RENAME TO away")
        try:
            yield
        finally:
            connection.execute("ALTER TABLE away RENAME TO stored_events")


@contextmanager
def read_models_away(system: System) -> Iterator[None]:
    """The same for the read models."""
    with closing(sqlite3.connect(system.folder / "read-models.sqlite")) as connection:
        tables = [f"ward_board_1_{table}" for table in ("guards", "on_ward", "wards")]
        for table in tables:
            connection.execute(f"ALTER TABLE {table} RENAME TO {table}_away")
        try:
            yield
        finally:
            for table in tables:
                connection.execute(f"ALTER TABLE {table}_away RENAME TO {table}")


def test_an_unreachable_event_store_is_503_and_recovers_by_itself(system: System) -> None:
    patient_id = system.admitted()
    with event_store_away(system):
        api = system.client.post("/api/patients", json={"name": "Bo", "age": 1, "ward": "AA"})
        page = system.client.get(f"/patients/{patient_id}")
        form = system.send_form("/admit", name="Ada", age="36", ward="AA")
    assert (api.status_code, api.mimetype) == (503, "application/problem+json")
    assert api.get_json()["type"] == "/problems/store-unreachable"
    assert api.get_json()["unreachable"] == ["event store"]
    assert page.status_code == form.status_code == 503
    assert "Nothing was recorded." in api.get_json()["detail"]
    assert "Nothing was recorded." in form.text
    assert "Nothing was recorded." not in page.text
    assert "The database cannot be used at present" in page.text
    assert int(api.headers["Retry-After"]) == int(page.headers["Retry-After"]) == 5

    assert system.client.get(f"/patients/{patient_id}").status_code == 200


def test_unreachable_read_models_are_503_but_commands_go_on(system: System) -> None:
    with read_models_away(system):
        assert system.client.get("/").status_code == 503
        assert system.client.get("/api/wards").status_code == 503
        assert system.send_form("/admit", name="Ada", age="36", ward="AA").status_code == 303
    assert system.recorded() == 1
    assert system.client.get("/").status_code == 200


def test_health_tells_which_part_cannot_be_reached(system: System) -> None:
    system.catch_up()
    assert system.client.get("/health/ready").status_code == 200
    with event_store_away(system), read_models_away(system):
        assert system.client.get("/health/live").status_code == 200
        answer = system.client.get("/health/ready")
    assert (answer.status_code, answer.mimetype) == (503, "application/problem+json")
    assert answer.get_json()["unreachable"] == ["event store", "read models"]


def test_a_keyspace_that_is_dropped_is_503_and_the_log_says_why(
    cassandra_env: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    keyspace = cassandra_env["CASSANDRA_KEYSPACE"]
    with open_runtime(cassandra_env) as runtime:
        app = create_app(runtime.application, runtime.queries, {"SECRET_KEY": "for tests"})
        assert isinstance(runtime.application.recorder, CassandraApplicationRecorder)
        session = runtime.application.recorder.datastore.session
        session.execute(f"DROP KEYSPACE {keyspace}", timeout=60)
        try:
            answer = app.test_client().post("/api/patients", json=ADA)
        finally:
            session.execute(
                f"CREATE KEYSPACE {keyspace} WITH replication = "
                "{'class': 'SimpleStrategy', 'replication_factor': 1}",
                timeout=60,
            )
            stop_background_work(app)
    assert answer.status_code == 503
    assert answer.get_json()["unreachable"] == ["event store"]
    (record,) = records_of_the_web_application(caplog)
    assert f"eyspace {keyspace}" in record.getMessage()
    assert not record.exc_info


@pytest.mark.parametrize("kind", [DatabaseError, DataError, InternalError, ProgrammingError])
def test_whatever_else_the_event_store_fails_with_is_503(
    system: System, caplog: pytest.LogCaptureFixture, kind: type[DatabaseError]
) -> None:
    @system.app.get("/api/failing")
    def fail() -> NoReturn:
        raise kind("The file is no database.")

    answer = system.client.get("/api/failing")

    assert (answer.status_code, answer.mimetype) == (503, "application/problem+json")
    (record,) = records_of_the_web_application(caplog)
    assert "The file is no database." in record.getMessage()


@pytest.mark.parametrize(
    ("method", "path", "mimetype"),
    [
        ("GET", "/patients/{}", "text/html"),
        ("GET", "/patients/{}/transfer", "text/html"),
        ("GET", "/api/patients/{}", "application/problem+json"),
        ("GET", "/api/patients/{}/events", "application/problem+json"),
        ("POST", "/api/patients/{}/discharge", "application/problem+json"),
    ],
)
def test_an_event_that_cannot_be_read_is_named_to_the_sender_and_in_the_log(
    system: System, caplog: pytest.LogCaptureFixture, method: str, path: str, mimetype: str
) -> None:
    patient_id = system.admitted()
    system.client.post(f"/api/patients/{patient_id}/transfer", json={"ward": "BB"})
    with closing(sqlite3.connect(system.folder / "patients.sqlite")) as connection:
        connection.execute(
            "UPDATE stored_events SET state = 'not JSON' WHERE originator_version = 2"
        )
        connection.commit()
    sentence = f"Event 2 of patient {patient_id}, stored as 'PatientTransferred', cannot be read: "

    answer = system.client.open(path.format(patient_id), method=method, json={})

    assert (answer.status_code, answer.mimetype) == (500, mimetype)
    assert sentence in unescape(answer.text)
    (record,) = records_of_the_web_application(caplog)
    assert sentence in record.getMessage()
    assert (record.levelno, record.exc_info) == (logging.ERROR, None)
    if mimetype != "text/html":
        assert answer.get_json()["type"] == "/problems/unreadable-event"


@pytest.mark.parametrize("path", ["/failing", "/api/failing"])
def test_an_unexpected_error_is_answered_with_the_reference_of_its_log_record(
    system: System, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    @system.app.get(path)
    def fail() -> NoReturn:
        raise LookupError("a mistake in the program")

    answer = system.client.get(path)

    assert answer.status_code == 500
    assert "a mistake" not in answer.text
    assert "Traceback" not in answer.text
    found = re.search(r"Reference: (\w+)\.", answer.text)
    assert found
    (record,) = records_of_the_web_application(caplog)
    assert found[1] in record.message
    assert record.exc_info


@pytest.mark.parametrize(
    ("method", "path", "status", "slug"),
    [
        ("GET", "/api", 404, "not-found"),
        ("GET", "/api/nothing", 404, "not-found"),
        ("DELETE", "/api/patients", 405, "method-not-allowed"),
        ("PUT", "/health/live", 405, "method-not-allowed"),
    ],
)
def test_a_wrong_address_or_method_in_the_api_is_a_problem(
    system: System, method: str, path: str, status: int, slug: str
) -> None:
    answer = system.client.open(path, method=method)
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    assert answer.get_json()["type"] == f"/problems/{slug}"
    assert ("Allow" in answer.headers) == (status == 405)


def test_a_wrong_address_or_method_among_the_pages_is_a_page(system: System) -> None:
    assert "Nothing is at this address" in system.client.get("/nothing").text
    answer = system.client.put("/patients")
    assert (answer.status_code, answer.mimetype) == (405, "text/html")


def test_a_form_that_is_too_large_is_refused_with_a_page(system: System) -> None:
    answer = system.client.post("/admit", data={"name": "x" * 70_000})
    assert answer.status_code == 413
    assert "The request is too large" in answer.text


@pytest.mark.parametrize("slug", PROBLEM_TYPES)
def test_every_kind_of_problem_has_a_page_that_explains_it(system: System, slug: str) -> None:
    answer = system.client.get(f"/problems/{slug}")
    assert answer.status_code == 200
    assert f"HTTP status {PROBLEM_TYPES[slug].status}" in answer.text


def test_an_unknown_kind_of_problem_has_none(system: System) -> None:
    assert system.client.get("/problems/other").status_code == 404


@pytest.mark.parametrize("path", [*PAGES, "/api/wards", "/nothing", "/static/app.css"])
def test_every_answer_keeps_to_this_site(system: System, path: str) -> None:
    with system.client.get(path) as answer:
        headers = answer.headers
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize("path", PAGES)
def test_pages_with_patients_are_kept_in_no_cache(system: System, path: str) -> None:
    assert system.client.get(path).headers["Cache-Control"] == "no-store"


def test_an_application_without_a_secret_key_is_refused(system: System) -> None:
    with pytest.raises(ValueError, match="Expected a SECRET_KEY"):
        create_app(system.runtime.application, system.runtime.queries)
