"""A server that asks for a password, goes away while commands run, and comes back."""

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread
from time import monotonic
from typing import Any
from uuid import UUID

import pytest
from eventsourcing.persistence import OperationalError, PersistenceError
from flask.testing import FlaskClient

from eventstore_cassandra import CassandraApplicationRecorder, Topology
from patientmgmt.application import PatientManagement
from patientmgmt.domain.commands import AdmitPatient, TransferPatient
from patientmgmt.domain.events import EVENT_TYPES
from patientmgmt.environment import CASSANDRA
from patientmgmt.initialise import initialise_cassandra
from patientmgmt.local_cassandra import Cluster, ClusterSettings, free_ports
from patientmgmt.runtime import MODELS, open_runtime
from patientmgmt.web import create_app
from projections.errors import ReadModelsUnavailableError
from projections.feeds.type_view import TypeViewFeed
from projections.generations import Generations
from projections.rebuilding import rebuild
from tests.store.projections.waiting import wait_until
from tests.system.test_settling import admitted_and_left_undecided

PATIENCE = 60.0
ADA: dict[str, Any] = {"name": "Ada Marsh", "age": 34, "ward": "AA"}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Cluster, dict[str, str]]]:
    """A server of its own with a password, and the environment to reach it by."""
    folder = tmp_path_factory.mktemp("guarded")
    port, storage_port, jmx_port = free_ports(3)
    cluster = Cluster(
        ClusterSettings(
            data=folder / "cassandra",
            port=port,
            storage_port=storage_port,
            jmx_port=jmx_port,
            authentication=True,
        )
    )
    env = {
        "PERSISTENCE_MODULE": CASSANDRA,
        "PATIENTMGMT_DATA": str(folder / "data"),
        "CASSANDRA_CONTACT_POINTS": ",".join(cluster.contact_points),
        "CASSANDRA_PORT": str(cluster.port),
        "CASSANDRA_USERNAME": "cassandra",
        "CASSANDRA_PASSWORD": "cassandra",
        "CASSANDRA_REQUEST_TIMEOUT": "3",
    }
    with cluster:
        initialise_cassandra(env, Topology.single_node())
        yield cluster, env
        cluster.stop()


def test_a_wrong_password_is_named(guarded: tuple[Cluster, dict[str, str]]) -> None:
    _, env = guarded
    with pytest.raises(OperationalError, match=r"Cannot connect.*CASSANDRA_PASSWORD"):
        PatientManagement(env | {"CASSANDRA_PASSWORD": "wrong"})


def test_a_missing_password_is_named(guarded: tuple[Cluster, dict[str, str]]) -> None:
    _, env = guarded
    anonymous = {name: env[name] for name in env if "USERNAME" not in name and "PASS" not in name}
    with pytest.raises(OperationalError, match=r"Cannot connect.*CASSANDRA_USERNAME"):
        PatientManagement(anonymous)


def test_a_server_that_goes_away_is_waited_for_and_nothing_acknowledged_is_lost(
    guarded: tuple[Cluster, dict[str, str]], caplog: pytest.LogCaptureFixture
) -> None:
    cluster, env = guarded
    with open_runtime(env) as runtime:
        worker, settler = runtime.worker(), runtime.settler()
        assert settler
        threads = [Thread(target=worker.run), Thread(target=settler.run)]
        for thread in threads:
            thread.start()
        try:
            app = create_app(runtime.application, runtime.queries, {"SECRET_KEY": "test"})
            client = app.test_client()
            first = _admit(client)

            cluster.stop()
            refused = client.post("/api/patients", json=ADA)
            assert refused.status_code == 503
            assert refused.content_type == "application/problem+json"
            assert "Retry-After" in refused.headers
            assert client.get("/health/live").status_code == 200
            assert client.get("/health/ready").status_code == 503
            assert client.get("/").status_code == 503
            wait_until(lambda: "stay undecided" in caplog.text)

            cluster.start()
            _wait_until_ready(client)
            second = _admit(client)
            _wait_until_on_board(client, {first, second})
            undecided = admitted_and_left_undecided(env)
            wait_until(lambda: runtime.application.patient(undecided).version == 2)
        finally:
            worker.stop()
            settler.stop()
            for thread in threads:
                thread.join()


