"""What the log has accepted, and the aggregate's batch is refused at every try, is passed for good.

Such appends cannot come about any more, since they are checked before; here they are put into the
log unchecked, as if a limit of the server had been lowered since.
"""

from collections.abc import Iterator

import pytest
from eventsourcing.persistence import DataError, StoredEvent

from eventstore_cassandra import CassandraApplicationRecorder, Settings, create_tables
from eventstore_cassandra.append import Append, BarredError
from eventstore_cassandra.counters import Count
from eventstore_cassandra.operations import finish, rebuild_log, status
from tests.store.operations.crafting import TOPIC, Store, keyspace

ID = "p" * 4000


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    """A store of text ids, in which a batch can be larger than a row of the log by far."""
    with keyspace(settings, originator_id_type="text") as datastore:
        create_tables(datastore)
        yield Store(datastore)


def too_large(first: int, *, of: str = ID) -> Append:
    """Return an append whose batch has 20 MB, since its id is in there 5,000 times."""
    versions = range(first, first + 5_000)
    return Append([StoredEvent(of, version, TOPIC, b"{}") for version in versions])


def event(version: int, *, of: str = ID) -> StoredEvent:
    return StoredEvent(of, version, TOPIC, b"{}")


@pytest.mark.parametrize("first", [1, 2])
def test_readers_pass_an_intent_that_is_always_refused(store: Store, first: int) -> None:
    before = [event(version) for version in range(1, first)]
    if before:
        store.recorder.insert_events(before)
    refused = too_large(first)
    store.reserve(refused)
    store.recorder.insert_events([event(1, of="another")])
    assert status(store.datastore).pending != []
    report = store.verify()
    assert (report.pending, report.barred) == (1, 0)

    for _ in range(2):
        reader = CassandraApplicationRecorder(store.datastore)
        found = reader.select_notifications(1, 20_000)
        assert [notification.originator_id for notification in found] == [ID] * len(before) + [
            "another"
        ]
    told = status(store.datastore)
    assert (told.pending, [intent.append_id for intent in told.barred]) == ([], [refused.append_id])
    report = store.verify()
    assert (report.pending, report.barred, report.findings) == (0, 1, [])
    assert report.aggregates == (1 if first == 1 else 2)
    assert finish(rebuild_log(store.datastore, write=True)).appended == 0

    # It is final: the writer is told so when it comes at last, and others may go on.
    with pytest.raises(BarredError, match="Nothing was written"):
        store.recorder._decide(refused, is_intent=True)
    store.recorder.insert_events([event(first)])
    assert store.log()[-1] == (ID, first)
    assert store.recorder.select_events(ID)[-1].originator_version == first


def test_a_writer_that_is_refused_after_the_reservation_says_truly_that_nothing_was_written(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store.recorder, "_checked", lambda events, _request: Append(events))
    with pytest.raises(BarredError, match=r"exceeds allowed maximum.*Nothing was written"):
        store.recorder.insert_events(list(too_large(1).events))
    assert store.datastore.counters.values()[Count.BARRED] == 1
    monkeypatch.undo()
    store.recorder.insert_events([event(1)])
    assert store.log() == [(ID, 1)]


def test_more_statements_than_a_batch_can_have_are_refused_before_anything_is_sent(
    store: Store,
) -> None:
    with pytest.raises(DataError, match="Nothing was written"):
        store.recorder.insert_events([event(v, of="p") for v in range(1, 65_536)])
    assert status(store.datastore).head == 0


def test_readers_pass_an_intent_whose_aggregate_has_gone_back(store: Store) -> None:
    """It was restored from a backup that is older than the log, say."""
    for version in (1, 2, 3):
        store.recorder.insert_events([event(version)])
    store.cql("DELETE FROM {keyspace}.events WHERE id = ? AND version > 1", ID)
    store.cql("UPDATE {keyspace}.events SET current_version = 1 WHERE id = ?", ID)
    store.recorder.insert_events([event(1, of="another")])
    for _ in range(2):
        reader = CassandraApplicationRecorder(store.datastore)
        found = reader.select_notifications(1, 10)
        assert [n.originator_id for n in found][-1] == "another"
    assert status(store.datastore).pending == []
    last = reader.select_events(ID)[-1].originator_version
    reader.insert_events([event(last + 1)])
    assert store.log()[-1] == (ID, last + 1)
