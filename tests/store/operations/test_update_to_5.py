"""From version 4 to 5: nothing is lost, also while writers of the version before still run."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import ProgrammingError

from eventstore_cassandra import (
    CassandraAggregateRecorder,
    CassandraApplicationRecorder,
    CassandraDatastore,
    Settings,
    create_tables,
)
from eventstore_cassandra.notification_log.buckets import Buckets
from eventstore_cassandra.schema_version import VERSION
from eventstore_cassandra.updates import update_tables
from tests.store.operations.crafting import Store, events, keyspace
from tests.store.operations.test_schema_version import columns, write_row
from tests.store.operations.version_4 import WriterOfVersion4, make_version_4

BUCKETS = Buckets(10)
APPENDS = 25


@pytest.fixture
def before(settings: Settings) -> Iterator[WriterOfVersion4]:
    """A writer of version 4, with tables of that version."""
    with keyspace(settings, log_bucket_size=BUCKETS.size) as datastore:
        create_tables(datastore)
        recorder = CassandraAggregateRecorder(datastore)
        make_version_4(datastore)
        yield WriterOfVersion4(recorder, BUCKETS)


@pytest.fixture
def fresh(before: WriterOfVersion4) -> Iterator[CassandraDatastore]:
    """A connection of its own to the same keyspace."""
    with closing(CassandraDatastore(before._datastore.settings)) as datastore:
        yield datastore


def test_what_was_appended_before_can_be_read_and_extended_after(
    before: WriterOfVersion4, fresh: CassandraDatastore
) -> None:
    aggregate = uuid4()
    assert [before.append(aggregate, version) for version in range(1, 13)] == list(range(1, 13))
    with pytest.raises(ProgrammingError, match=r"found version 4\..*patientmgmt store update"):
        CassandraApplicationRecorder(fresh)
    note, *_ = update_tables(fresh)
    assert note.startswith("# Version 5")

    store = Store(fresh)
    assert store.log() == [(aggregate, version) for version in range(1, 13)]
    assert store.recorder.insert_events(events(aggregate, 13, 14)) == [13, 14]
    store.announce(store.append_of(aggregate, 14), bucket=5)
    assert store.log() == [(aggregate, version) for version in range(1, 15)]
    assert store.findings() == {}


def test_a_writer_of_before_beside_new_ones_loses_and_doubles_nothing(
    before: WriterOfVersion4, fresh: CassandraDatastore
) -> None:
    update_tables(fresh)
    old, *new = (uuid4() for _ in range(5))
    before.append(old, 1)

    def append_with(recorder: CassandraApplicationRecorder, aggregate: UUID) -> list[int]:
        found: list[int] = []
        for version in range(1, APPENDS + 1):
            found += recorder.insert_events(events(aggregate, version)) or []
        return found

    with ThreadPoolExecutor(len(new) + 1) as pool:
        recorders = [CassandraApplicationRecorder(fresh) for _ in new]
        futures = [pool.submit(append_with, *each) for each in zip(recorders, new, strict=True)]
        olds = [1, *(before.append(old, version) for version in range(2, APPENDS + 1))]
        positions = {old: olds} | {
            id_: future.result() for id_, future in zip(new, futures, strict=True)
        }

    store = Store(fresh)
    notifications = store.recorder.select_notifications(1, 1_000)
    assert [n.id for n in notifications] == list(range(1, 5 * APPENDS + 1))
    for aggregate, got in positions.items():
        told = [(n.id, n.originator_version) for n in notifications if n.originator_id == aggregate]
        assert told == list(zip(got, range(1, APPENDS + 1), strict=True))
    assert store.findings() == {}


@pytest.mark.parametrize("is_set", [True, False])
def test_a_lobby_has_ids_of_the_keyspace_s_type(settings: Settings, is_set: bool) -> None:
    with keyspace(settings, originator_id_type="text") as fresh:
        create_tables(fresh)
        made = columns(fresh)
        make_version_4(fresh)
        fresh.settings = replace(fresh.settings, originator_id_type="text" if is_set else None)
        assert len(update_tables(fresh)) == VERSION - 4
        assert columns(fresh) == made


def test_a_log_of_before_is_told_by_what_it_lacks_whatever_the_row_says(
    before: WriterOfVersion4, fresh: CassandraDatastore
) -> None:
    write_row(fresh, VERSION)
    for use in (create_tables, CassandraApplicationRecorder):
        with pytest.raises(ProgrammingError, match=r"found version 4\..*updates/5\.md"):
            use(fresh)
    update_tables(fresh)
    assert CassandraApplicationRecorder(fresh).insert_events(events(uuid4(), 1)) == [1]
