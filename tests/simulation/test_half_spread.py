"""A write that was decided reached one replica, X, its writer is dead, and then X is away.

What others have seen of it until then stays true, though reads have spread it in part only.
"""

import gc
from collections.abc import Sequence
from contextlib import suppress
from random import Random
from uuid import UUID

import pytest
from eventsourcing.persistence import StoredEvent

from eventstore_cassandra.application_recorder import CassandraApplicationRecorder
from eventstore_cassandra.counters import Count
from eventstore_cassandra.operations import finish, rebuild_log, status, verify
from eventstore_cassandra.schema_version import write_version
from eventstore_cassandra.settings import Settings
from tests.simulation.connection import Connection, Request
from tests.simulation.mutants import RARE_MUTANTS
from tests.simulation.replicas import REPLICAS, Route
from tests.simulation.schedule import CrashedError, Schedule
from tests.simulation.statements import Rows, Server

X, Y, Z = REPLICAS
A, B = UUID(int=1, version=4), UUID(int=2, version=4)


class Store:
    """A store whose requests meet just the replicas that the test says."""

    def __init__(self, *, bucket_size: int = 10) -> None:
        self.asks: Sequence[int] = (X, Y)
        self._dies_at: str | None = None
        self._server = Server()
        self._settings = Settings(log_bucket_size=bucket_size)
        write_version(self.connection())

    def connection(self) -> Connection:
        return Connection(self._server, self._send, self._settings, Schedule(Random(0)))

    def recorder(self) -> CassandraApplicationRecorder:
        return CassandraApplicationRecorder(self.connection())

    def append(self, aggregate_id: UUID, version: int, *, dies_at: str | None = None) -> None:
        """Append an event; or die as a write to this table has reached X, and nothing else."""
        recorder = self.recorder()
        recorder.event_types.type_of("Happened")
        self._dies_at = dies_at
        with suppress(CrashedError):
            recorder.insert_events([StoredEvent(aggregate_id, version, "Happened", b"{}")])
        self._dies_at = None

    def _send(self, request: Request, perform: object) -> Rows:
        assert callable(perform)
        if request == (self._dies_at, True):
            perform(Route(self.asks, [X]))
            raise CrashedError
        rows: Rows = perform(Route(self.asks))
        return rows


def log(recorder: CassandraApplicationRecorder) -> list[tuple[int, UUID | str, int]]:
    found = recorder.select_notifications(1, 100)
    return [(event.id, event.originator_id, event.originator_version) for event in found]


def test_the_last_position_is_not_before_one_that_was_delivered() -> None:
    store = Store()
    store.append(A, 1)
    store.append(B, 1, dies_at="notification_log")
    reader = store.recorder()
    assert log(reader) == [(1, A, 1), (2, B, 1)]
    store.asks = (Y, Z)
    assert reader.max_notification_id() == 2
    assert store.recorder().max_notification_id() == 2
    assert status(store.connection()).head == 2


def test_an_event_is_not_taken_for_missing_in_the_log_where_its_head_has_not_spread() -> None:
    store = Store()
    store.append(A, 1)
    store.append(B, 1, dies_at="notification_log")
    store.asks = (X, Z)
    assert log(store.recorder()) == [(1, A, 1), (2, B, 1)]
    store.asks = (Y, Z)
    assert finish(verify(store.connection())).findings == []
    assert finish(rebuild_log(store.connection(), write=False)).missing == 0
    assert finish(rebuild_log(store.connection(), write=True)).appended == 0


def test_the_end_of_the_log_is_read_serially_before_anything_is_said_to_be_missing() -> None:
    store = Store()
    store.append(A, 1)
    store.append(B, 1, dies_at="notification_log")
    reader = store.recorder()
    # A read of the row that leaves the head where it is, as other programs may make it.
    rows = "SELECT last, appends, events FROM {keyspace}.notification_log WHERE bucket = ?"
    reader.datastore.execute(reader.datastore.prepare(rows).bind([0]))
    store.asks = (Y, Z)
    assert log(reader) == [(1, A, 1), (2, B, 1)]
    assert finish(verify(store.connection())).findings == []
    assert finish(rebuild_log(store.connection(), write=False)).missing == 0
    assert status(store.connection()).head == 2


def test_a_version_that_is_newer_than_the_rows_that_are_shown_is_no_abort() -> None:
    store = Store()
    store.append(A, 1)
    store.append(A, 2, dies_at="events")
    store.recorder()._log._read_version(A, "look-read")
    store.asks = (Y, Z)
    assert log(store.recorder()) == [(1, A, 1), (2, A, 2)]


def test_a_closed_bucket_that_shows_nothing_is_not_the_end_of_the_log() -> None:
    store = Store(bucket_size=1)
    store.append(A, 1)
    store.append(B, 1, dies_at="notification_log")
    store.recorder()._log._table.head(1)
    store.asks = (Y, Z)
    assert log(store.recorder()) == [(1, A, 1), (2, B, 1)]


def test_a_subscription_that_is_dropped_is_not_woken_up_any_more() -> None:
    recorder = Store().recorder()
    subscription = recorder.subscribe()
    listeners = recorder._log._listeners
    assert len(listeners) == 1
    del subscription
    gc.collect()
    assert len(listeners) == 0


def test_version_0_of_a_stream_that_began_at_1_is_known_to_be_aborted_without_a_wait() -> None:
    store = Store()
    store.append(A, 0, dies_at="notification_log")
    store.append(A, 1)
    assert status(store.connection()).pending == []
    for _ in range(2):
        reader = store.recorder()
        assert log(reader) == [(2, A, 1)]
        assert reader.datastore.counters.values()[Count.HELPS] == 0


@pytest.mark.parametrize(
    ("test", "mutant"),
    [
        (
            test_a_version_that_is_newer_than_the_rows_that_are_shown_is_no_abort,
            "believe_a_quorum_that_aborts",
        ),
        (
            test_a_closed_bucket_that_shows_nothing_is_not_the_end_of_the_log,
            "take_a_closed_bucket_for_empty",
        ),
    ],
)
def test_these_tests_are_able_to_fail(
    test: object, mutant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert callable(test)
    RARE_MUTANTS[mutant](monkeypatch)
    with pytest.raises(AssertionError):
        test()
