"""How the library's factory finds a view, and makes its table."""

from collections.abc import Iterator

import pytest
from eventsourcing.persistence import ProgrammingError, Tracking
from eventsourcing.popo import POPOTrackingRecorder
from eventsourcing.utils import get_topic

from eventstore_cassandra import CassandraDatastore, CassandraFactory
from tests.store.test_shipped_cases import environment
from tests.store.views.event_counters import EventCounters


@pytest.fixture
def factory(empty_datastore: CassandraDatastore) -> Iterator[CassandraFactory]:
    """A factory whose settings are those of a start at which tables are created."""
    factory = CassandraFactory(environment(empty_datastore.settings) | {"CREATE_TABLE": "yes"})
    yield factory
    factory.close()


def test_a_view_that_is_named_by_topic_gets_its_table(factory: CassandraFactory) -> None:
    factory.env[factory.TRACKING_RECORDER_TOPIC] = get_topic(EventCounters)
    view = factory.tracking_recorder()
    assert isinstance(view, EventCounters)
    view.incr_created_event_counter(Tracking("upstream", 1))
    view.create_table()
    assert view.get_created_event_counter() == 1


def test_a_view_of_another_store_is_refused(factory: CassandraFactory) -> None:
    factory.env[factory.TRACKING_RECORDER_TOPIC] = get_topic(POPOTrackingRecorder)
    with pytest.raises(ProgrammingError, match=r"subclass of CassandraTrackingRecorder.*POPO"):
        factory.tracking_recorder()
