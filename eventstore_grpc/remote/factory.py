"""The factory by which the library finds the recorder over gRPC."""

from typing import NoReturn

from eventsourcing.domain import TAggregateID
from eventsourcing.persistence import (
    AggregateRecorder,
    InfrastructureFactory,
    Mapper,
    NotSupportedError,
    ProcessRecorder,
    TrackingRecorder,
    Transcoder,
)
from eventsourcing.utils import Environment, EnvType

from eventstore_cassandra import erased
from eventstore_grpc.remote.application_recorder import RemoteRecorder
from eventstore_grpc.remote.connection import Connection
from eventstore_grpc.remote.recorder import RemoteAggregateRecorder
from eventstore_grpc.remote.settings import ClientSettings


class RemoteFactory(InfrastructureFactory[TrackingRecorder]):
    """Makes recorders that share one connection to a server.

    :raises OSError: when a setting is not of its form.
    """

    def __init__(self, env: Environment | EnvType | None) -> None:
        super().__init__(env)
        self._connection = Connection(ClientSettings.from_env(dict(self.env)))

    def mapper(
        self,
        transcoder: Transcoder | None = None,
        mapper_class: type[Mapper[TAggregateID]] | None = None,
    ) -> Mapper[TAggregateID]:
        """Return a mapper that knows erased events; its class by argument or by MAPPER_TOPIC."""
        return super().mapper(transcoder, erased.mapper_class(self.env, mapper_class))

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:
        """Return a recorder of events; there are no snapshots over gRPC."""
        if purpose != "events":
            _refuse(f"{purpose} cannot be kept", "switch snapshotting off")
        return RemoteAggregateRecorder(self._connection)

    def application_recorder(self) -> RemoteRecorder:
        """Return a recorder of events."""
        return RemoteRecorder(self._connection)

    def tracking_recorder(
        self, tracking_recorder_class: type[TrackingRecorder] | None = None
    ) -> TrackingRecorder:
        """Refuse."""
        _refuse("tracking cannot be kept", "keep it where the projection's own rows are")

    def process_recorder(self) -> ProcessRecorder:
        """Refuse."""
        _refuse("tracking cannot be kept", "keep it where the projection's own rows are")

    def close(self) -> None:
        """Close the connection; closing again does nothing."""
        self._connection.close()


def _refuse(what: str, instead: str) -> NoReturn:
    raise NotSupportedError(
        f"The event store's service has events only, so that {what} there: {instead}."
    )
