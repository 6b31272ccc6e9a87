"""The recorder over gRPC: what the library ships for recorders, and the application on it."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    DataError,
    NotSupportedError,
    ProgrammingError,
    StoredEvent,
)
from eventsourcing.tests import persistence

from eventstore_cassandra import (
    CassandraApplicationRecorder,
    ConflictError,
    UnknownOutcomeError,
)
from eventstore_cassandra.errors import StoreUnreachableError
from eventstore_grpc import RemoteFactory, RemoteRecorder
from patientmgmt.application import PatientManagement
from patientmgmt.local_cassandra import free_ports
from patientmgmt.runtime import open_runtime
from patientmgmt.scenario import Scenario
from tests.services.store.serving import Server, serving


class _OverGrpc:
    factory: RemoteFactory

    @pytest.fixture(autouse=True)
    def _connect(self, cassandra_env: dict[str, str]) -> Iterator[None]:
        with serving(cassandra_env) as server:
            self.factory = RemoteFactory({"STOREGRPC_ADDRESS": server.address})
            yield
            self.factory.close()


class TestAggregateRecorder(_OverGrpc, persistence.AggregateRecorderTestCase):
    def create_recorder(self) -> AggregateRecorder:
        return self.factory.aggregate_recorder()


class TestApplicationRecorder(
    _OverGrpc, persistence.ApplicationRecorderTestCase[ApplicationRecorder]
):
    def create_recorder(self) -> ApplicationRecorder:
        return self.factory.application_recorder()


@pytest.fixture
def recorder(server: Server) -> RemoteRecorder:
    return server.recorder()


def events(aggregate: UUID, *versions: int, state: bytes = b"{}") -> list[StoredEvent]:
    return [StoredEvent(aggregate, version, "Happened", state) for version in versions]


def test_a_stream_may_begin_at_0(recorder: RemoteRecorder) -> None:
    aggregate = uuid4()

    for versions in ((0, 1), (2,)):
        recorder.insert_events(events(aggregate, *versions))

    assert list(recorder.select_events(aggregate)) == events(aggregate, 0, 1, 2)


def test_states_that_are_no_text_and_empty_ones(recorder: RemoteRecorder) -> None:
    aggregate, states = uuid4(), [b"", b"\xff\xfe", b"\0", bytes(range(256)), "Åsa".encode()]
    stored = [StoredEvent(aggregate, n, "Happened", state) for n, state in enumerate(states, 1)]

    positions = recorder.insert_events(stored)

    assert positions is not None
    assert list(recorder.select_events(aggregate)) == stored
    found = recorder.select_notifications(positions[0], 5)
    assert [each.state for each in found] == states


def test_a_history_that_no_message_holds(recorder: RemoteRecorder) -> None:
    aggregate, large = uuid4(), b"x" * 1024 * 1024
    for version in range(1, 8):
        recorder.insert_events(events(aggregate, version, state=large))

    assert [len(each.state) for each in recorder.select_events(aggregate)] == 7 * [len(large)]
    wanted = recorder.select_events(aggregate, gt=1, desc=True, limit=5)
    assert [each.originator_version for each in wanted] == [7, 6, 5, 4, 3]


def test_pages_of_a_type_are_whole_however_large_they_are(recorder: RemoteRecorder) -> None:
    topic, large = f"Type of {uuid4()}", b"x" * 1024 * 1024
    for version in range(1, 10):
        recorder.insert_events([StoredEvent(uuid4(), 1, topic, large + bytes([version]))])

    found = recorder.select_events_by_types({topic: None, "Nothing": None}, limit=100)

    assert len(found[topic]) == 9
    assert found["Nothing"] == []
    place, _ = found[topic][3]
    rest = recorder.select_events_by_types({topic: place}, limit=3)[topic]
    assert rest == found[topic][4:7]


def test_events_of_one_moment_are_read_in_parts(recorder: RemoteRecorder) -> None:
    """One append has one save time, or few of them."""
    topic, aggregate = f"Type of {uuid4()}", uuid4()
    stored = [StoredEvent(aggregate, n, topic, b"x" * 5000) for n in range(1, 1201)]
    recorder.insert_events(stored)
    found: list[StoredEvent] = []
    place = None
    while page := recorder.select_events_by_types({topic: place}, limit=500)[topic]:
        assert len(page) <= 500
        found += [event for _, event in page]
        place = page[-1][0]

    assert found == stored


def test_rare_topics_in_a_long_log(recorder: RemoteRecorder) -> None:
    topic = f"Type of {uuid4()}"
    for _ in range(2):
        recorder.insert_events([StoredEvent(uuid4(), 1, topic, b"{}")])
        recorder.insert_events(events(uuid4(), *range(1, 6001)))
        recorder.insert_events(events(uuid4(), *range(1, 6001)))

    found = recorder.select_notifications(None, 10, topics=[topic])

    assert [each.topic for each in found] == [topic, topic]
    assert recorder.select_notifications(found[0].id, 1, topics=[topic]) == found[:1]
    after = recorder.select_notifications(
        found[0].id, 10, stop=found[1].id - 1, topics=[topic], inclusive_of_start=False
    )
    assert after == []


def test_a_conflict_tells_both_versions(recorder: RemoteRecorder) -> None:
    aggregate = uuid4()
    recorder.insert_events(events(aggregate, 1, 2))

    with pytest.raises(ConflictError) as conflict:
        recorder.insert_events(events(aggregate, 2))

    assert (conflict.value.expected, conflict.value.actual) == (1, 2)


def test_what_no_store_takes_is_refused_here(recorder: RemoteRecorder) -> None:
    aggregate = uuid4()
    with pytest.raises(ProgrammingError):
        recorder.insert_events([*events(aggregate, 1), *events(uuid4(), 2)])
    with pytest.raises(ProgrammingError):
        recorder.insert_events(events(aggregate, 1, 3))
    with pytest.raises(DataError):
        recorder.insert_events(events(aggregate, 1, state=b"x" * 9 * 1024 * 1024))


def test_all_aggregates_and_their_versions(
    recorder: RemoteRecorder, shared_cassandra_env: dict[str, str]
) -> None:
    aggregate = uuid4()
    recorder.insert_events(events(aggregate, 1, 2, 3))
    found: dict[object, int] = {}
    last = None
    while page := recorder.select_versions(gt=last, limit=10):
        last = page[-1][0]
        found |= {id_: version for _, id_, version in page}

    assert found[aggregate] == 3
    with PatientManagement(shared_cassandra_env) as application:
        assert isinstance(application.recorder, CassandraApplicationRecorder)
        there = application.recorder.select_versions(limit=1_000_000)
        assert found == {id_: version for _, id_, version in there}


def test_the_application_and_its_workers_run_on_a_server_alone(
    server: Server, tmp_path: Path
) -> None:
    env = {
        "PERSISTENCE_MODULE": "eventstore_grpc",
        "STOREGRPC_ADDRESS": server.address,
        "PATIENTMGMT_DATA": str(tmp_path),
    }
    with open_runtime(env) as runtime:
        script = Scenario(runtime.application, runtime.queries, runtime.worker())
        for step in script.play():
            assert step.passed, step


def test_nobody_there(tmp_path: Path) -> None:
    [port] = free_ports(1)
    factory = RemoteFactory({"STOREGRPC_ADDRESS": f"127.0.0.1:{port}", "STOREGRPC_TIMEOUT": "5"})
    recorder = factory.application_recorder()

    with pytest.raises(StoreUnreachableError):
        recorder.select_events(uuid4())
    with pytest.raises(UnknownOutcomeError, match="not known whether"):
        recorder.insert_events(events(uuid4(), 1))
    factory.close()
    factory.close()


@pytest.mark.parametrize(
    ("name", "value", "about"),
    [
        ("STOREGRPC_TIMEOUT", "soon", "seconds above 0, found soon"),
        ("STOREGRPC_TIMEOUT", "-1", "seconds above 0"),
        ("STOREGRPC_AUTHORITIES", "/nowhere.pem", "found none at /nowhere.pem"),
        ("ORIGINATOR_ID_TYPE", "int", "uuid or text, found int"),
    ],
)
def test_settings_that_are_not_of_their_form(name: str, value: str, about: str) -> None:
    with pytest.raises(OSError, match=about):
        RemoteFactory({name: value})


def test_what_the_service_does_not_have_is_refused() -> None:
    factory = RemoteFactory({})
    for refused in (
        lambda: factory.aggregate_recorder("snapshots"),
        factory.tracking_recorder,
        factory.process_recorder,
    ):
        with pytest.raises(NotSupportedError, match="has events only"):
            refused()
    factory.close()
