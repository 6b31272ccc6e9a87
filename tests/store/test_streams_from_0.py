"""Streams may begin at version 0, and their versions still rise along the log."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from eventsourcing.persistence import IntegrityError, StoredEvent

from eventstore_cassandra import (
    CassandraApplicationRecorder,
    Settings,
    create_tables,
)
from eventstore_cassandra.append import Append
from tests.store.between_the_steps import HeldBetweenTheSteps
from tests.store.operations.crafting import TOPIC, Store, keyspace


def event(aggregate: object, version: int) -> StoredEvent:
    return StoredEvent(aggregate, version, TOPIC, b"{}")  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def store(settings: Settings) -> Iterator[Store]:
    with keyspace(settings) as datastore:
        create_tables(datastore)
        yield Store(datastore)


def test_versions_follow_on_from_0_and_from_1(store: Store) -> None:
    from_0, from_1 = uuid4(), uuid4()
    for aggregate, version in ((from_0, 0), (from_1, 1), (from_0, 1), (from_1, 2), (from_0, 2)):
        CassandraApplicationRecorder(store.datastore).insert_events([event(aggregate, version)])
    with pytest.raises(IntegrityError):
        store.recorder.insert_events([event(from_0, 1)])
    assert store.log()[-5:] == [(from_0, 0), (from_1, 1), (from_0, 1), (from_1, 2), (from_0, 2)]
    assert store.findings() == {}


def test_version_1_that_was_reserved_before_version_0_gets_another_place(store: Store) -> None:
    """Its writer had not read version 0, whose outcome was unknown to it."""
    aggregate = uuid4()
    held = HeldBetweenTheSteps(store.datastore)
    held.meanwhile.append(lambda: store.recorder.insert_events([event(aggregate, 0)]))
    (position,) = held.insert_events([event(aggregate, 1)]) or []
    assert store.log()[-2:] == [(aggregate, 0), (aggregate, 1)]
    assert store.recorder.max_notification_id() == position
    assert store.findings() == {}


@pytest.mark.parametrize("knew", [True, False])
def test_a_reader_decides_a_version_1_by_what_its_writer_knew(store: Store, *, knew: bool) -> None:
    aggregate = uuid4()
    store.recorder.insert_events([event(aggregate, 0)])
    store.reserve(Append([event(aggregate, 1)], follows_0=knew))
    found = CassandraApplicationRecorder(store.datastore).select_notifications(1, 1000)
    versions = [each.originator_version for each in found if each.originator_id == aggregate]
    assert versions == ([0, 1] if knew else [0])
