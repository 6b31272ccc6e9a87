"""The cases that the event sourcing library ships, unmodified, on a real Cassandra.

Those for materialised views are in ``views/``; ``test_shipped_list.py`` tells which are left out.
"""

from collections.abc import Iterator

import pytest
from eventsourcing.persistence import AggregateRecorder, ProgrammingError
from eventsourcing.tests import application, persistence
from eventsourcing.utils import Environment, get_topic

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


class TestAggregateRecorder(_OnCassandra, persistence.AggregateRecorderTestCase):
    def create_recorder(self) -> AggregateRecorder:
        return CassandraAggregateRecorder(self.datastore)


class TestSnapshotRecorder(_OnCassandra, persistence.AggregateRecorderTestCase):
    def create_recorder(self) -> AggregateRecorder:
        return CassandraSnapshotRecorder(self.datastore)


class TestTrackingRecorder(_OnCassandra, persistence.TrackingRecorderTestCase):
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
    _OnAnEmptyKeyspace, persistence.ApplicationRecorderTestCase[CassandraApplicationRecorder]
):
    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TestNonInterleavingNotificationIDs(
    _OnAnEmptyKeyspace, persistence.NonInterleavingNotificationIDsBaseCase
):
    pass


class OwnTrackingRecorder(CassandraTrackingRecorder):
    """Stands for a user's subclass."""


def environment(settings: Settings) -> dict[str, str]:
    return {
        "PERSISTENCE_MODULE": "eventstore_cassandra",
        "CASSANDRA_CONTACT_POINTS": ",".join(settings.contact_points),
        "CASSANDRA_PORT": str(settings.port),
        "CASSANDRA_KEYSPACE": settings.keyspace,
    }


class TestFactory(persistence.InfrastructureFactoryTestCase[CassandraFactory]):
    @pytest.fixture(autouse=True)
    def _environment(self, settings: Settings) -> None:
        self.env = Environment(env=environment(settings))

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


class _InTheEnvironment:
    @pytest.fixture(autouse=True)
    def _environment(self, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in environment(settings).items():
            monkeypatch.setenv(name, value)


@pytest.fixture
def empty_environment(empty_datastore: CassandraDatastore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CASSANDRA_KEYSPACE", empty_datastore.settings.keyspace)


@pytest.mark.usefixtures("empty_environment")
class TestExampleApplication(_InTheEnvironment, application.ExampleApplicationTestCase):
    expected_factory_topic = get_topic(CassandraFactory)


# The library's test of its own deprecated attribute expects a warning.
@pytest.mark.filterwarnings("always:'log' is deprecated:DeprecationWarning")
class TestApplication(_InTheEnvironment, application.ApplicationTestCase):
    def test_resolve_persistence_topics(self) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.delenv("PERSISTENCE_MODULE")
            super().test_resolve_persistence_topics()

    # These two run up to where they save events of two aggregates in one step.
    @pytest.mark.usefixtures("empty_environment")
    def test_save_returns_recording_event(self) -> None:
        with pytest.raises(ProgrammingError, match="save one at a time"):
            super().test_save_returns_recording_event()

    def test_application_with_cached_aggregates_not_fastforward(self) -> None:
        with pytest.raises(ProgrammingError, match="save one at a time"):
            super().test_application_with_cached_aggregates_not_fastforward()
