"""The store server: appends and reads by gRPC, against the bare driver doing the same.

Client, server and Cassandra share this machine. The client of both sides is one process with so
many threads, each of which waits for its call: so many are in flight. Beside our server a small one
in Go is called, which does what the original does, and two of ours that share the calls.
"""

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import cycle
from subprocess import PIPE, Popen
from time import perf_counter
from typing import Any
from uuid import UUID, uuid4

import grpc

from benchmarks import original
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


def measure(
    env: Mapping[str, str], *, seconds: float, pairs: int, report: Callable[[str], None]
) -> Iterator[Appends]:
    """Measure ``Update`` and ``FindByID``; what is said to ``report`` is why Go is left out."""
    with ExitStack() as stack:
        driver = stack.enter_context(appending(env, DRIVER))
        log_off, second, log_on = (
            stack.enter_context(_serving(each))
            for each in (without_log(env), without_log(env), env)
        )
        ids = [_written(log_off) for _ in range(HISTORIES)]
        updates = {
            f"Update, {LOG_OFF}": _updating(log_off),
            f"Update, {LOG_ON}": _updating(log_on),
            f"Update, {LOG_OFF}, two servers": _in_turn([_updating(log_off), _updating(second)]),
        }
        finds = {"FindByID": _finding(log_off, ids)}
        try:
            go = stack.enter_context(original.serving(driver.datastore))
        except original.GoStoreError as e:
            report(f"The original's way in Go is left out: {e}")
        else:
            updates["Update, in Go, no log"] = _updating(go)
            finds["FindByID, in Go"] = _finding(go, [_written(go) for _ in range(HISTORIES)])
        select = _selecting(driver.datastore, ids)
        for operation in (driver.append, *updates.values(), select, *finds.values()) * WARM_UP:
            stretch(operation, threads=16, seconds=seconds)
        for baseline, subjects in ((driver.append, updates), (select, finds)):
            for what, subject in subjects.items():
                for number in IN_FLIGHT:
                    found = compare(baseline, subject, threads=number, seconds=seconds, pairs=pairs)
                    yield Appends(what, 1, number, found)


def _in_turn(operations: Sequence[Operation]) -> Operation:
    turns = cycle(operations)
    return lambda: next(turns)()


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
