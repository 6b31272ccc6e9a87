"""A row of an event that is not whole is read again, and is never taken for an event.

One server is one replica, which a serial read cannot complete: so what such a read finds is put in
its place here, between the two reads. The faults on three nodes have the real thing.
"""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import OperationalError, StoredEvent

from eventstore_cassandra import CassandraDatastore, Settings, create_tables
from eventstore_cassandra.profiles import SERIAL_READ
from tests.store.operations.crafting import Store, keyspace

STATE = b'{"version":1}'


class CompletedAtSerial(CassandraDatastore):
    """Carries out something before the first serial read, as if that had found it decided."""

    complete: Callable[[], object] | None = None

    def execute(self, statement: Any, profile: str | None = None) -> Any:
        if profile == SERIAL_READ and self.complete:
            complete, self.complete = self.complete, None
            complete()
        return super().execute(statement, profile)


@pytest.fixture(scope="module")
def store(settings: Settings) -> Iterator[Store]:
    """A keyspace of its own, since the rows that are harmed here stay so."""
    with keyspace(settings) as datastore:
        create_tables(datastore)
        yield Store(datastore)


@pytest.fixture
def topic() -> str:
    return f"Happened-{uuid4()}"


@pytest.fixture
def aggregate(store: Store, topic: str) -> UUID:
    """An aggregate with one event."""
    aggregate = uuid4()
    store.recorder.insert_events([StoredEvent(aggregate, 1, topic, STATE)])
    return aggregate


def take_away(store: Store, aggregate: UUID, columns: str) -> Callable[[], object]:
    """Take columns away from the one event, and return what gives them back."""
    ((savetime, *values),) = store.cql(
        f"SELECT savetime, {columns} FROM {{keyspace}}.events WHERE id = ? AND version = 1",
        aggregate,
    )
    row = " WHERE id = ? AND version = 1 AND savetime = ?"
    store.cql(f"DELETE {columns} FROM {{keyspace}}.events{row}", aggregate, savetime)
    setters = ", ".join(f"{column} = ?" for column in columns.split(", "))
    return lambda: store.cql(
        f"UPDATE {{keyspace}}.events SET {setters}{row}", *values, aggregate, savetime
    )


@pytest.mark.parametrize("columns", ["type", "payload", "type, payload"])
def test_an_event_that_is_shown_in_part_is_read_again(
    store: Store, aggregate: UUID, topic: str, columns: str
) -> None:
    datastore = CompletedAtSerial(store.datastore.settings)
    recorder = type(store.recorder)(datastore)
    datastore.complete = take_away(store, aggregate, columns)
    (event,) = recorder.select_events(aggregate)
    datastore.close()
    assert event == StoredEvent(aggregate, 1, topic, STATE)


@pytest.mark.parametrize("columns", ["type", "payload"])
def test_an_event_that_stays_in_part_is_an_error(
    store: Store, aggregate: UUID, topic: str, columns: str
) -> None:
    take_away(store, aggregate, columns)
    with pytest.raises(OperationalError, match=f"Expected version 1 of {aggregate} with its type"):
        store.recorder.select_events(aggregate)


def test_the_type_view_gives_the_state_from_the_aggregate_where_it_has_none(
    store: Store, aggregate: UUID, topic: str
) -> None:
    datastore = CompletedAtSerial(store.datastore.settings)
    recorder = type(store.recorder)(datastore)
    recorder.event_types.type_of(topic)
    datastore.complete = take_away(store, aggregate, "payload")
    ((_, event),) = recorder.select_events_by_type(topic, limit=10)
    datastore.close()
    assert event == StoredEvent(aggregate, 1, topic, STATE)


def test_an_event_of_the_type_view_without_a_state_anywhere_is_an_error(
    store: Store, aggregate: UUID, topic: str
) -> None:
    take_away(store, aggregate, "payload")
    with pytest.raises(OperationalError, match="which is in the type view, with a state"):
        store.recorder.select_events_by_type(topic, limit=10)


def test_an_empty_state_is_whole(store: Store, topic: str) -> None:
    aggregate = uuid4()
    store.recorder.insert_events([StoredEvent(aggregate, 1, topic, b"")])
    assert [event.state for event in store.recorder.select_events(aggregate)] == [b""]
    ((_, event),) = store.recorder.select_events_by_type(topic, limit=10)
    assert event.state == b""
