"""Snapshots save time and nothing else: they never win over the events, nor fail a command."""

import logging
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Any, ClassVar
from uuid import UUID, uuid4

import pytest
from cassandra import OperationTimedOut
from cassandra.query import BatchStatement
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import ProgrammingError, StoredEvent

from eventstore_cassandra import CassandraDatastore, CassandraSnapshotRecorder, Settings
from eventstore_cassandra.operations import erase
from eventstore_cassandra.profiles import APPEND
from tests.store.test_shipped_cases import environment

INTERVAL = 3


class Ward(Aggregate):
    def __init__(self, name: str) -> None:
        self.name = name
        self.beds = 0

    @event("BedsAdded")
    def add_beds(self, number: int) -> None:
        self.beds += number


class Wards(Application[UUID]):
    snapshotting_intervals: ClassVar[dict[type[Any], int]] = {Ward: INTERVAL}

    def load(self, ward_id: UUID) -> Ward:
        ward: Ward = self.repository.get(ward_id)
        return ward

    def add_beds(self, ward_id: UUID, *numbers: int) -> None:
        for number in numbers:
            ward = self.load(ward_id)
            ward.add_beds(number)
            self.save(ward)

    def snapshot_versions(self, ward_id: UUID) -> list[int]:
        assert self.snapshots
        return [snapshot.originator_version for snapshot in self.snapshots.get(ward_id)]


@pytest.fixture
def ward_id(datastore: CassandraDatastore) -> UUID:
    """A ward of six versions, version n with n * n - 1 beds, and snapshots of 3 and 6."""
    with Wards(environment(datastore.settings)) as wards:
        ward = Ward("Cardiology")
        wards.save(ward)
        wards.add_beds(ward.id, *(2 * n + 1 for n in range(1, 6)))
        assert wards.snapshot_versions(ward.id) == [3, 6]
        assert wards.load(ward.id).beds == 35
        return ward.id


@pytest.fixture
def wards(datastore: CassandraDatastore) -> Iterator[Wards]:
    """The application in another process, as it were, which has seen nothing yet."""
    with Wards(environment(datastore.settings)) as wards:
        yield wards


def cql(datastore: CassandraDatastore, query: str, *values: object) -> None:
    datastore.session.execute(datastore.prepare(query), values)


def restore(datastore: CassandraDatastore, aggregate: UUID, version: int) -> None:
    """Leave the events as a backup of when the aggregate was at this version has them."""
    cql(datastore, "DELETE FROM {keyspace}.events WHERE id = ? AND version > ?", aggregate, version)
    update = "UPDATE {keyspace}.events SET current_version = ? WHERE id = ?"
    cql(datastore, update, version, aggregate)


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        record.getMessage()
        for record in caplog.records
        if record.name == "eventstore_cassandra.snapshot_store"
        and record.levelno == logging.WARNING
    ]


def test_a_snapshot_of_a_version_that_is_not_there_any_more_is_passed_over(
    wards: Wards,
    ward_id: UUID,
    datastore: CassandraDatastore,
    caplog: pytest.LogCaptureFixture,
) -> None:
    restore(datastore, ward_id, 4)
    ward = wards.load(ward_id)
    assert (ward.version, ward.beds) == (4, 15)
    assert f"The snapshot of version 6 of aggregate {ward_id} is passed over" in told(caplog)[0]
    wards.add_beds(ward_id, 100)
    assert (wards.load(ward_id).version, wards.load(ward_id).beds) == (5, 115)
    assert wards.snapshot_versions(ward_id) == [3]


def test_a_snapshot_of_a_history_that_went_on_differently_is_passed_over(
    wards: Wards, ward_id: UUID, datastore: CassandraDatastore, caplog: pytest.LogCaptureFixture
) -> None:
    restore(datastore, ward_id, 2)
    wards.add_beds(ward_id, 100, 100, 100, 100, 100)
    ward = wards.load(ward_id)
    assert (ward.version, ward.beds) == (7, 503)
    past: Ward = wards.repository.get(ward_id, version=4)
    assert past.beds == 203
    assert "is of another append" in told(caplog)[-1]
    wards.add_beds(ward_id, 100, 100)
    assert wards.snapshot_versions(ward_id) == [9]


def test_a_snapshot_of_an_erased_aggregate_is_neither_loaded_nor_taken(
    wards: Wards, ward_id: UUID, datastore: CassandraDatastore, caplog: pytest.LogCaptureFixture
) -> None:
    erase = "UPDATE {keyspace}.events SET erased = toTimestamp(now()) WHERE id = ?"
    cql(datastore, erase, ward_id)
    assert wards.snapshot_versions(ward_id) == []
    assert "the aggregate is erased" in told(caplog)[0]
    with pytest.raises(ProgrammingError, match="it is erased"):
        CassandraSnapshotRecorder(datastore).insert_events([StoredEvent(ward_id, 5, "T", b"{}")])
    with pytest.raises(ProgrammingError, match="it is erased"):
        CassandraSnapshotRecorder(datastore).insert_events([StoredEvent(ward_id, 99, "T", b"{}")])


