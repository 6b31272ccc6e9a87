"""The server is killed, Cassandra goes away, clients hang up: nothing is lost, and nobody is told
what is not so."""

import functools
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import grpc
import pytest
from eventsourcing.persistence import PersistenceError, StoredEvent

from eventstore_cassandra import (
    CassandraApplicationRecorder,
    CassandraDatastore,
    Settings,
    Topology,
    UnknownOutcomeError,
)
from eventstore_grpc.protocol import methods
from eventstore_grpc.protocol import storegrpc_pb2 as pb
from eventstore_grpc.statuses import Reason
from patientmgmt.initialise import initialise_cassandra
from patientmgmt.local_cassandra import Cluster, ClusterSettings, free_ports
from tests.services.store.serving import RefusedError, Server, refusals, serving
from tests.store.projections.waiting import wait_until

Code = grpc.StatusCode
EVENT = pb.UpdateRequest.Event(type=2, payload="{}")


def recorder_of(env: dict[str, str]) -> CassandraApplicationRecorder:
    settings = Settings(
        contact_points=tuple(env["CASSANDRA_CONTACT_POINTS"].split(",")),
        port=int(env["CASSANDRA_PORT"]),
        keyspace=env["CASSANDRA_KEYSPACE"],
    )
    return CassandraApplicationRecorder(CassandraDatastore(settings))


def test_a_server_that_is_killed_under_load_loses_nothing_and_repeats_nothing(
    cassandra_env: dict[str, str],
) -> None:
    """Clients go on with another server, and make the same requests again until they are told."""
    [port] = free_ports(1)
    done = threading.Event()
    written: dict[UUID, int] = {}

    def has(enough: int) -> bool:
        return len(written) > enough

    def client(_number: int) -> None:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            update: Any = channel.unary_unary(
                methods.UPDATE.path,
                request_serializer=pb.UpdateRequest.SerializeToString,
                response_deserializer=pb.UpdateResponse.FromString,
            )
            while not done.is_set():
                id_, version = uuid4(), 0
                while version < 5:
                    request = pb.UpdateRequest(
                        id=str(id_), version=version, events=[EVENT], name=f"{id_} {version}"
                    )
                    answer = insist(update, request)
                    assert answer.success, answer.error
                    version += 1
                    written[id_] = version

    def insist(update: Any, request: pb.UpdateRequest) -> pb.UpdateResponse:
        while True:
            try:
                answer: pb.UpdateResponse = update(request, timeout=20)
            except grpc.RpcError:
                time.sleep(0.05)
                continue
            if answer.success or "not known" not in answer.error:
                return answer

    with ThreadPoolExecutor(8) as pool:
        clients = [pool.submit(client, number) for number in range(8)]
        for _ in range(4):
            with serving(cassandra_env, port=port) as server:
                enough = len(written) + 20
                wait_until(functools.partial(has, enough))
                server.process.kill()
                server.process.wait()
        with serving(cassandra_env, port=port):
            done.set()
            for each in clients:
                each.result()
    recorder = recorder_of(cassandra_env)
    for id_, version in written.items():
        events = recorder.select_events(id_)
        assert [event.originator_version for event in events] == [*range(1, version + 1)]
    log = [(n.originator_id, n.originator_version) for n in recorder.select_notifications(1, 10**6)]
    assert len(set(log)) == len(log)
    assert {(id_, n) for id_, last in written.items() for n in range(1, last + 1)} <= set(log)
    recorder.datastore.close()


@pytest.fixture
def own_node(tmp_path: Path) -> "Callable[[], tuple[Cluster, dict[str, str]]]":
    """Return what starts a node that a test may stop, and the environment that leads to it."""
    port, storage_port, jmx_port = free_ports(3)
    settings = ClusterSettings(
        data=tmp_path / "cassandra", port=port, storage_port=storage_port, jmx_port=jmx_port
    )

    def start() -> tuple[Cluster, dict[str, str]]:
        cluster = Cluster(settings)
        cluster.start()
        env = {
            "PERSISTENCE_MODULE": "eventstore_cassandra",
            "PATIENTMGMT_DATA": str(tmp_path / "data"),
            "CASSANDRA_CONTACT_POINTS": "127.0.0.1",
            "CASSANDRA_PORT": str(port),
            "CASSANDRA_REQUEST_TIMEOUT": "1",
        }
        return cluster, env

    return start


