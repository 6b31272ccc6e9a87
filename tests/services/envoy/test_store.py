"""The way to the store: deadlines, a store that is dead, and calls that last."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any
from uuid import uuid4

import grpc
import pytest
from google.protobuf.message import Message

from eventstore_grpc.protocol import methods
from eventstore_grpc.protocol import storegrpc_pb2 as pb
from patientmgmt.local_cassandra import free_ports
from tests.services.conftest import MakeServer
from tests.services.envoy.backends import Backend, Context
from tests.services.envoy.conftest import Between, MakeBetween
from tests.services.processes import until

SILENCE = 22.0
"""Seconds: Envoy ends a call after 15 unless it is told otherwise."""


def stub(channel: grpc.Channel) -> "grpc.UnaryUnaryMultiCallable[Any, Any]":
    return channel.unary_unary(
        methods.FIND_BY_ID.path,
        request_serializer=pb.FindByIDRequest.SerializeToString,
        response_deserializer=pb.FindResponse.FromString,
    )


def code_of_a_call(both: Between, *, timeout: float) -> tuple[grpc.StatusCode, float]:
    """Make a call that fails, without further tries; return how, and after how many seconds."""
    options = [("grpc.enable_retries", 0)]
    with grpc.insecure_channel(both.envoy.address, options=options) as channel:
        grpc.channel_ready_future(channel).result(60)
        began = time.monotonic()
        with pytest.raises(grpc.RpcError) as failed:
            stub(channel)(pb.FindByIDRequest(id="a"), timeout=timeout)
        return failed.value.code(), time.monotonic() - began


def test_a_dead_store_is_unavailable_at_once(between: MakeBetween) -> None:
    (nobody,) = free_ports(1)
    with Backend() as sink:
        both = between(nobody, sink.port)
        both.mirrors()
        code, seconds = code_of_a_call(both, timeout=60)
    assert code is grpc.StatusCode.UNAVAILABLE
    assert seconds < 30


def test_a_store_that_comes_back_is_called_again(
    between: MakeBetween, make_server: MakeServer
) -> None:
    server = make_server()
    with Backend() as sink:
        both = between(server.port, sink.port)
        both.client.call(methods.FIND_LOG_END, pb.FindLogEndRequest())
        server.kill()
        assert code_of_a_call(both, timeout=60)[0] is grpc.StatusCode.UNAVAILABLE
        server.start()

        def is_back() -> bool:
            try:
                both.client.call(methods.FIND_LOG_END, pb.FindLogEndRequest())
            except grpc.RpcError:
                return False
            return True

        until(is_back, "the store, through the same Envoy")


def test_a_call_that_has_reached_the_store_is_not_made_again(between: MakeBetween) -> None:
    def break_off(_request: Message, context: Context) -> None:
        context.abort(grpc.StatusCode.UNAVAILABLE, "Nobody knows what has become of it.")

    with Backend(break_off) as store, Backend() as sink:
        both = between(store.port, sink.port)
        assert code_of_a_call(both, timeout=60)[0] is grpc.StatusCode.UNAVAILABLE
        assert store.calls["FindByID"] == 1


def test_the_store_is_told_the_clients_deadline_and_its_end(between: MakeBetween) -> None:
    told: list[float | None] = []
    is_over = Event()

    def wait(_request: Message, context: Context) -> None:
        told.append(context.time_remaining())
        context.add_callback(is_over.set)
        is_over.wait(60)

    with Backend(wait) as store, Backend() as sink:
        both = between(store.port, sink.port)
        code, _ = code_of_a_call(both, timeout=5)
        assert code is grpc.StatusCode.DEADLINE_EXCEEDED
        until(is_over.is_set, "that the store's call ends with the client's")
    assert len(told) == 1
    assert told[0] is not None
    assert told[0] < 6  # it is rounded on the wire


def test_who_follows_the_log_or_reads_for_long_outlives_silence(
    between: MakeBetween, make_server: MakeServer
) -> None:
    def think(_request: Message, _context: Context) -> None:
        Event().wait(SILENCE)

    with Backend(think) as thinking, Backend() as sink, ThreadPoolExecutor(1) as beside:
        long = between(thinking.port, sink.port).client
        read = beside.submit(list, long.stream(methods.READ_STREAM, pb.FindByIDRequest(id="a")))
        client = between(make_server().port, sink.port).client
        end = client.call(methods.FIND_LOG_END, pb.FindLogEndRequest())
        followed = client.stream(
            methods.SUBSCRIBE, pb.SubscribeRequest(after=end.position), forever=True
        )
        # The silence itself is what is tested.
        Event().wait(SILENCE)
        event = pb.UpdateRequest.Event(topic="tests:Followed", payload="{}")
        append = pb.UpdateRequest(id=str(uuid4()), events=[event])
        answer = client.call(methods.UPDATE, append)
        positions: list[int] = []
        while answer.positions[0] not in positions:
            positions += [each.position for each in next(followed).events]
        followed.cancel()
        assert len(read.result()) == 1
