"""The factory by which the library finds this persistence module's recorders."""

from typing import TypeVar

from eventsourcing.domain import TAggregateID
from eventsourcing.persistence import (
    AggregateRecorder,
    EventStore,
    InfrastructureFactory,
    Mapper,
    ProgrammingError,
    Transcoder,
)
from eventsourcing.utils import Environment, EnvType, resolve_topic

from eventstore_cassandra import erased
from eventstore_cassandra.application_recorder import CassandraApplicationRecorder
from eventstore_cassandra.datastore import CassandraDatastore
from eventstore_cassandra.process import CassandraProcessRecorder
from eventstore_cassandra.recorders import CassandraAggregateRecorder
from eventstore_cassandra.schema import create_tables
from eventstore_cassandra.settings import Settings
from eventstore_cassandra.snapshot_store import SnapshotStore
from eventstore_cassandra.snapshots import CassandraSnapshotRecorder
from eventstore_cassandra.tracking import CassandraTrackingRecorder

T = TypeVar("T")


class CassandraFactory(InfrastructureFactory[CassandraTrackingRecorder]):
    """Makes recorders that share one connection to the cluster, opened at the first of them.

    :raises OSError: when a setting is not of its form.
    """

    def __init__(self, env: Environment | EnvType | None) -> None:
        super().__init__(env)
        self.settings = Settings.from_env(self.env)
        self._datastore: CassandraDatastore | None = None

    @property
    def datastore(self) -> CassandraDatastore:
        """The connection, opened when first asked for, so that a process may fork before."""
        if self._datastore is None:
            self._datastore = CassandraDatastore(self.settings)
            if self.settings.create_table:
                create_tables(self._datastore)
        return self._datastore

    def event_store(
        self,
        mapper: Mapper[TAggregateID] | None = None,
        recorder: AggregateRecorder | None = None,
    ) -> EventStore[TAggregateID]:
        """Return an event store; over a recorder of snapshots, one that knows what they are."""
        if isinstance(recorder, CassandraSnapshotRecorder):
            return SnapshotStore(mapper or self.mapper(), recorder)
        return super().event_store(mapper, recorder)

    def mapper(
        self,
        transcoder: Transcoder | None = None,
        mapper_class: type[Mapper[TAggregateID]] | None = None,
    ) -> Mapper[TAggregateID]:
        """Return a mapper that knows erased events; its class by argument or by MAPPER_TOPIC."""
        return super().mapper(transcoder, erased.mapper_class(self.env, mapper_class))

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:
        """Return a recorder of events, or of snapshots where that is the purpose."""
        if purpose == "snapshots":
            return CassandraSnapshotRecorder(self.datastore)
        return CassandraAggregateRecorder(self.datastore)

    def application_recorder(self) -> CassandraApplicationRecorder:
        """Return a recorder of events; a subclass of it by APPLICATION_RECORDER_TOPIC."""
        topic = self.env.get(self.APPLICATION_RECORDER_TOPIC)
        if topic:
            return _subclass(resolve_topic(topic), CassandraApplicationRecorder)(self.datastore)
        return CassandraApplicationRecorder(self.datastore)

    def tracking_recorder(
        self, tracking_recorder_class: type[CassandraTrackingRecorder] | None = None
    ) -> CassandraTrackingRecorder:
        """Return a tracking recorder; a subclass by argument or by TRACKING_RECORDER_TOPIC.

        With ``CREATE_TABLE=yes`` the subclass creates its tables.
        """
        topic = self.env.get(self.TRACKING_RECORDER_TOPIC)
        found = tracking_recorder_class or (
            resolve_topic(topic) if topic else CassandraTrackingRecorder
        )
        recorder = _subclass(found, CassandraTrackingRecorder)(self.datastore)
        recorder.projection_name = self.env.name
        if self.settings.create_table:
            recorder.create_table()
        return recorder

    def process_recorder(self) -> CassandraProcessRecorder:
        """Return a process recorder, which refuses to be used."""
        return CassandraProcessRecorder(self.datastore)

    def close(self) -> None:
        """Close the connection; closing again does nothing."""
        if self._datastore is not None:
            self._datastore.close()


def _subclass(found: object, base: type[T]) -> type[T]:
    if not (isinstance(found, type) and issubclass(found, base)):
        raise ProgrammingError(f"Expected a subclass of {base.__name__}, found {found!r}.")
    return found
