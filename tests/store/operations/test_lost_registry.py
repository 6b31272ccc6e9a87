"""A registry that was lost, or is older than the events: nothing is read as what it is not."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from eventsourcing.persistence import OperationalError, StoredEvent

from eventstore_cassandra import CassandraAggregateRecorder, CassandraApplicationRecorder
from eventstore_cassandra.event_types import EventTypes
from tests.store.operations.crafting import Store

AGGREGATE, TOPIC, ANOTHER = uuid4(), f"Lost {uuid4()}", f"Another {uuid4()}"
_LOSE = "DELETE FROM {keyspace}.event_types WHERE registry = 'default' AND topic = ? IF EXISTS"
_GIVE_BACK = (
    "INSERT INTO {keyspace}.event_types (registry, topic, type) VALUES ('default', ?, ?)"
    " IF NOT EXISTS"
)


@pytest.fixture
def lost(store: Store) -> Iterator[Store]:
    """A store with an event of the latest topic, which the registry has lost."""
    store.recorder.insert_events([StoredEvent(AGGREGATE, 1, TOPIC, b"{}")])
    store.cql(_LOSE, TOPIC)
    yield store
    store.cql(_LOSE, TOPIC)


def test_no_integer_is_given_out_under_which_events_stand(lost: Store) -> None:
    number = lost.recorder.event_types.type_of(TOPIC)
    recorder, aggregate = CassandraApplicationRecorder(lost.datastore), uuid4()
    for topic in (ANOTHER, TOPIC):
        with pytest.raises(OperationalError, match=f"free event type, {number}, found some") as e:
            recorder.insert_events([StoredEvent(aggregate, 1, topic, b"{}")])
        assert "Nothing was written" in str(e.value)
        assert recorder.event_types.known_type_of(topic) is None
    lost.cql(_GIVE_BACK, TOPIC, number)
    recorder.insert_events([StoredEvent(aggregate, 1, ANOTHER, b"{}")])
    assert recorder.event_types.type_of(ANOTHER) == number + 1
    lost.cql(_LOSE, ANOTHER)


def test_events_of_the_lost_types_are_told(lost: Store) -> None:
    finding, *others = lost.verify().findings
    assert not others
    assert finding.check.sentence == "events of a type that the registry event_types does not have"
    assert (finding.count, finding.first) == (1, [f"{AGGREGATE} version 1"])
    with pytest.raises(OperationalError, match="event_types was lost: restore it"):
        CassandraAggregateRecorder(lost.datastore).select_events(AGGREGATE)


def test_an_application_gives_its_topics_their_integers_again(store: Store) -> None:
    store.recorder.register_event_types({TOPIC: 7})
    event = StoredEvent(AGGREGATE, 1, TOPIC, b"{}")
    store.recorder.insert_events([event])
    store.cql(_LOSE, TOPIC)
    recorder = CassandraAggregateRecorder(store.datastore)
    recorder.register_event_types({TOPIC: 7})
    assert list(recorder.select_events(AGGREGATE)) == [event]
    assert store.findings() == {}
    store.cql(_LOSE, TOPIC)


class Overtaken(EventTypes):
    """Is overtaken by another process, which gives its integer to another topic."""

    rival: CassandraAggregateRecorder | None = None

    def _is_used(self, number: int) -> bool:
        if self.rival:
            self.rival.insert_events([StoredEvent(uuid4(), 1, "The rival's", b"{}")])
            self.rival = None
        return super()._is_used(number)


def test_an_integer_that_another_process_was_given_meanwhile_is_not_lost(store: Store) -> None:
    overtaken = Overtaken(store.datastore, attempts=1)
    overtaken.rival = CassandraAggregateRecorder(store.datastore)
    assert overtaken.type_of("Mine") == overtaken.type_of("The rival's") + 1