def test_a_rebuild_during_which_the_server_goes_away_goes_on_when_it_is_back(
    guarded: tuple[Cluster, dict[str, str]],
) -> None:
    cluster, env = guarded
    board = MODELS["ward_board"]
    with open_runtime(env) as runtime:
        recorder = runtime.application.recorder
        assert isinstance(recorder, CassandraApplicationRecorder)
        feed = TypeViewFeed(recorder, list(EVENT_TYPES), page_size=2)
        for _ in range(9):
            runtime.application.admit(AdmitPatient(**ADA))
        runtime.worker().catch_up()
        before = runtime.queries.board.wards()
        began = Generations(runtime.database).live(board).number
        work = rebuild(runtime.database, board, feed, runtime.decode, truth=runtime.truth)
        assert next(work).events > 0
        cluster.stop()
        with pytest.raises((PersistenceError, ReadModelsUnavailableError)):
            list(work)
        cluster.start()
        wait_until(lambda: _answers(lambda: runtime.queries.board.wards() == before))
        list(rebuild(runtime.database, board, feed, runtime.decode, truth=runtime.truth))
        assert Generations(runtime.database).live(board).number == began + 1
        wait_until(lambda: runtime.queries.board.wards() == before)


def _answers(question: Callable[[], bool]) -> bool:
    try:
        return question()
    except (PersistenceError, ReadModelsUnavailableError):
        return False


def test_a_server_that_is_killed_keeps_every_event_that_it_acknowledged(
    guarded: tuple[Cluster, dict[str, str]],
) -> None:
    cluster, env = guarded
    with PatientManagement(env) as application:
        ids = [application.admit(AdmitPatient(**ADA)).patient_id for _ in range(6)]
        acknowledged = dict.fromkeys(ids, 1)
        killed = Event()

        def transfer(patient_id: UUID) -> None:
            while not killed.is_set():
                version = acknowledged[patient_id]
                command = TransferPatient(
                    patient_id=patient_id, ward=f"W{version}", expected_version=version
                )
                try:
                    acknowledged[patient_id] = application.transfer(command).version
                except PersistenceError:
                    return

        with ThreadPoolExecutor(len(ids)) as pool:
            writing = [pool.submit(transfer, patient_id) for patient_id in ids]
            deadline = monotonic() + PATIENCE
            while min(acknowledged.values()) < 20:
                assert monotonic() < deadline, "the writers do not get on"
            for node in cluster.nodes:
                pid = node.pid()
                assert pid is not None
                os.kill(pid, signal.SIGKILL)
            killed.set()
            for each in writing:
                each.result()
    cluster.start()
    with PatientManagement(env) as application:
        for patient_id, version in acknowledged.items():
            found = [event.originator_version for event in application.history(patient_id)]
            assert len(found) >= version
            assert found == list(range(1, len(found) + 1))


def _admit(client: FlaskClient) -> str:
    response = client.post("/api/patients", json=ADA)
    assert response.status_code == 201, response.get_data(as_text=True)
    return str(response.get_json()["id"])


def _wait_until_ready(client: FlaskClient) -> None:
    deadline = monotonic() + PATIENCE
    while client.get("/health/ready").status_code != 200:
        assert monotonic() < deadline, "the application does not find the server again"


def _wait_until_on_board(client: FlaskClient, patients: set[str]) -> None:
    deadline = monotonic() + PATIENCE
    shown: set[str] = set()
    while not patients <= shown:
        assert monotonic() < deadline, f"the board shows {shown}, expected {patients}"
        board = client.get("/api/wards")
        if board.status_code == 200:
            shown = {p["id"] for ward in board.get_json()["wards"] for p in ward["patients"]}
