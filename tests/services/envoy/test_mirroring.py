"""Calls through Envoy: both sides get them, and the client gets what the store answers."""

from uuid import uuid4

import grpc
import pytest

from eventstore_cassandra import ConflictError
from eventstore_grpc.protocol import methods
from eventstore_grpc.protocol import storegrpc_pb2 as pb
from eventstore_grpc.statuses import Reason, error_of, reason_of
from patientmgmt.mirroring import Envoy
from tests.services.conftest import MakeServer
from tests.services.envoy.backends import ALL_METHODS, Backend
from tests.services.envoy.conftest import MakeBetween
from tests.services.processes import until

FOLLOWED = methods.SUBSCRIBE.name


def new_event(payload: str = "{}") -> pb.UpdateRequest.Event:
    return pb.UpdateRequest.Event(topic="tests:Mirrored", payload=payload)


def test_every_call_reaches_both_but_for_following_the_log(between: MakeBetween) -> None:
    with Backend() as store, Backend() as sink:
        both = between(store.port, sink.port)
        both.mirrors()
        for method in ALL_METHODS:
            if method.is_stream:
                list(both.client.stream(method, method.request()))
            else:
                both.client.call(method, method.request())
        names = {method.name for method in ALL_METHODS}
        assert store.calls == dict.fromkeys(names, 1)
        until(lambda: sink.calls == dict.fromkeys(names - {FOLLOWED}, 1), "each of the calls")


def test_the_answer_is_the_stores(between: MakeBetween) -> None:
    with (
        Backend(lambda _request, _context: pb.UpdateResponse(success=True, version=7)) as store,
        Backend(lambda _request, _context: pb.UpdateResponse(error="of the sink")) as sink,
    ):
        both = between(store.port, sink.port)
        both.mirrors()
        for _ in range(20):
            answer = both.client.call(methods.UPDATE, pb.UpdateRequest(id="a"))
            assert answer == pb.UpdateResponse(success=True, version=7)
        until(lambda: sink.calls["Update"] == 20, "the calls at the sink")


def test_statuses_come_through_with_their_details(
    between: MakeBetween, make_server: MakeServer
) -> None:
    with Backend() as sink:
        client = between(make_server().port, sink.port).client
        append = pb.UpdateRequest(id=str(uuid4()), version=3, events=[new_event()])
        with pytest.raises(grpc.RpcError) as failed:
            client.call(methods.UPDATE, append)
        assert reason_of(failed.value) is Reason.VERSION_CONFLICT
        error = error_of(failed.value, "Cannot append")
        assert isinstance(error, ConflictError)
        assert (error.expected, error.actual) == (3, None)


def test_an_old_client_finds_errors_in_the_response(
    between: MakeBetween, make_server: MakeServer
) -> None:
    with Backend() as sink:
        both = between(make_server().port, sink.port)
        with grpc.insecure_channel(both.envoy.address) as channel:
            update = channel.unary_unary(
                methods.UPDATE.path,
                request_serializer=pb.UpdateRequest.SerializeToString,
                response_deserializer=pb.UpdateResponse.FromString,
            )
            append = pb.UpdateRequest(id=str(uuid4()), version=3, events=[new_event()])
            answer = update(append, timeout=60)
    assert not answer.success
    assert "version" in answer.error


def test_messages_of_5_mib_pass_in_both_directions(
    between: MakeBetween, make_server: MakeServer
) -> None:
    payload = "x" * 5 * 2**20
    with Backend() as sink:
        both = between(make_server().port, sink.port)
        both.mirrors()
        append = pb.UpdateRequest(id=str(uuid4()), events=[new_event(payload)])
        both.client.call(methods.UPDATE, append)
        found = both.client.call(methods.FIND_BY_ID, pb.FindByIDRequest(id=append.id))
        assert [event.payload == payload for event in found.events] == [True]
        until(lambda: sink.calls["Update"] == 1, "the large append at the sink")


def test_how_much_is_mirrored_can_be_changed(between: MakeBetween) -> None:
    with Backend() as store, Backend() as sink:
        both = between(store.port, sink.port)
        both.mirrors()

        def mirrored(percent: int, calls: int) -> int:
            before = sink.calls["FindLogEnd"]
            both.envoy.mirror(percent)
            for _ in range(calls):
                both.client.call(methods.FIND_LOG_END, pb.FindLogEndRequest())
            settled(both.envoy)
            return sink.calls["FindLogEnd"] - before

        assert mirrored(100, 200) == 200
        # Further from a half than seven standard deviations: once in 400,000,000,000 runs.
        assert abs(mirrored(50, 2000) - 1000) < 157
        assert mirrored(0, 200) == 0
        assert mirrored(100, 20) == 20
        assert store.calls["FindLogEnd"] == 2420


def settled(envoy: Envoy) -> None:
    """Return once no copy is under way."""

    def none_active() -> bool:
        active = "cluster.grpc-sink.upstream_rq_active"
        return envoy.counters(f"{active}$")[active] == 0

    until(none_active, "no copies under way")
