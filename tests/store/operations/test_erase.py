"""``erase`` takes the contents of one aggregate out of everything, and nothing brings them back."""

from collections.abc import Sequence
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import IntegrityError, Notification, StoredEvent

from eventstore_cassandra import (
    ERASED_TOPIC,
    AggregateErasedError,
    CassandraApplicationRecorder,
    CassandraDatastore,
    CassandraSnapshotRecorder,
)
from eventstore_cassandra.append import ERASED_AT, Append
from eventstore_cassandra.operations import Erasure, erase, finish, rebuild_log
from eventstore_cassandra.operations.scan import LogScan
from tests.store.operations.crafting import TOPIC, Store, events

SECRET = b"Ida Moe"


def secrets(aggregate: UUID, *versions: int) -> list[StoredEvent]:
    return [StoredEvent(aggregate, version, TOPIC, SECRET) for version in versions]


def erased(store: Store, aggregate: UUID) -> Erasure:
    return finish(erase(store.datastore, aggregate, write=True))


def counted(store: Store, aggregate: UUID) -> Erasure:
    return finish(erase(store.datastore, aggregate, write=False))


def tables_with(store: Store, secret: bytes = SECRET) -> set[str]:
    """Return the tables in whose rows the secret stands."""
    tables = ("events", "events_by_type", "notification_log", "snapshots")
    text = secret.decode()
    return {
        table
        for table in tables
        for row in store.cql(f"SELECT * FROM {{keyspace}}.{table}")
        if text in repr(row)
    }


def notifications(store: Store) -> Sequence[Notification]:
    """Return what a reader of the log gets who begins now, with nothing in memory."""
    return CassandraApplicationRecorder(store.datastore).select_notifications(1, 100_000)


def test_nothing_is_left_but_erased_events_at_their_positions(store: Store) -> None:
    aggregate, other = uuid4(), uuid4()
    store.recorder.insert_events(secrets(aggregate, 1))
    store.recorder.insert_events(events(other, 1))
    store.recorder.insert_events(secrets(aggregate, 2, 3))
    store.recorder.insert_events(events(other, 2))
    CassandraSnapshotRecorder(store.datastore).insert_events(secrets(aggregate, 2))
    before = notifications(store)
    found = counted(store, aggregate)
    assert (found.is_known, found.erased) == (True, None)
    assert (found.events, found.logged, found.snapshots) == (3, 3, 1)
    assert notifications(store) == before

    done = erased(store, aggregate)
    assert done.erased is not None
    assert (done.events, done.logged, done.snapshots) == (3, 3, 1)
    assert tables_with(store) == set()
    assert store.recorder.select_events(aggregate) == []
    assert [event.originator_version for event in store.recorder.select_events(other)] == [1, 2]
    after = notifications(store)
    assert [(n.id, n.originator_id, n.originator_version) for n in after] == [
        (n.id, n.originator_id, n.originator_version) for n in before
    ]
    assert [n.topic for n in after] == [ERASED_TOPIC, TOPIC, ERASED_TOPIC, ERASED_TOPIC, TOPIC]
    assert {n.state for n in after if n.topic == ERASED_TOPIC} == {b"{}"}
    assert [n for n in after if n.originator_id == other] == [
        n for n in before if n.originator_id == other
    ]
    assert store.findings() == {}


def test_erasing_again_finds_nothing_and_keeps_the_time(store: Store) -> None:
    aggregate = uuid4()
    store.recorder.insert_events(secrets(aggregate, 1))
    first = erased(store, aggregate)
    second = erased(store, aggregate)
    assert second == Erasure(is_known=True, erased=first.erased)
    assert counted(store, aggregate) == second


def test_an_id_that_never_was_is_told_and_nothing_is_written(store: Store) -> None:
    store.recorder.insert_events(events(uuid4(), 1))
    unknown = uuid4()
    for write in (False, True):
        found = finish(erase(store.datastore, unknown, write=write))
        assert found == Erasure(is_known=False, erased=None)
    assert store.cql("SELECT current_version FROM {keyspace}.events WHERE id = ?", unknown) == []


def test_an_append_is_refused_with_a_sentence_by_who_knew_the_aggregate_and_by_who_did_not(
    store: Store,
) -> None:
    aggregate = uuid4()
    store.recorder.insert_events(secrets(aggregate, 1))
    erased(store, aggregate)
    writers = [store.recorder, CassandraApplicationRecorder(store.datastore), store.without_log]
    for writer in writers:
        for version in (1, 2, 3):
            with pytest.raises(AggregateErasedError, match=rf"{aggregate} .* it is erased\."):
                writer.insert_events(secrets(aggregate, version))
    assert tables_with(store) == set()
    assert store.findings() == {}


def test_the_largest_version_is_kept_for_erased_aggregates(store: Store) -> None:
    aggregate = uuid4()
    store.cql(
        "UPDATE {keyspace}.events SET current_version = ? WHERE id = ? IF current_version = null",
        ERASED_AT - 1,
        aggregate,
    )
    with pytest.raises(IntegrityError, match="found it at version") as raised:
        store.recorder.insert_events(events(aggregate, 5))
    assert not isinstance(raised.value, AggregateErasedError)


