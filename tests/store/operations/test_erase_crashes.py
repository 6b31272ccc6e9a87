"""An erasure that is cut short anywhere is completed by running it again."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import Event
from typing import Any
from uuid import UUID, uuid4

import pytest
from cassandra import OperationTimedOut
from eventsourcing.persistence import IntegrityError, OperationalError

from eventstore_cassandra import (
    ERASED_TOPIC,
    AggregateErasedError,
    CassandraApplicationRecorder,
    CassandraDatastore,
    CassandraSnapshotRecorder,
    Settings,
)
from eventstore_cassandra.append import Append
from eventstore_cassandra.operations import erase, finish, rebuild_log
from eventstore_cassandra.operations.backfill import Backfill, Versions
from eventstore_cassandra.operations.erase import MAX_ROWS
from eventstore_cassandra.profiles import APPEND
from tests.store.operations.crafting import Store, events
from tests.store.operations.test_erase import erased, notifications, secrets, tables_with
from tests.store.operations.test_verify import verify_while


class Crash(BaseException):
    """The eraser's process ends."""


class Crashing(CassandraDatastore):
    """Ends at a write, before or after it has been made."""

    def __init__(self, settings: Settings, *, at: int, is_sent: bool) -> None:
        super().__init__(settings)
        self.writes = 0
        self._at = at
        self._is_sent = is_sent

    def execute(self, statement: Any, profile: str | None = None) -> Any:
        if profile == APPEND:
            self.writes += 1
            if self.writes == self._at:
                if self._is_sent:
                    super().execute(statement, profile)
                raise Crash
        return super().execute(statement, profile)


def crowded(store: Store) -> UUID:
    """Return an aggregate of which there is something everywhere."""
    aggregate = uuid4()
    store.recorder.insert_events(secrets(aggregate, 1, 2))
    store.recorder.insert_events(events(uuid4(), 1))
    store.without_log.insert_events(secrets(aggregate, *range(3, MAX_ROWS + 5)))
    CassandraSnapshotRecorder(store.datastore).insert_events(secrets(aggregate, 2))
    CassandraSnapshotRecorder(store.datastore).insert_events(secrets(aggregate, 3))
    store.reserve(Append(secrets(aggregate, MAX_ROWS + 5)))
    return aggregate


@pytest.mark.parametrize("is_sent", [False, True], ids=["before", "after"])
def test_it_may_end_at_every_write(store: Store, is_sent: bool) -> None:
    told: list[int] = []
    for at in range(1, 100):
        aggregate = crowded(store)
        store.announce(Append(secrets(aggregate, MAX_ROWS + 5)))
        with closing(Crashing(store.datastore.settings, at=at, is_sent=is_sent)) as crashing:
            operation = erase(
                crashing, aggregate, write=True, elsewhere=lambda found: told.append(len(found))
            )
            try:
                finish(operation)
            except Crash:
                assert set(store.findings()) <= {"LEFT_OVER", "MISSING_IN_LOG"}
            else:
                break
        erased(store, aggregate)
        assert tables_with(store) == set()
        assert store.recorder.select_events(aggregate) == []
        assert store.findings() == {}
    assert at > crashing.writes > 7
    # Whoever erases elsewhere has been told all events before the first one was blanked.
    assert set(told) == {MAX_ROWS + 4}


class AnswersLost(CassandraDatastore):
    """Makes each conditional write, and loses its answer every other time."""

    is_lost = False

    def execute(self, statement: Any, profile: str | None = None) -> Any:
        answer = super().execute(statement, profile)
        self.is_lost = profile == APPEND and not self.is_lost
        if self.is_lost:
            raise OperationTimedOut("no answer in time")
        return answer


def test_answers_that_are_lost_do_no_harm(store: Store) -> None:
    aggregate = crowded(store)
    with closing(AnswersLost(store.datastore.settings)) as datastore:
        done = finish(erase(datastore, aggregate, write=True))
    assert (done.events, done.logged, done.snapshots) == (MAX_ROWS + 4, 3, 2)
    assert tables_with(store) == set()
    assert store.findings() == {}


class NeverAnswers(CassandraDatastore):
    def execute(self, statement: Any, profile: str | None = None) -> Any:
        if profile == APPEND:
            raise OperationTimedOut("no answer in time")
        return super().execute(statement, profile)


