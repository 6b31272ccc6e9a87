"""The sink as an operator starts it."""

from signal import SIGINT, SIGTERM, Signals
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from eventstore_grpc.protocol import methods
from eventstore_grpc.protocol import storegrpc_pb2 as pb
from eventstore_grpc.protocol.methods import SERVICE
from eventstore_grpc.statuses import Reason, reason_of
from tests.services.processes import until
from tests.services.sink.conftest import MakeSink
from tests.system.test_commands import finished


def append(payload: str = "{}") -> pb.UpdateRequest:
    event = pb.UpdateRequest.Event(topic="tests:Seen", payload=payload)
    return pb.UpdateRequest(id="a", version=4, events=[event, event])


def test_it_answers_as_a_store_that_has_nothing(make_sink: MakeSink) -> None:
    client = make_sink().client
    nothing = pb.FindResponse(success=True)
    assert client.call(methods.UPDATE, append()) == pb.UpdateResponse(success=True, version=6)
    assert client.call(methods.FIND_BY_ID, pb.FindByIDRequest(id="a")) == nothing
    found = client.call(methods.FIND_BY_TYPE, pb.FindByTypeRequest(type=1, since=5))
    assert found == pb.FindResponse(success=True, latest=5)
    assert list(client.stream(methods.READ_STREAM, pb.FindByIDRequest(id="a"))) == []
    assert client.call(methods.READ_LOG, pb.ReadLogRequest(limit=9)) == pb.LogPage()
    end = client.call(methods.FIND_LOG_END, pb.FindLogEndRequest())
    assert not end.HasField("position")
    versions = client.call(methods.FIND_VERSIONS, pb.FindVersionsRequest(limit=9))
    assert versions == pb.FindVersionsResponse()


def test_it_logs_sizes_and_types_and_no_contents(make_sink: MakeSink) -> None:
    sink = make_sink()
    request = append('{"name": "Ada Marsh"}')
    sink.client.call(methods.UPDATE, request)
    sink.client.call(methods.FIND_LOG_END, pb.FindLogEndRequest())
    assert sink.process.stop() == 0
    said = sink.process.said()
    assert (
        f"Update: a at version 4, 2 events of tests:Seen, without a name; {request.ByteSize()} "
        f"bytes. So far 1 request (Update 1), 2 events, {request.ByteSize()} bytes."
    ) in said
    assert (
        f"Seen so far: 2 requests (FindLogEnd 1, Update 1), 2 events, {request.ByteSize()} bytes."
    ) in said
    assert "Ada" not in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    "sent",
    [
        b"\xff\xff\xff",
        pb.UpdateRequest(id="abc").SerializeToString().replace(b"abc", b"a\xffc"),
        pb.UpdateRequest(id="a").SerializeToString() + b"\x10\x80\x80\x80\x80\x10",  # version 2**32
    ],
    ids=["no message", "no UTF-8", "no 32 bits"],
)
def test_what_cannot_be_read_is_refused_in_words(make_sink: MakeSink, sent: bytes) -> None:
    sink = make_sink()
    with grpc.insecure_channel(f"127.0.0.1:{sink.port}") as channel:
        for method in (methods.UPDATE, methods.READ_STREAM):
            make: Any = channel.unary_stream if method.is_stream else channel.unary_unary
            with pytest.raises(grpc.RpcError) as failed:
                list(make(method.path)(sent if method is methods.UPDATE else b"\xff"))
            assert reason_of(failed.value) is Reason.INVALID_REQUEST
    assert sink.process.stop() == 0
    said = sink.process.said()
    assert "Update: Expected" in said
    assert "Seen so far: 2 requests (ReadStream 1, Update 1), 0 events, 0 bytes." in said
    assert "Traceback" not in said


def test_it_reports_while_it_runs(make_sink: MakeSink) -> None:
    make_sink("--report-seconds", "0.2").process.wait_to_say("Seen so far: 0 requests")


def test_health_and_reflection_are_there(make_sink: MakeSink) -> None:
    port = make_sink().port
    code, output = finished({}, "grpc-health", "--address", f"127.0.0.1:{port}")
    assert (code, output) == (0, f"127.0.0.1:{port} SERVING\n")
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        names = ProtoReflectionDescriptorDatabase(channel).get_services()
        assert SERVICE in names
        checks: Any = health_pb2_grpc.HealthStub(channel)
        answer = checks.Check(health_pb2.HealthCheckRequest(service=SERVICE), timeout=60)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING


@pytest.mark.parametrize("stop", [SIGINT, SIGTERM])
def test_at_its_end_it_sends_away_who_follows_the_log(make_sink: MakeSink, stop: Signals) -> None:
    sink = make_sink()
    with grpc.insecure_channel(
        f"127.0.0.1:{sink.port}", options=[("grpc.enable_retries", 0)]
    ) as channel:
        follow = channel.unary_stream(
            methods.SUBSCRIBE.path,
            request_serializer=pb.SubscribeRequest.SerializeToString,
            response_deserializer=pb.LogPage.FromString,
        )
        followed = follow(pb.SubscribeRequest())
        until(lambda: "Subscribe: after 0" in sink.process.said(), "the call at the sink")
        assert sink.process.stop(stop) == 0
        with pytest.raises(grpc.RpcError) as failed:
            next(followed)
    assert reason_of(failed.value) is Reason.GOING_AWAY
    assert "The sink has stopped." in sink.process.said()
    assert "Traceback" not in sink.process.said()


def test_who_can_be_reached_by_others_says_so(make_sink: MakeSink) -> None:
    warning = "Whoever reaches 0.0.0.0:0 can send what is taken for mirrored"
    assert warning in make_sink("--host", "0.0.0.0").process.said()  # noqa: S104
    assert "Whoever" not in make_sink().process.said()


def test_a_store_that_is_no_address_is_told() -> None:
    code, output = finished({}, "grpc-sink", "--compare", "--store", "store")
    assert code == 2
    assert "expected HOST:PORT, found store." in output


def test_a_port_that_is_taken_is_named(make_sink: MakeSink) -> None:
    port = make_sink().port
    code, output = finished({}, "grpc-sink", "--port", str(port))
    assert code == 1
    assert f"Cannot listen at 127.0.0.1:{port}" in output
    assert "Traceback" not in output
