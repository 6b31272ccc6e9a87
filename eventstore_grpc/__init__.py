"""The event store as a service that programs in any language reach by gRPC.

``protocol/storegrpc.proto`` is what they speak, ``server/`` answers from the recorder of
:mod:`eventstore_cassandra`, and ``remote/`` is a persistence module for the `eventsourcing` library
that asks: set ``PERSISTENCE_MODULE=eventstore_grpc`` and the ``STOREGRPC_*`` variables that
:mod:`.remote.settings` explains.
"""

from eventstore_grpc.remote.application_recorder import RemoteRecorder
from eventstore_grpc.remote.factory import RemoteFactory
from eventstore_grpc.remote.recorder import RemoteAggregateRecorder
from eventstore_grpc.remote.settings import ClientSettings

__all__ = ["ClientSettings", "RemoteAggregateRecorder", "RemoteFactory", "RemoteRecorder"]
