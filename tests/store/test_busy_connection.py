"""Large appends fill a connection: other threads' small ones wait for room, and do not fail."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from threading import Event
from typing import Any
from uuid import uuid4

import pytest
from eventsourcing.persistence import StoredEvent

from eventstore_cassandra import (
    CassandraAggregateRecorder,
    CassandraDatastore,
    Settings,
    busy_connections,
)
from eventstore_cassandra.profiles import LOOK_READ
from tests.store.projections.waiting import wait_until

_FROM = "FROM system.local"
LARGE = b"x" * (7 * 1024 * 1024)


@pytest.fixture
def recorder(settings: Settings) -> Iterator[CassandraAggregateRecorder]:
    datastore = CassandraDatastore(replace(settings, request_timeout=60.0))
    recorder = CassandraAggregateRecorder(datastore)
    recorder.insert_events([StoredEvent(uuid4(), 1, "Happened", b"")])
    yield recorder
    datastore.close()


def test_small_appends_beside_large_ones(recorder: CassandraAggregateRecorder) -> None:
    are_done = Event()

    def small() -> None:
        while not are_done.is_set():
            recorder.insert_events([StoredEvent(uuid4(), 1, "Happened", b"")])

    with ThreadPoolExecutor(14) as pool:
        others = [pool.submit(small) for _ in range(8)]
        large = [
            pool.submit(recorder.insert_events, [StoredEvent(uuid4(), 1, "Happened", LARGE)])
            for _ in range(6)
        ]
        try:
            wait(large)
        finally:
            are_done.set()
        assert [each.exception() for each in large] == [None] * 6
        assert [each.exception() for each in others] == [None] * 8


@pytest.fixture
def overloaded(
    recorder: CassandraAggregateRecorder, monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[Any]]:
    """Have the connection's socket take nothing for so many requests; the pauses made for it."""
    (connection,) = connections(recorder)
    pauses: list[Any] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) >= 10:
            connection._socket_writable = True

    monkeypatch.setattr(busy_connections, "sleep", pause)
    connection._socket_writable = False
    yield pauses
    connection._socket_writable = True


def connections(recorder: CassandraAggregateRecorder) -> list[Any]:
    pools = recorder.datastore.session.get_pools()
    return [connection for pool in pools for connection in pool.get_connections()]


@pytest.mark.parametrize(
    "request_",
    [
        lambda recorder: recorder.insert_events([StoredEvent(uuid4(), 1, "Happened", b"")]),
        lambda recorder: recorder.select_events(uuid4()),
        lambda recorder: recorder.datastore.prepare(f"SELECT now() AS n{uuid4().hex} {_FROM}"),
        lambda recorder: recorder.datastore.read_concurrently(
            recorder.datastore.prepare("SELECT version FROM {keyspace}.events WHERE id = ?"),
            [[uuid4()] for _ in range(50)],
            LOOK_READ,
            concurrency=10,
        ),
    ],
    ids=["append", "read", "prepare", "many reads"],
)
def test_a_request_that_was_not_sent_leaves_nothing_of_itself(
    recorder: CassandraAggregateRecorder,
    overloaded: list[Any],
    request_: Callable[[CassandraAggregateRecorder], object],
) -> None:
    """The driver forgets to give the number back, and a connection has 32,768 of them."""
    (connection,) = connections(recorder)
    request_(recorder)
    assert len(overloaded) == 10
    wait_until(lambda: connection.in_flight == 0)
    assert len(set(connection.request_ids)) == len(connection.request_ids)
    assert connection.highest_request_id + 1 == len(connection.request_ids)
