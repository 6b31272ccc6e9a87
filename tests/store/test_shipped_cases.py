"""The cases that the event sourcing library ships for recorders and factories, unmodified."""

from collections.abc import Iterator

import pytest
from eventsourcing.persistence import AggregateRecorder
from eventsourcing.tests.persistence import (
    AggregateRecorderTestCase,
    ApplicationRecorderTestCase,
    InfrastructureFactoryTestCase,
    NonInterleavingNotificationIDsBaseCase,
    TrackingRecorderTestCase,
)
from eventsourcing.utils import Environment

from eventstore_cassandra import (
    CassandraAggregateRecorder,
    CassandraApplicationRecorder,
    CassandraDatastore,
    CassandraFactory,
    CassandraProcessRecorder,
    CassandraSnapshotRecorder,
    CassandraTrackingRecorder,
    Settings,
)


class _OnCassandra:
    datastore: CassandraDatastore

    @pytest.fixture(autouse=True)
    def _connect(self, datastore: CassandraDatastore) -> None:
        self.datastore = datastore


class TestAggregateRecorder(_OnCassandra, AggregateRecorderTestCase):
    def create_recorder(self) -> AggregateRecorder:
        return CassandraAggregateRecorder(self.datastore)


class TestSnapshotRecorder(_OnCassandra, AggregateRecorderTestCase):
    def create_recorder(self) -> AggregateRecorder:
        return CassandraSnapshotRecorder(self.datastore)


class TestTrackingRecorder(_OnCassandra, TrackingRecorderTestCase):
    @pytest.fixture(autouse=True)
    def _empty(self, datastore: CassandraDatastore) -> Iterator[None]:
        yield
        datastore.session.execute(f"TRUNCATE {datastore.settings.keyspace}.tracking", timeout=60)

    def create_recorder(self) -> CassandraTrackingRecorder:
        return CassandraTrackingRecorder(self.datastore)


class _OnAnEmptyKeyspace:
    datastore: CassandraDatastore

    @pytest.fixture(autouse=True)
    def _connect(self, empty_datastore: CassandraDatastore) -> None:
        self.datastore = empty_datastore

    def create_recorder(self) -> CassandraApplicationRecorder:
        return CassandraApplicationRecorder(self.datastore)


class TestApplicationRecorder(
    _OnAnEmptyKeyspace, ApplicationRecorderTestCase[CassandraApplicationRecorder]
):
    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TestNonInterleavingNotificationIDs(
    _OnAnEmptyKeyspace, NonInterleavingNotificationIDsBaseCase
):
    pass


class OwnTrackingRecorder(CassandraTrackingRecorder):
    """Stands for a user's subclass."""


class TestFactory(InfrastructureFactoryTestCase[CassandraFactory]):
    @pytest.fixture(autouse=True)
    def _environment(self, settings: Settings) -> None:
        self.env = Environment(
            env={
                "PERSISTENCE_MODULE": "eventstore_cassandra",
                "CASSANDRA_CONTACT_POINTS": ",".join(settings.contact_points),
                "CASSANDRA_PORT": str(settings.port),
                "CASSANDRA_KEYSPACE": settings.keyspace,
            }
        )

    def expected_factory_class(self) -> type[CassandraFactory]:
        return CassandraFactory

    def expected_aggregate_recorder_class(self) -> type[CassandraAggregateRecorder]:
        return CassandraAggregateRecorder

    def expected_application_recorder_class(self) -> type[CassandraApplicationRecorder]:
        return CassandraApplicationRecorder

    def expected_tracking_recorder_class(self) -> type[CassandraTrackingRecorder]:
        return CassandraTrackingRecorder

    def tracking_recorder_subclass(self) -> type[CassandraTrackingRecorder]:
        return OwnTrackingRecorder

    def expected_process_recorder_class(self) -> type[CassandraProcessRecorder]:
        return CassandraProcessRecorder


# The cases themselves are not to be collected.
del (
    AggregateRecorderTestCase,
    ApplicationRecorderTestCase,
    InfrastructureFactoryTestCase,
    NonInterleavingNotificationIDsBaseCase,
    TrackingRecorderTestCase,
)
