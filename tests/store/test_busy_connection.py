"""Large appends fill a connection: other threads' small ones wait for room, and do not fail."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from threading import Event
from uuid import uuid4

import pytest
from eventsourcing.persistence import StoredEvent

from eventstore_cassandra import CassandraAggregateRecorder, CassandraDatastore, Settings

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
