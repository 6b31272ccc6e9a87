"""A sink in whatever state: nobody who calls the store notices."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import SIGCONT, SIGSTOP

import grpc
import pytest
from google.protobuf.message import Message

from eventstore_grpc.protocol import methods
from eventstore_grpc.protocol import storegrpc_pb2 as pb
from patientmgmt.local_cassandra import free_ports
from patientmgmt.mirroring import Addresses, Envoy, at, shipped
from tests.services.envoy.backends import Backend, Context
from tests.services.envoy.conftest import Between, MakeBetween
from tests.services.processes import Process, until

CALLS = 500
AT_ONCE = 16
SLOW = 30.0
LONGEST = 20.0
"""Seconds that a call may take, so that a busy machine fails no test: a call that waits for the
slow sink takes longer."""


@dataclass
class Patience:
    """Answers after a while, at its server's end at the latest."""

    server: Backend | None = None

    def __call__(self, _request: Message, _context: Context) -> None:
        if self.server is not None:
            self.server.end.wait(SLOW)


def fail(_request: Message, context: Context) -> None:
    context.abort(grpc.StatusCode.INTERNAL, "The sink fails.")


@contextmanager
def slow() -> Iterator[Backend]:
    patience = Patience()
    with Backend(patience) as sink:
        patience.server = sink
        yield sink


def call_often(both: Between, size: int = 100) -> float:
    """Make calls of all sorts of clients; return the longest that one took, in seconds."""
    request = pb.UpdateRequest(id="a", events=[pb.UpdateRequest.Event(payload="x" * size)])

    def call(_number: int) -> float:
        began = time.monotonic()
        # Its own stub, which does not try again: nothing may be refused, not even once.
        answer = update(request, timeout=60)
        assert answer.success
        return time.monotonic() - began

    options = [("grpc.enable_retries", 0)]
    with (
        grpc.insecure_channel(both.envoy.address, options=options) as channel,
        ThreadPoolExecutor(AT_ONCE) as clients,
    ):
        update = channel.unary_unary(
            methods.UPDATE.path,
            request_serializer=pb.UpdateRequest.SerializeToString,
            response_deserializer=pb.UpdateResponse.FromString,
        )
        return max(clients.map(call, range(CALLS)))


@pytest.fixture
def store() -> Iterator[Backend]:
    with Backend(lambda _request, _context: pb.UpdateResponse(success=True)) as store:
        yield store


def test_a_sink_that_is_dead(between: MakeBetween, store: Backend) -> None:
    (nobody,) = free_ports(1)
    assert call_often(between(store.port, nobody)) < LONGEST
    assert store.calls["Update"] == CALLS


def test_a_sink_whose_name_nobody_knows(tmp_path: Path, store: Backend) -> None:
    addresses = Addresses(
        listen=("127.0.0.1", 0),
        admin=("127.0.0.1", 0),
        store=("127.0.0.1", store.port),
        sink=("grpc-sink.invalid", 8082),
    )
    with Envoy(at(shipped(), addresses), output=tmp_path / "envoy.log") as envoy:
        both = Between(envoy)
        assert call_often(both) < LONGEST
        both.client.close()
    assert store.calls["Update"] == CALLS


def test_a_sink_that_dies_while_calls_are_made(between: MakeBetween, store: Backend) -> None:
    with ExitStack() as end:
        sink = end.enter_context(Backend())
        both = between(store.port, sink.port)
        both.mirrors()
        with ThreadPoolExecutor(1) as beside:
            longest = beside.submit(call_often, both)
            until(lambda: sink.calls["Update"] > 0, "calls at the sink")
            end.close()
            assert longest.result() < LONGEST
    assert store.calls["Update"] == CALLS


def test_a_sink_that_is_slow(between: MakeBetween, store: Backend) -> None:
    with slow() as sink:
        both = between(store.port, sink.port)
        both.mirrors()
        assert call_often(both) < LONGEST
        assert store.calls["Update"] == CALLS
        assert both.counted("cluster.grpc-sink.upstream_rq_active") <= 128
        # They are given up long before the sink answers, so that it is tried with others.
        until(lambda: both.counted("cluster.grpc-sink.upstream_rq_active") == 0, "places again")
        assert both.counted("cluster.grpc-sink.upstream_rq_max_duration_reached") > 0


def test_a_sink_that_fails(between: MakeBetween, store: Backend) -> None:
    with Backend(fail) as sink:
        both = between(store.port, sink.port)
        both.mirrors()
        assert call_often(both) < LONGEST
        assert store.calls["Update"] == CALLS
        until(lambda: sink.calls["Update"] > 0, "calls at the sink")


def test_a_sink_that_is_not_well_gets_nothing(between: MakeBetween, store: Backend) -> None:
    with Backend(is_well=False) as sink:
        both = between(store.port, sink.port)
        assert call_often(both) < LONGEST
        assert not sink.calls


def test_a_sink_that_hangs_takes_bounded_memory(
    between: MakeBetween, store: Backend, tmp_path: Path
) -> None:
    sink = Process({}, "grpc-sink", "--port", "0", output=tmp_path / "sink.log")
    try:
        sink.wait_to_say("The sink is at ")
        port = int(sink.said().split("The sink is at ")[1].split()[0].rsplit(":", 1)[1])
        both = between(store.port, port)
        both.mirrors()
        sink.send(SIGSTOP)
        before = allocated(both)
        assert call_often(both, size=1_000_000) < LONGEST
        assert store.calls["Update"] == CALLS
        # 128 of them, and what gRPC's windows and the client's own connection hold.
        assert allocated(both) - before < 250_000_000
        until(lambda: not both.envoy.reaches("grpc-sink"), "that Envoy finds that it hangs")
        sink.send(SIGCONT)
        both.mirrors()
        until(lambda: is_mirrored(both, sink), "calls at the sink that goes on")
    finally:
        sink.kill()


def is_mirrored(both: Between, sink: Process) -> bool:
    """Make a call of a kind of its own; return whether one of them has come to the sink."""
    both.client.call(methods.FIND_LOG_END, pb.FindLogEndRequest())
    return " FindLogEnd: " in sink.said()


def allocated(both: Between) -> int:
    """Return how many bytes Envoy has allocated."""
    return both.counted("server.memory_allocated")