class ErasingMeanwhile(CassandraDatastore):
    """Has an aggregate erased just before, or just after, its snapshot is inserted."""

    def __init__(self, settings: Settings, moment: str, eraser: CassandraDatastore) -> None:
        super().__init__(settings)
        self._moment = moment
        self._eraser = eraser
        self.aggregate: UUID | None = None

    def execute(self, statement: Any, profile: str | None = None) -> Any:
        is_insert = isinstance(statement, BatchStatement)
        if is_insert and self._moment == "before":
            self._erase()
        answer = super().execute(statement, profile)
        if is_insert and self._moment == "after":
            self._erase()
        return answer

    def _erase(self) -> None:
        if self.aggregate:
            deque(erase(self._eraser, self.aggregate, write=True), maxlen=0)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("version", [5, 99])
def test_a_snapshot_that_is_taken_while_its_aggregate_is_erased_does_not_stay(
    ward_id: UUID, datastore: CassandraDatastore, moment: str, version: int
) -> None:
    erasing = ErasingMeanwhile(datastore.settings, moment, datastore)
    recorder = CassandraSnapshotRecorder(erasing)
    erasing.aggregate = ward_id
    with pytest.raises(ProgrammingError, match="it is erased"):
        recorder.insert_events([StoredEvent(ward_id, version, "T", b"{}")])
    assert list(recorder.select_events(ward_id)) == []
    erasing.close()


class LateInsert(CassandraDatastore):
    """No insert is answered; the last one arrives after the aggregate was erased meanwhile."""

    eraser: CassandraDatastore
    aggregate: UUID | None = None

    def execute(self, statement: Any, profile: str | None = None) -> Any:
        if not isinstance(statement, BatchStatement) or self.aggregate is None:
            return super().execute(statement, profile)
        deque(erase(self.eraser, self.aggregate, write=True), maxlen=0)
        super().execute(statement, profile)
        raise OperationTimedOut("late")


def test_a_snapshot_whose_insert_was_not_answered_does_not_stay_of_an_erased_aggregate(
    ward_id: UUID, datastore: CassandraDatastore
) -> None:
    late = LateInsert(replace(datastore.settings, append_attempts=1))
    recorder = CassandraSnapshotRecorder(late)
    late.eraser, late.aggregate = datastore, ward_id
    with pytest.raises(ProgrammingError, match="it is erased"):
        recorder.insert_events([StoredEvent(ward_id, 5, "T", b"{}")])
    assert list(recorder.select_events(ward_id)) == []
    late.close()


def test_a_snapshot_of_no_event_is_not_one_of_an_event_that_comes_later(
    wards: Wards, datastore: CassandraDatastore, caplog: pytest.LogCaptureFixture
) -> None:
    ward = Ward("Cardiology")
    wards.save(ward)
    ahead: Ward = wards.load(ward.id)
    ahead.add_beds(999)
    assert wards.snapshots
    snapshot = Ward.Snapshot.take(ahead)
    wards.snapshots.put([snapshot])
    wards.add_beds(ward.id, 1)
    assert wards.load(ward.id).beds == 1
    assert "is of another append" in told(caplog)[-1]


def test_without_a_name_a_snapshot_belongs_to_the_event_of_its_version(
    wards: Wards, ward_id: UUID, datastore: CassandraDatastore
) -> None:
    """Releases of before gave snapshots no names, and other programs give none to events."""
    unname = "UPDATE {keyspace}.snapshots SET append_id = null WHERE id = ? AND version IN (3, 6)"
    cql(datastore, unname, ward_id)
    assert wards.snapshot_versions(ward_id) == [3, 6]
    restore(datastore, ward_id, 4)
    assert wards.snapshot_versions(ward_id) == [3]


def test_a_snapshot_of_other_programs_events_has_no_name(datastore: CassandraDatastore) -> None:
    aggregate, recorder = uuid4(), CassandraSnapshotRecorder(datastore)
    insert = (
        "INSERT INTO {keyspace}.events (id, version, type, payload, savetime)"
        " VALUES (?, 1, 1, '{}', toTimestamp(now()))"
    )
    cql(datastore, insert, aggregate)
    recorder.insert_events([StoredEvent(aggregate, 1, "T", b"{}")])
    cql(datastore, "UPDATE {keyspace}.events SET current_version = 1 WHERE id = ?", aggregate)
    ((_, doubt),) = recorder.select_with_doubts(aggregate)
    assert doubt is None


