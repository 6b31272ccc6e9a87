"""A registry that was lost, or is older than the events: nothing is read as what it is not."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from eventsourcing.persistence import OperationalError, ProgrammingError, StoredEvent

from eventstore_cassandra import CassandraAggregateRecorder, CassandraApplicationRecorder
from eventstore_cassandra.event_types import EventTypes
from eventstore_cassandra.operations import finish, restore
from eventstore_cassandra.shared_settings import change_settings
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
    [event] = CassandraAggregateRecorder(lost.datastore).select_events(AGGREGATE)
    assert event.topic.startswith("unregistered event type ")


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


def test_a_type_of_another_program_is_given_a_topic(store: Store) -> None:
    number = store.event_types.type_of(f"Own {uuid4()}") + 1
    store.insert_like_the_original(AGGREGATE, 1, type_=number)
    recorder = CassandraAggregateRecorder(store.datastore)
    with pytest.raises(OperationalError, match=r"another program .* register_event_types\(\)"):
        recorder.insert_events([StoredEvent(uuid4(), 1, ANOTHER, b"{}")])
    [event] = recorder.select_events(AGGREGATE)
    assert event.topic == f"unregistered event type {number}"
    for wrong in (number + 1, -1, 2**31):
        with pytest.raises(ProgrammingError, match="only if there are events of them"):
            recorder.register_event_types({"Foreign": wrong})
    foreign = f"Foreign {uuid4()}"
    recorder.register_event_types({foreign: number})
    (event,) = recorder.select_events(AGGREGATE)
    assert event.topic == foreign
    recorder.insert_events([StoredEvent(uuid4(), 1, ANOTHER, b"{}")])
    assert recorder.event_types.type_of(ANOTHER) == number + 1
    for topic in (foreign, ANOTHER):
        store.cql(_LOSE, topic)


@pytest.mark.parametrize("log", ["yes", "no"])
def test_a_restore_ends_at_types_that_the_registry_lacks(lost: Store, log: str) -> None:
    """While the type view is built, nobody else would find that out."""
    change_settings(lost.datastore, {"notification_log": log})
    with pytest.raises(OperationalError, match="event_types was lost"):
        finish(restore(lost.datastore, write=True))
    with pytest.raises(ProgrammingError, match="has not come to its end"):
        CassandraAggregateRecorder(lost.datastore)
    lost.cql(_GIVE_BACK, TOPIC, lost.recorder.event_types.type_of(TOPIC))
    finish(restore(lost.datastore, write=True))
    change_settings(lost.datastore, {"notification_log": "yes"})


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