def test_an_append_that_nobody_decided_is_overtaken_and_its_contents_go(store: Store) -> None:
    aggregate = uuid4()
    store.recorder.insert_events(secrets(aggregate, 1))
    store.reserve(Append(secrets(aggregate, 2, 3)))
    assert counted(store, aggregate).logged == 3
    assert erased(store, aggregate).logged == 3
    assert [n.originator_version for n in notifications(store)] == [1]
    assert tables_with(store) == set()
    assert store.findings() == {}


def test_a_creation_that_nobody_decided_can_be_erased(store: Store) -> None:
    aggregate = uuid4()
    store.reserve(Append(secrets(aggregate, 1)))
    found = counted(store, aggregate)
    assert (found.is_known, found.events, found.logged) == (True, 0, 1)
    assert erased(store, aggregate).logged == 1
    assert notifications(store) == []
    assert store.recorder.select_events(aggregate) == []
    assert tables_with(store) == set()
    assert store.findings() == {}


@pytest.mark.parametrize("mark", [True, False, None])
def test_what_a_row_says_of_its_outcomes_stays_true(store: Store, mark: bool | None) -> None:
    aggregate = uuid4()
    store.without_log.insert_events(secrets(aggregate, 1))
    append = store.append_of(aggregate, 1)
    if mark is False:
        store.reserve(append, mark=True)
        store.reserve(Append(secrets(aggregate, 1)), mark=False)
    else:
        store.reserve(append, mark=mark)
    erased(store, aggregate)
    (notification,) = notifications(store)
    assert (notification.id, notification.topic) == (1, ERASED_TOPIC)
    assert tables_with(store) == set()


def test_an_append_whose_answer_was_lost_recognises_itself(store: Store) -> None:
    aggregate = uuid4()
    append = Append(secrets(aggregate, 1, 2))
    store.reserve(append)
    store.recorder._decide(append, is_intent=True)
    erased(store, aggregate)
    store.recorder._decide(append, is_intent=True)
    assert [n.originator_version for n in notifications(store)] == [1, 2]
    assert tables_with(store) == set()


def test_a_reader_that_has_the_contents_in_memory_cannot_bring_them_back(store: Store) -> None:
    aggregate = uuid4()
    store.recorder.insert_events(events(aggregate, 1))
    pending = Append(secrets(aggregate, 2))
    store.reserve(pending)
    erased(store, aggregate)
    with pytest.raises(AggregateErasedError):
        store.recorder._decide(pending, is_intent=True)
    assert store.recorder.select_events(aggregate) == []
    assert tables_with(store) == set()


def test_others_in_the_same_rows_of_the_log_keep_what_they_have(store: Store) -> None:
    ids = [uuid4() for _ in range(4)]
    appends = [
        Append(secrets(ids[0], 1)),
        Append(events(ids[1], 1, 2)),
        Append(secrets(ids[2], 1)),
        Append(events(ids[3], 1)),
    ]
    scan = LogScan(store.datastore, store.event_types)
    entries = [scan.table.encode(append) for append in appends]
    scan.table.reserve(scan.table.batch(scan.end, entries, []))
    for aggregate in (ids[0], ids[2]):
        assert erased(store, aggregate).logged == 1
    assert [n.originator_id for n in notifications(store)] == [ids[1], ids[1], ids[3]]
    assert [n.state for n in notifications(store)] == [
        event.state for event in (*events(ids[1], 1, 2), *events(ids[3], 1))
    ]
    assert tables_with(store) == set()


def test_a_large_aggregate_in_many_buckets(store: Store) -> None:
    aggregate = uuid4()
    for first in range(1, 10_001, 1_000):
        store.without_log.insert_events(secrets(aggregate, *range(first, first + 1_000)))
    for _ in range(30):
        store.recorder.insert_events(events(uuid4(), 1))
    done = erased(store, aggregate)
    assert (done.events, done.logged) == (10_000, 0)
    assert tables_with(store) == set()
    assert store.findings() == {}


def test_the_log_is_rebuilt_without_erased_aggregates(store: Store) -> None:
    aggregate, other = uuid4(), uuid4()
    store.without_log.insert_events(secrets(aggregate, 1, 2))
    store.without_log.insert_events(events(other, 1))
    erased(store, aggregate)
    assert store.findings() == {"MISSING_IN_LOG": 1}
    assert finish(rebuild_log(store.datastore, write=True)).appended == 1
    assert store.log() == [(other, 1)]
    assert store.findings() == {}


def test_whoever_erases_elsewhere_is_told_the_events_until_they_are_blank(store: Store) -> None:
    aggregate = uuid4()
    store.recorder.insert_events(secrets(aggregate, 1, 2))
    store.insert_like_the_original(aggregate, 3, type_=77)
    told: list[Sequence[StoredEvent]] = []
    for _ in range(2):
        finish(erase(store.datastore, aggregate, write=True, elsewhere=told.append))
    assert told == [secrets(aggregate, 1, 2), []]


def test_an_id_that_is_a_text(texts: CassandraDatastore) -> None:
    store = Store(texts)
    store.recorder.insert_events([StoredEvent("patient-7", 1, TOPIC, SECRET)])
    assert finish(erase(texts, "patient-7", write=True)).logged == 1
    assert tables_with(store) == set()
    with pytest.raises(AggregateErasedError, match="patient-7"):
        store.recorder.insert_events([StoredEvent("patient-7", 1, TOPIC, SECRET)])
    assert store.findings() == {}