def test_cassandra_goes_away_and_comes_back(
    own_node: "Callable[[], tuple[Cluster, dict[str, str]]]",
) -> None:
    cluster, env = own_node()
    try:
        initialise_cassandra(env, Topology.single_node())
        with serving(env) as server:
            id_ = str(uuid4())
            server.call(methods.UPDATE, pb.UpdateRequest(id=id_, events=[EVENT]))
            following = server.stream(methods.SUBSCRIBE, pb.SubscribeRequest(), timeout=300)
            assert next(following).events[0].id == id_

            cluster.stop()
            with pytest.raises(RefusedError) as refused, refusals():
                server.call(methods.FIND_BY_ID, pb.FindByIDRequest(id=id_))
            assert refused.value.code is Code.UNAVAILABLE
            with pytest.raises(RefusedError) as refused, refusals():
                server.call(methods.UPDATE, pb.UpdateRequest(id=id_, version=1, events=[EVENT]))
            assert refused.value.code is Code.UNAVAILABLE
            old = server.old("FindByID", id=id_)
            assert (old.success, bool(old.error)) == (False, True)
            assert server.process.poll() is None

            cluster.start()

            def is_back() -> bool:
                request = pb.UpdateRequest(id=id_, version=1, events=[EVENT], name="after it")
                try:
                    return bool(server.call(methods.UPDATE, request).success)
                except grpc.RpcError:
                    return False

            wait_until(is_back)
            found = server.call(methods.FIND_BY_ID, pb.FindByIDRequest(id=id_)).events
            assert [event.version for event in found] == [1, 2]
            assert next(following).events[0].version == 2
            following.cancel()
            assert server.stop() == 0
    finally:
        cluster.stop()


def test_an_append_whose_deadline_has_passed_is_resolved(server: Server) -> None:
    """Whatever a client is told, a second look finds all of the append or nothing, and for good."""
    outcomes = set()
    for number in range(60):
        id_ = str(uuid4())
        request = pb.UpdateRequest(id=id_, events=[EVENT, EVENT], name="once")
        try:
            server.call(methods.UPDATE, request, timeout=0.0005 * (number % 20))
            outcomes.add("told")
        except grpc.RpcError as e:
            call: Any = e
            assert call.code() is Code.DEADLINE_EXCEEDED
            outcomes.add("late")
        answer = server.call(methods.UPDATE, request)
        assert answer.success
        found = server.call(methods.FIND_BY_ID, pb.FindByIDRequest(id=id_)).events
        assert len(found) == 2
    assert "late" in outcomes


def test_clients_that_hang_up_leave_nothing_behind(server: Server) -> None:
    for _ in range(50):
        with grpc.insecure_channel(server.address) as channel:
            update: Any = channel.unary_unary(
                methods.UPDATE.path, request_serializer=pb.UpdateRequest.SerializeToString
            )
            future = update.future(pb.UpdateRequest(id=str(uuid4()), events=[EVENT]))
            future.cancel()
    answer = server.call(methods.UPDATE, pb.UpdateRequest(id=str(uuid4()), events=[EVENT]))
    assert answer.success


def test_at_its_end_it_finishes_what_it_has_begun(cassandra_env: dict[str, str]) -> None:
    with serving(cassandra_env) as server, ThreadPoolExecutor(16) as pool:
        following = server.stream(methods.SUBSCRIBE, pb.SubscribeRequest(), timeout=60)
        ids = [str(uuid4()) for _ in range(64)]
        requests = [pb.UpdateRequest(id=id_, events=[EVENT], name="once") for id_ in ids]
        calls = [pool.submit(server.call, methods.UPDATE, request) for request in requests]
        assert next(following).events

        assert server.stop() == 0

        told = set()
        for id_, call in zip(ids, calls, strict=True):
            try:
                assert call.result().success
                told.add(id_)
            except grpc.RpcError:
                pass
        with pytest.raises(RefusedError) as gone, refusals():
            list(following)
        assert (gone.value.code, gone.value.reason) == (Code.UNAVAILABLE, Reason.GOING_AWAY)
    recorder = recorder_of(cassandra_env)
    assert told
    assert all(len(recorder.select_events(UUID(id_))) == 1 for id_ in told)
    log = recorder.select_notifications(1, 1000)
    assert told <= {str(each.originator_id) for each in log}
    recorder.datastore.close()


@pytest.mark.parametrize("size", [2, 2 * 1024 * 1024])
def test_the_librarys_recorder_outlives_a_server(cassandra_env: dict[str, str], size: int) -> None:
    """Appends go on as soon as there is a server again, without an error in between."""
    state = b"x" * size
    [port] = free_ports(1)
    with serving(cassandra_env, port=port) as server:
        recorder = server.recorder(timeout=60)
        aggregate = uuid4()
        recorder.insert_events([StoredEvent(aggregate, 1, "Happened", b"{}")])
        subscription = recorder.subscribe(gt=0)
        assert next(subscription).originator_version == 1
        server.process.kill()
        server.process.wait()
    outcome: list[object] = []

    def append() -> None:
        while True:
            try:
                recorder.insert_events(
                    [StoredEvent(aggregate, 2, "Happened", state)], request="the second"
                )
            except UnknownOutcomeError:
                continue
            except PersistenceError as e:
                outcome.append(e)
            return

    appending = threading.Thread(target=append)
    appending.start()
    with serving(cassandra_env, port=port):
        appending.join(100)
        assert not outcome
        assert [e.originator_version for e in recorder.select_events(aggregate)] == [1, 2]
        assert next(subscription).originator_version == 2
        subscription.stop()