def test_whatever_is_asked_for_sound_snapshots_alone_are_found(
    datastore: CassandraDatastore, wards: Wards
) -> None:
    ward = Ward("Cardiology")
    for number in range(14):
        ward.add_beds(number)
    wards.save(ward)
    assert wards.snapshots
    unfounded = "UPDATE {keyspace}.snapshots SET append_id = uuid() WHERE id = ? AND version = ?"
    for version in (6, 12, 15):
        cql(datastore, unfounded, ward.id, version)
    bounds = [(None, None), (3, None), (None, 12), (0, 9)]
    for (gt, lte), limit, desc in product(bounds, [None, 0, 1, 2, 3, 9], [False, True]):
        found = wards.snapshots.get(ward.id, gt=gt, lte=lte, desc=desc, limit=limit)
        sound = [v for v in (3, 9) if (gt is None or v > gt) and (lte is None or v <= lte)]
        expected = sound[::-1] if desc else sound
        assert [snapshot.originator_version for snapshot in found] == expected[:limit]


@pytest.mark.parametrize(
    "spoil",
    [
        "UPDATE {keyspace}.snapshots SET payload = '{\"state\"' WHERE id = ? AND version = 6",
        "UPDATE {keyspace}.snapshots SET topic = 'no.such:Class' WHERE id = ? AND version = 6",
        "UPDATE {keyspace}.snapshots SET payload = '{}' WHERE id = ? AND version = 6",
    ],
)
def test_a_snapshot_that_cannot_be_read_is_passed_over(
    wards: Wards,
    ward_id: UUID,
    datastore: CassandraDatastore,
    caplog: pytest.LogCaptureFixture,
    spoil: str,
) -> None:
    cql(datastore, spoil, ward_id)
    assert wards.load(ward_id).beds == 35
    assert "it cannot be read" in told(caplog)[0]


def test_a_snapshot_of_a_class_that_has_moved_is_passed_over(
    wards: Wards, ward_id: UUID, datastore: CassandraDatastore, caplog: pytest.LogCaptureFixture
) -> None:
    assert wards.snapshots
    ((stored),) = wards.snapshots.recorder.select_events(ward_id, gt=3)
    state = stored.state.decode().replace(":Ward", ":ThatWasRenamed")
    assert state != stored.state.decode()
    move = "UPDATE {keyspace}.snapshots SET payload = ? WHERE id = ? AND version = 6"
    cql(datastore, move, state, ward_id)
    assert wards.load(ward_id).beds == 35
    assert "it cannot be read" in told(caplog)[0]


class Unanswered(CassandraDatastore):
    """Writes nothing, and answers no write."""

    def execute(self, statement: Any, profile: str | None = None) -> Any:
        if profile == APPEND:
            raise OperationTimedOut("no answer")
        return super().execute(statement, profile)


@pytest.fixture
def unanswered(settings: Settings) -> Iterator[Unanswered]:
    datastore = Unanswered(settings)
    yield datastore
    datastore.close()


def test_a_save_whose_snapshot_is_not_answered_has_succeeded(
    wards: Wards, unanswered: Unanswered, caplog: pytest.LogCaptureFixture
) -> None:
    assert wards.snapshots
    wards.snapshots.recorder = CassandraSnapshotRecorder(unanswered)
    ward = Ward("Cardiology")
    wards.save(ward)
    wards.add_beds(ward.id, 1, 2)
    assert (wards.load(ward.id).version, wards.load(ward.id).beds) == (3, 3)
    assert (
        f"aggregate {ward.id} are saved, but no snapshot was taken of version 3" in told(caplog)[0]
    )
    wards.take_snapshot(ward.id)
    assert len(told(caplog)) == 2


def test_a_save_whose_snapshot_is_too_large_has_succeeded(
    datastore: CassandraDatastore, caplog: pytest.LogCaptureFixture
) -> None:
    env = environment(datastore.settings) | {"CASSANDRA_MAX_APPEND_BYTES": "420"}
    with Wards(env) as wards:
        ward = Ward("C" * 100)
        wards.save(ward)
        wards.add_beds(ward.id, 1, 2)
        assert wards.load(ward.id).version == 3
        assert wards.snapshot_versions(ward.id) == []
    assert "Expected at most 420 bytes" in told(caplog)[0]


def test_a_save_whose_snapshot_is_there_already_has_succeeded(
    wards: Wards, caplog: pytest.LogCaptureFixture
) -> None:
    ward = Ward("Cardiology")
    wards.save(ward)
    wards.take_snapshot(ward.id)
    wards.take_snapshot(ward.id)
    assert wards.snapshot_versions(ward.id) == [1]
    assert "found one, and left it" in told(caplog)[0]