def test_a_store_that_does_not_answer_is_told_and_the_command_can_be_repeated(store: Store) -> None:
    aggregate = crowded(store)
    with (
        closing(NeverAnswers(store.datastore.settings)) as datastore,
        pytest.raises(OperationalError, match=f"Cannot erase aggregate {aggregate}: .*no answer"),
    ):
        finish(erase(datastore, aggregate, write=True))
    erased(store, aggregate)
    assert tables_with(store) == set()


def test_two_erasers_at_once_do_no_harm(store: Store) -> None:
    one, other = uuid4(), uuid4()
    for version in (1, 2, 3):
        store.recorder.insert_events(secrets(one, version))
        store.recorder.insert_events(secrets(other, version))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda id_: erased(store, id_), [one, other, one, other]))
    assert tables_with(store) == set()
    assert [n.topic for n in notifications(store)] == [ERASED_TOPIC] * 6
    assert store.findings() == {}


def test_writers_who_go_on_meanwhile_leave_nothing(store: Store) -> None:
    aggregates = [uuid4() for _ in range(4)]
    stop = Event()

    def write(aggregate: UUID) -> int:
        """Append until it is refused for good; return how often it was refused."""
        recorder = CassandraApplicationRecorder(store.datastore)
        version = refused = 0
        while not stop.is_set():
            try:
                recorder.insert_events(secrets(aggregate, version + 1))
                version += 1
            except AggregateErasedError:
                refused += 1
                version += 1  # this writer does not listen
            except IntegrityError:
                version = len(recorder.select_events(aggregate))
        return refused

    with ThreadPoolExecutor(8) as pool:
        writers = [pool.submit(write, aggregate) for aggregate in aggregates * 2]
        try:
            for aggregate in aggregates:
                while not store.recorder.select_events(aggregate, gt=3):
                    pass
                erased(store, aggregate)
        finally:
            stop.set()
        assert all(writer.result() for writer in writers)
    assert tables_with(store) == set()
    assert store.findings() == {}


@pytest.fixture
def left_over(store: Store) -> Iterator[UUID]:
    """An erased aggregate; what a test adds to it is found in the end, and gone after erasing."""
    aggregate = uuid4()
    store.recorder.insert_events(secrets(aggregate, 1, 2))
    erased(store, aggregate)
    assert store.findings() == {}
    yield aggregate
    found = store.verify().findings
    assert [finding.check.name for finding in found] == ["LEFT_OVER"]
    assert found[0].first[0].startswith(f"{aggregate} version ")
    erased(store, aggregate)
    assert store.findings() == {}
    assert tables_with(store) == set()


def test_what_a_writer_left_in_the_log_when_it_died_is_found(store: Store, left_over: UUID) -> None:
    store.reserve(Append(secrets(left_over, 3)))


def test_a_snapshot_that_was_written_late_is_found(store: Store, left_over: UUID) -> None:
    """Its writer had looked whether the aggregate is erased, and was held up before it wrote."""
    (secret,) = secrets(left_over, 2)
    store.cql(
        "INSERT INTO {keyspace}.snapshots (id, version, topic, payload) VALUES (?, 2, ?, ?)"
        " IF NOT EXISTS",
        left_over,
        secret.topic,
        secret.state.decode(),
    )


def test_an_event_that_was_written_without_the_lock_is_found(store: Store, left_over: UUID) -> None:
    number = store.event_types.type_of("Happened")
    store.insert_like_the_original(left_over, 3, type_=number)


def test_a_rebuild_of_the_log_does_not_bring_back_what_is_erased_meanwhile(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    aggregate, other = uuid4(), uuid4()
    store.without_log.insert_events(secrets(aggregate, 1))
    store.without_log.insert_events(events(other, 1))
    read = Backfill.appends

    def read_and_then_erase(self: Backfill, versions: Versions) -> list[Append]:
        appends = read(self, versions)
        if versions.aggregate_id == aggregate:
            erased(store, aggregate)
        return appends

    monkeypatch.setattr(Backfill, "appends", read_and_then_erase)
    finish(rebuild_log(store.datastore, write=True))
    assert tables_with(store) == set()
    assert store.findings() == {}


@pytest.mark.parametrize(
    "stage",
    ["Reading the aggregates", "Reading the type view", "Reading the notification log"],
)
def test_what_is_erased_while_the_store_is_verified_is_no_finding(store: Store, stage: str) -> None:
    aggregates = [uuid4() for _ in range(5)]
    for version in (1, 2):
        for aggregate in aggregates:
            store.recorder.insert_events(secrets(aggregate, version))
    report = verify_while(store, stage, lambda: [erased(store, each) for each in aggregates])
    assert report.findings == []
