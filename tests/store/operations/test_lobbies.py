"""Appends that processes have announced, and which are in no row: erased, and else not there."""

from collections.abc import Callable
from contextlib import closing
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import StoredEvent

from eventstore_cassandra import (
    CassandraApplicationRecorder,
    CassandraDatastore,
    Settings,
    create_tables,
)
from eventstore_cassandra.append import Append, Applied
from eventstore_cassandra.notification_log.combine_steps import Combine, Look, Withdraw
from eventstore_cassandra.notification_log.lobby import Group
from eventstore_cassandra.notification_log.reserve_steps import Place
from eventstore_cassandra.notification_log.table import Mark
from eventstore_cassandra.operations import erase, finish, rebuild_log, restore, status
from eventstore_cassandra.operations.scan import LogScan
from tests.store.operations.crafting import TOPIC, Store, events, keyspace
from tests.store.operations.test_erase import SECRET, counted, erased, secrets, tables_with
from tests.store.projections.waiting import wait_until


def groups(store: Store, bucket: int) -> set[UUID]:
    """Return the processes whose groups stand in the lobby of a bucket."""
    return {g.process for g in store.lobby().look(Look(bucket, with_groups=True)).groups}


@pytest.mark.parametrize("full", [0, 9, 10, 25])
def test_what_waits_is_erased_also_where_a_bucket_has_no_rows_yet(store: Store, full: int) -> None:
    aggregate, other = uuid4(), uuid4()
    store.without_log.insert_events(secrets(aggregate, 1))
    for _ in range(full):
        store.recorder.insert_events(events(uuid4(), 1))
    buckets = range(full // 10 + 2)
    for bucket in buckets:
        store.announce(
            Append(events(uuid4(), 1)), Append(secrets(aggregate, 2)), bucket=bucket, number=9
        )
    last = buckets[-1]
    kept = store.announce(Append(events(other, 1)), bucket=last)
    assert tables_with(store) == {"events", "events_by_type", "notification_log"}
    assert counted(store, aggregate).logged == 0
    assert len(groups(store, last)) == 2

    assert erased(store, aggregate).logged == 0
    assert tables_with(store) == set()
    assert groups(store, last) == {kept.process}
    assert store.findings() == {}


def test_what_was_served_is_erased_in_its_row_and_where_it_waited(store: Store) -> None:
    aggregate = uuid4()
    served = store.announce(Append(secrets(aggregate, 1)))
    assert store.lobby().combine(Combine(Place(0, None, 1), [served], {}), []) == Applied()
    assert store.log() == [(aggregate, 1)]
    assert erased(store, aggregate).logged == 1
    assert tables_with(store) == set()
    assert store.findings() == {}


def test_an_aggregate_of_which_there_is_nothing_but_an_announcement_can_be_erased(
    store: Store,
) -> None:
    aggregate = uuid4()
    store.announce(Append(secrets(aggregate, 1)))
    found = counted(store, aggregate)
    assert (found.is_known, found.events, found.logged) == (True, 0, 0)
    assert erased(store, aggregate).erased is not None
    assert tables_with(store) == set()
    assert groups(store, 0) == set()


def test_what_waits_under_a_text_is_erased(texts: CassandraDatastore) -> None:
    store = Store(texts)
    store.announce(Append([StoredEvent("patient-7", 1, TOPIC, SECRET)]))
    assert finish(erase(texts, "patient-7", write=True)).is_known
    assert tables_with(store) == set()


def announced(store: Store, bucket: int) -> None:
    store.announce(Append(events(uuid4(), 1)), bucket=bucket)


def withdrawn(store: Store, bucket: int) -> None:
    group = store.group(Append(events(uuid4(), 1)))
    assert store.lobby().withdraw(Withdraw(bucket, group, None)) == Applied()


@pytest.mark.parametrize("leave", [announced, withdrawn])
@pytest.mark.parametrize("full", [0, 10])
def test_a_bucket_that_has_nothing_but_a_lobby_is_as_if_it_were_not_there(
    store: Store, full: int, leave: Callable[[Store, int], None]
) -> None:
    aggregate = uuid4()
    for version in range(1, full + 1):
        store.recorder.insert_events(events(aggregate, version))
    before, log, report = status(store.datastore), store.log(), store.verify()
    for bucket in (full // 10, full // 10 + 1):
        leave(store, bucket)

    reader = CassandraApplicationRecorder(store.datastore)
    found = status(store.datastore)
    assert (found.buckets, found.head, found.decided_up_to) == (full // 10, full, full)
    assert (found.pending, found.unmarked) == (before.pending, before.unmarked)
    assert store.verify() == report
    assert reader.max_notification_id() == (full or None)
    assert [n.id for n in reader.select_notifications(1, 100)] == list(range(1, full + 1))
    assert finish(rebuild_log(store.datastore, write=True)).appended == 0
    assert store.log() == log

    store.without_log.insert_events(events(aggregate, full + 1))
    assert finish(rebuild_log(store.datastore, write=True)).appended == 1
    CassandraApplicationRecorder(store.datastore).insert_events(events(aggregate, full + 2))
    assert [version for id_, version in store.log() if id_ == aggregate] == list(range(1, full + 3))
    assert store.findings() == {}


def test_a_lobby_is_not_in_the_way_of_a_restore(settings: Settings) -> None:
    with keyspace(settings, log_bucket_size=3) as datastore:
        create_tables(datastore)
        store, aggregate = Store(datastore), uuid4()
        for version in range(1, 7):
            store.recorder.insert_events(events(aggregate, version))
        for bucket in (1, 2, 3):
            store.announce(Append(events(uuid4(), 1)), bucket=bucket)
        assert finish(restore(datastore, write=True)).appended == 6
        with closing(CassandraDatastore(datastore.settings)) as again:
            after = Store(again)
            assert [groups(after, bucket) for bucket in (1, 2, 3)] == [set()] * 3
            assert after.log() == [(aggregate, version) for version in range(1, 7)]
            wait_until(lambda: after.findings() == {})


def shared_row(store: Store, *parts: Group) -> LogScan:
    """Have the groups of several processes in the first row of the log."""
    assert store.lobby().combine(Combine(Place(0, None, 1), parts, {}), []) == Applied()
    return LogScan(store.datastore, store.event_types)


def test_a_scan_reads_the_outcomes_that_each_process_has_written(store: Store) -> None:
    appends = [Append(events(uuid4(), *range(1, size + 1))) for size in (1, 2, 1, 1)]
    parts = [store.group(*appends[:2]), store.group(appends[2]), store.group(appends[3])]
    scan = shared_row(store, *parts)
    for mark in (Mark(0, 5, [True, False], 1), Mark(0, 5, [False], 5)):
        batch = scan.table.row(Place(9, None, 91), [], [])
        batch.clear()
        scan.table.add_marks(batch, [mark])
        store.datastore.session.execute(batch)
    (stretch,) = scan.proceed()
    assert [(each.first, each.committed) for each in stretch.appends] == [
        (1, True),
        (2, False),
        (4, None),
        (5, False),
    ]


def test_a_mark_that_is_not_true_in_a_row_of_several_processes_is_found(store: Store) -> None:
    parts = [store.group(Append(events(uuid4(), 1))) for _ in range(2)]
    shared_row(store, *parts)
    assert store.verify().pending == 2
    mark = "UPDATE {keyspace}.notification_log SET outcomes[?] = ? WHERE bucket = 0 AND last = 2"
    store.cql(mark, 2, [True])
    assert store.findings() == {"UNFOUNDED": 1}
    report = store.verify()
    assert (report.pending, report.positions) == (1, 2)
