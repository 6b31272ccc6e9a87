"""The store server: appends and reads by gRPC, against the bare driver doing the same.

Client, server and Cassandra share this machine. The client of both sides is one process with so
many threads, each of which waits for its call: so many are in flight.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import cycle
from subprocess import PIPE, Popen
from time import perf_counter
from typing import Any
from uuid import UUID, uuid4

import grpc

from benchmarks.appends import Appends
from benchmarks.measure import Operation, compare, stretch
from benchmarks.nodes import without_log
from benchmarks.operations import DRIVER, LOG_OFF, LOG_ON, STATE, TOPIC, appending
from eventstore_cassandra import CassandraDatastore
from eventstore_cassandra.profiles import PLAIN_READ
from eventstore_grpc.protocol import methods
from eventstore_grpc.protocol import storegrpc_pb2 as pb
from eventstore_grpc.protocol.methods import Method

IN_FLIGHT = (1, 16, 64)
HISTORIES = 200
"""Aggregates that are read in turn, each of ``EVENTS`` events."""
EVENTS = 5
AN_APPEND = 100
"""Events in one append of the log that is caught up with."""
WARM_UP = 3
"""Stretches of each operation."""
_SELECT = (
    "SELECT version, type, payload, payload_bytes, append_id, toUnixTimestamp(savetime), erased"
    " FROM {keyspace}.events WHERE id = ?"
)


@dataclass(frozen=True)
class CaughtUp:
    """A subscription that begins at the first event."""

    events: int
    per_second: float


def measure(env: Mapping[str, str], *, seconds: float, pairs: int) -> Iterator[Appends]:
    """Measure ``Update`` without the log and with it, and ``FindByID``."""
    with ExitStack() as stack:
        driver = stack.enter_context(appending(env, DRIVER))
        channels = {
            LOG_OFF: stack.enter_context(_serving(without_log(env))),
            LOG_ON: stack.enter_context(_serving(env)),
        }
        updates = {what: _updating(channel) for what, channel in channels.items()}
        ids = [_written(channels[LOG_OFF]) for _ in range(HISTORIES)]
        reads = _selecting(driver.datastore, ids), _finding(channels[LOG_OFF], ids)
        for operation in (driver.append, *updates.values(), *reads) * WARM_UP:
            stretch(operation, threads=16, seconds=seconds)
        for what, update in updates.items():
            for number in IN_FLIGHT:
                found = compare(driver.append, update, threads=number, seconds=seconds, pairs=pairs)
                yield Appends(f"Update, {what}", 1, number, found)
        for number in IN_FLIGHT:
            found = compare(*reads, threads=number, seconds=seconds, pairs=pairs)
            yield Appends("FindByID", 1, number, found)


def catching_up(env: Mapping[str, str], *, events: int) -> CaughtUp:
    """Measure how fast a new subscription gets to the end of the log."""
    with _serving(env) as channel:
        subscribe: Any = _stream(channel, methods.SUBSCRIBE)
        end: Any = _unary(channel, methods.FIND_LOG_END)
        begin = end(pb.FindLogEndRequest()).position
        update = _unary(channel, methods.UPDATE)
        new = pb.UpdateRequest.Event(topic=TOPIC, payload=STATE.decode())
        for _ in range(0, events, AN_APPEND):
            update(pb.UpdateRequest(id=str(uuid4()), events=[new] * AN_APPEND))
        began, seen = perf_counter(), 0
        pages = subscribe(pb.SubscribeRequest(after=begin))
        while seen < events:
            seen += len(next(pages).events)
        took = perf_counter() - began
        pages.cancel()
        return CaughtUp(seen, seen / took)


@contextmanager
def _serving(env: Mapping[str, str]) -> Iterator[grpc.Channel]:
    """Run a server in a process of its own, and yield a channel to it."""
    command = [sys.executable, "-m", "patientmgmt", "grpc-store", "--port=0"]
    with Popen(command, env={**os.environ, **env}, stdout=PIPE, text=True) as server:
        try:
            address = server.stdout.readline().split()[-1] if server.stdout else ""
            with grpc.insecure_channel(address) as channel:
                yield channel
        finally:
            server.terminate()


def _updating(channel: grpc.Channel) -> Operation:
    update = _unary(channel, methods.UPDATE)
    events = [pb.UpdateRequest.Event(topic=TOPIC, payload=STATE.decode())]

    def append() -> None:
        answer = update(pb.UpdateRequest(id=str(uuid4()), events=events), timeout=60)
        if not answer.success:
            raise RuntimeError(answer.error)

    return append


def _written(channel: grpc.Channel) -> str:
    id_ = str(uuid4())
    events = [pb.UpdateRequest.Event(topic=TOPIC, payload=STATE.decode())] * EVENTS
    _unary(channel, methods.UPDATE)(pb.UpdateRequest(id=id_, events=events), timeout=60)
    return id_


def _finding(channel: grpc.Channel, ids: list[str]) -> Operation:
    find, turns = _unary(channel, methods.FIND_BY_ID), cycle(ids)
    return lambda: find(pb.FindByIDRequest(id=next(turns)), timeout=60).events[EVENTS - 1]


def _selecting(datastore: CassandraDatastore, ids: list[str]) -> Operation:
    session, select = datastore.session, datastore.prepare(_SELECT)
    turns = cycle([UUID(id_) for id_ in ids])
    return lambda: list(session.execute(select, [next(turns)], execution_profile=PLAIN_READ))[4]


def _unary(channel: grpc.Channel, method: Method[Any, Any]) -> Any:
    return channel.unary_unary(
        method.path,
        request_serializer=method.request.SerializeToString,
        response_deserializer=method.response.FromString,
    )


def _stream(channel: grpc.Channel, method: Method[Any, Any]) -> Any:
    return channel.unary_stream(
        method.path,
        request_serializer=method.request.SerializeToString,
        response_deserializer=method.response.FromString,
    )
