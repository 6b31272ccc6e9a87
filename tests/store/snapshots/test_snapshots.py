"""Snapshots save time and nothing else: they never win over the events, nor fail a command."""

from collections.abc import Iterator
from itertools import product
from typing import Any
from uuid import UUID, uuid4

import pytest
from cassandra import OperationTimedOut
from eventsourcing.persistence import StoredEvent

from eventstore_cassandra import CassandraDatastore, CassandraSnapshotRecorder, Settings
from eventstore_cassandra.profiles import APPEND
from tests.store.snapshots.wards import Ward, Wards, cql, restore, told
from tests.store.test_shipped_cases import environment


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
