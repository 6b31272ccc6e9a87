"""The web application over real stores: in process for most tests, over HTTP for the browser."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from waitress.server import create_server
from waitress.wasyncore import close_all
from werkzeug.test import TestResponse

from patientmgmt.currency import KEPT, Currencies
from patientmgmt.domain.commands import AdmitPatient
from patientmgmt.domain.events import (
    PatientAdmitted,
    PatientDischarged,
    PatientEvent,
    PatientTransferred,
)
from patientmgmt.environment import SQLITE
from patientmgmt.runtime import MODELS, Runtime, open_runtime
from patientmgmt.web import create_app, stop_background_work
from patientmgmt.web.server import LIMITS
from tests.lost_answers import LosingDatastore, losing_runtime


@contextmanager
def sqlite_runtime(folder: Path) -> Iterator[Runtime]:
    """A system in files below the folder."""
    env = {
        "PERSISTENCE_MODULE": SQLITE,
        "SQLITE_DBNAME": str(folder / "patients.sqlite"),
        "PATIENTMGMT_DATA": str(folder),
    }
    with open_runtime(env) as runtime:
        yield runtime


class Clock:
    """The present, or as much later as it is told."""

    def __init__(self) -> None:
        self._later = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self._later

    def advance(self, **time: float) -> None:
        """Let time pass."""
        self._later += timedelta(**time)


@dataclass(frozen=True)
class System:
    """The web application in this process, with a worker that works when it is told to."""

    runtime: Runtime
    app: Flask
    client: FlaskClient
    folder: Path
    clock: Clock
    """That by which read models are current or behind."""

    def admitted(self, name: str = "Ada Lovelace", ward: str = "AA", age: int = 36) -> str:
        """Admit somebody behind the web application's back and return the id."""
        command = AdmitPatient(name=name, age=age, ward=ward)
        return str(self.runtime.application.admit(command).patient_id)

    def happened(self, name: str, *places: tuple[str | None, str | None], age: int = 36) -> str:
        """Record a patient's past and return the id.

        :param places: when the patient came to which ward, the first and after None by admission;
            None is a discharge. Moments are in UTC; an event may be without one.
        """
        patient_id, before = uuid4(), None
        for version, (moment, ward) in enumerate(places, start=1):
            event: PatientEvent
            common: dict[str, Any] = {
                "originator_id": patient_id,
                "originator_version": version,
                "recorded_at": (
                    datetime.fromisoformat(moment).replace(tzinfo=UTC) if moment else None
                ),
            }
            if ward is None:
                event = PatientDischarged(**common)
            elif before is None:
                event = PatientAdmitted(**common, name=name, age=age, ward=ward)
            else:
                event = PatientTransferred(**common, new_ward=ward)
            self.runtime.application.save(event)
            before = ward
        return str(patient_id)

    def catch_up(self) -> None:
        """Bring the read models up to date, and let it be noticed that they are."""
        self.runtime.worker().catch_up()
        self.clock.advance(seconds=KEPT.total_seconds())

    def recorded(self) -> int:
        """Return how many events there are."""
        return self.runtime.application.recorder.max_notification_id() or 0

    def version(self, patient_id: str) -> int:
        """Return the patient's version, as the API tells it."""
        answer = self.client.get(f"/api/patients/{patient_id}")
        return int(answer.get_json()["version"])

    def send_form(self, page: str, **changes: str) -> TestResponse:
        """Open the page, fill its form in and send it, as a browser without JavaScript does."""
        form = Form.on(self.client.get(page))
        return self.client.post(form.action or page, data=form.values | changes)


class Form(HTMLParser):
    """The values of the fields on a page, and where its form goes."""

    def __init__(self) -> None:
        super().__init__()
        self.action: str | None = None
        self.values: dict[str, str] = {}

    @classmethod
    def on(cls, page: TestResponse) -> "Form":
        """Read the form on the page."""
        form = cls()
        form.feed(page.text)
        form.close()
        return form

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a form or a field."""
        attributes = dict(attrs)
        if tag == "form":
            self.action = attributes.get("action")
        elif tag == "input":
            self.values[attributes["name"] or ""] = attributes.get("value") or ""


@contextmanager
def web_system(folder: Path, **config: object) -> Iterator[System]:
    """The web application over a new system in the folder."""
    clock = Clock()
    with sqlite_runtime(folder) as runtime:
        currency = Currencies(runtime.database, MODELS.values(), now=clock)
        app = create_app(
            runtime.application,
            replace(runtime.queries, currency=currency),
            {
                "SECRET_KEY": "for tests",
                "BOARD_LOOK_SECONDS": 0,
                "READ_MODEL_WAIT_SECONDS": 0,
                **config,
            },
        )
        try:
            yield System(runtime, app, app.test_client(), folder, clock)
        finally:
            stop_background_work(app)


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    """An empty system."""
    with web_system(tmp_path) as system:
        yield system


@pytest.fixture(scope="module")
def long_lived_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system that many generated examples share."""
    with web_system(tmp_path_factory.mktemp("system")) as system:
        yield system


@dataclass(frozen=True)
class RunningApp:
    """The whole system as it runs: served over HTTP, with a worker beside it."""

    url: str
    runtime: Runtime


@pytest.fixture(params=["sqlite", "cassandra"])
def running_app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunningApp]:
    """The system on each back end in turn."""
    opened = (
        sqlite_runtime(tmp_path)
        if request.param == "sqlite"
        else open_runtime(request.getfixturevalue("cassandra_env"))
    )
    with opened as runtime, _working(runtime):
        app = create_app(runtime.application, runtime.queries, {"SECRET_KEY": "for tests"})
        try:
            with served(app) as url:
                yield RunningApp(url, runtime)
        finally:
            stop_background_work(app)


@contextmanager
def losing_system(env: dict[str, str]) -> Iterator[tuple[RunningApp, LosingDatastore]]:
    """The system on Cassandra as it runs, and the connection of its commands, to lose answers."""
    with losing_runtime(env) as (runtime, connection), _working(runtime):
        app = create_app(runtime.application, runtime.queries, {"SECRET_KEY": "for tests"})
        try:
            with served(app) as url:
                yield RunningApp(url, runtime), connection
        finally:
            stop_background_work(app)


@contextmanager
def _working(runtime: Runtime) -> Iterator[None]:
    worker = runtime.worker()
    with _thread(worker.run):
        try:
            yield
        finally:
            worker.stop()


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """Serve the application over HTTP as it is served in earnest; yield its address."""
    channels: dict[int, object] = {}
    server = create_server(app, host="127.0.0.1", port=0, map=channels, **LIMITS)
    with _thread(server.run):
        try:
            yield f"http://127.0.0.1:{server.effective_port}"
        finally:
            server.task_dispatcher.shutdown()
            # In the server's own thread, so that no socket is closed while it waits for it.
            server.trigger.pull_trigger(lambda: close_all(channels))


@contextmanager
def _thread(target: Callable[[], None]) -> Iterator[None]:
    thread = Thread(target=target)
    thread.start()
    try:
        yield
    finally:
        thread.join()
