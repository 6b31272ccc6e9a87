"""The library's cases for materialised views, unmodified, on the view of event counters."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from eventsourcing.persistence import TrackingRecorder
from eventsourcing.tests import persistence, projection

from eventstore_cassandra import CassandraDatastore
from tests.store.test_shipped_cases import environment
from tests.store.views.event_counters import EventCounters


class TestEventCountersView(projection.EventCountersViewTestCase):
    @pytest.fixture(autouse=True)
    def _connect(self, empty_datastore: CassandraDatastore) -> None:
        self.datastore = empty_datastore

    def construct_event_counters_view(self) -> projection.EventCountersView:
        view = EventCounters(self.datastore)
        view.create_table()
        return view


class TestViewAsTrackingRecorder(persistence.TrackingRecorderTestCase):
    @pytest.fixture(autouse=True)
    def _connect(self, empty_datastore: CassandraDatastore) -> None:
        self.datastore = empty_datastore

    def create_recorder(self) -> TrackingRecorder:
        view = EventCounters(self.datastore)
        view.create_table()
        return view


class TestEventCountersProjection(projection.AggregateEventCountersProjectionTestCase):
    @pytest.fixture(autouse=True)
    def _environment(self, empty_datastore: CassandraDatastore) -> Iterator[None]:
        type(self).env = environment(empty_datastore.settings)
        EventCounters(empty_datastore).create_table()
        with ExitStack() as connections:

            class ClosedAtTheEnd(EventCounters):
                # The library's runner closes the application's connection, not the view's.
                def __init__(self, datastore: CassandraDatastore) -> None:
                    super().__init__(datastore)
                    connections.callback(datastore.close)

            self.view_class = ClosedAtTheEnd
            yield
