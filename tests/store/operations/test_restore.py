"""After a restore from a backup, whatever is derived is of the events that are there."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import ProgrammingError, StoredEvent, Tracking

from eventstore_cassandra import (
    CassandraApplicationRecorder,
    CassandraDatastore,
    CassandraSnapshotRecorder,
    CassandraTrackingRecorder,
    Settings,
    create_tables,
)
from eventstore_cassandra.operations import empty_snapshots, finish, restore
from eventstore_cassandra.schema_version import checked_schema
from tests.store.operations.crafting import Store, events, keyspace
from tests.store.projections.waiting import wait_until

IDS: list[type[UUID] | type[str]] = [UUID, str]


@contextmanager
def opened(settings: Settings) -> Iterator[CassandraDatastore]:
    datastore = CassandraDatastore(settings)
    try:
        yield datastore
    finally:
        datastore.close()


@pytest.fixture(params=["uuid", "text"])
def restored(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Store]:
    """A store whose events are those of an older backup, and what is derived is not."""
    with keyspace(settings, log_bucket_size=3, originator_id_type=request.param) as datastore:
        create_tables(datastore)
        store = Store(datastore)
        for aggregate in ids(store):
            for version in range(1, 7):
                store.recorder.insert_events(events(aggregate, version))
            CassandraSnapshotRecorder(datastore).insert_events(
                [StoredEvent(aggregate, 6, "Snapshot", b"{}")]
            )
            store.cql("DELETE FROM {keyspace}.events WHERE id = ? AND version > 4", aggregate)
            store.cql("UPDATE {keyspace}.events SET current_version = 4 WHERE id = ?", aggregate)
        CassandraTrackingRecorder(datastore).insert_tracking(Tracking("upstream", 12))
        assert "UNFOUNDED" in store.findings()
        yield store


def ids(store: Store) -> list[UUID]:
    """Return two ids, always the same, of the keyspace's type."""
    numbers = [UUID(int=n, version=4) for n in (1, 2)]
    is_text = checked_schema(store.datastore).id_type is str
    return [str(number) for number in numbers] if is_text else numbers  # type: ignore[misc]


def is_sound(store: Store) -> bool:
    """Tell whether nothing is found, once Cassandra has filled the type view."""
    return store.findings() == {}


def test_what_is_derived_is_made_anew_and_everything_goes_on(restored: Store) -> None:
    with opened(restored.datastore.settings) as datastore:
        result = finish(restore(datastore, write=True))
    assert (result.appended, result.other_tables) == (8, [])
    with opened(restored.datastore.settings) as datastore:
        store = Store(datastore)
        wait_until(lambda: is_sound(store))
        assert sorted(store.log()) == sorted((a, v) for a in ids(store) for v in range(1, 5))
        assert store.recorder.max_notification_id() == 8
        assert CassandraTrackingRecorder(datastore).max_tracking_id("upstream") is None
        for aggregate in ids(store):
            assert CassandraSnapshotRecorder(datastore).select_events(aggregate) == []
            assert store.recorder.insert_events(events(aggregate, 5))
        CassandraTrackingRecorder(datastore).insert_tracking(Tracking("upstream", 1))
        wait_until(lambda: is_sound(store))
        assert len(store.log()) == 10


def test_without_write_nothing_changes(restored: Store) -> None:
    before = restored.findings()
    with opened(restored.datastore.settings) as datastore:
        assert finish(restore(datastore, write=False)).appended == 0
    assert restored.findings() == before
    assert CassandraTrackingRecorder(restored.datastore).max_tracking_id("upstream") == 12


def test_cut_short_at_any_step_nothing_opens_until_it_was_run_again(restored: Store) -> None:
    settings = restored.datastore.settings
    with opened(settings) as datastore:
        steps = sum(1 for _ in restore(datastore, write=True))
    for cut in (1, steps // 2, steps - 1):
        with opened(settings) as datastore:
            operation = restore(datastore, write=True)
            for _ in range(cut):
                next(operation)
            operation.close()
        with opened(settings) as datastore:
            for use in (CassandraApplicationRecorder, CassandraSnapshotRecorder):
                with pytest.raises(ProgrammingError, match=r"restored --write.*Run it again"):
                    use(datastore)
    with opened(settings) as datastore:
        finish(restore(datastore, write=True))
    with opened(settings) as datastore:
        store = Store(datastore)
        wait_until(lambda: is_sound(store))
        assert len(store.log()) == 8


def test_the_id_type_is_the_keyspaces_whatever_the_environment_says(restored: Store) -> None:
    settings = replace(restored.datastore.settings, originator_id_type=None)
    with opened(settings) as datastore:
        finish(restore(datastore, write=True))
    with opened(settings) as datastore:
        store = Store(datastore)
        assert {aggregate for aggregate, _ in store.log()} == set(ids(store))


def test_promises_of_before_do_not_reach_the_new_log(restored: Store) -> None:
    """A server keeps what was promised in conditional writes by the table's id."""
    query = (
        "SELECT id FROM system_schema.tables WHERE keyspace_name = ?"
        " AND table_name = 'notification_log'"
    )
    keyspace_name = restored.datastore.settings.keyspace
    before = restored.cql(query, keyspace_name)
    with opened(restored.datastore.settings) as datastore:
        finish(restore(datastore, write=True))
    assert restored.cql(query, keyspace_name) != before


def test_a_keyspace_without_a_log_gets_none(settings: Settings) -> None:
    with keyspace(settings, notification_log=False) as datastore:
        create_tables(datastore)
        CassandraApplicationRecorder(datastore).insert_events(events(uuid4(), 1))
        assert finish(restore(datastore, write=True)).appended == 0
        with opened(datastore.settings) as other:
            assert CassandraApplicationRecorder(other).insert_events(events(uuid4(), 1)) is None


def test_all_snapshots_are_removed_and_new_ones_taken(restored: Store) -> None:
    snapshots = CassandraSnapshotRecorder(restored.datastore)
    aggregate = ids(restored)[0]
    empty_snapshots(restored.datastore)
    assert snapshots.select_events(aggregate) == []
    snapshots.insert_events([StoredEvent(aggregate, 6, "Snapshot", b"{}")])
    assert len(snapshots.select_events(aggregate)) == 1
