"""A persistence module for the `eventsourcing` library that keeps events in Apache Cassandra.

Set ``PERSISTENCE_MODULE=eventstore_cassandra`` and the ``CASSANDRA_*`` variables that
:class:`Settings` explains, and create the tables once, with :func:`create_keyspace` and
:func:`create_tables`.
"""

from eventstore_cassandra.application_recorder import CassandraApplicationRecorder
from eventstore_cassandra.counters import Count, Counters
from eventstore_cassandra.datastore import CassandraDatastore
from eventstore_cassandra.erased import ERASED_TOPIC, Erased, KnowsErased
from eventstore_cassandra.errors import AggregateErasedError, ConflictError, UnknownOutcomeError
from eventstore_cassandra.factory import CassandraFactory
from eventstore_cassandra.process import CassandraProcessRecorder
from eventstore_cassandra.recorders import CassandraAggregateRecorder
from eventstore_cassandra.schema import Topology, create_keyspace, create_tables
from eventstore_cassandra.settings import Settings
from eventstore_cassandra.snapshots import CassandraSnapshotRecorder
from eventstore_cassandra.stream import StoredRow
from eventstore_cassandra.tracking import CassandraTrackingRecorder
from eventstore_cassandra.type_view import Place
from eventstore_cassandra.views import CassandraViewRecorder

__all__ = [
    "ERASED_TOPIC",
    "AggregateErasedError",
    "CassandraAggregateRecorder",
    "CassandraApplicationRecorder",
    "CassandraDatastore",
    "CassandraFactory",
    "CassandraProcessRecorder",
    "CassandraSnapshotRecorder",
    "CassandraTrackingRecorder",
    "CassandraViewRecorder",
    "ConflictError",
    "Count",
    "Counters",
    "Erased",
    "KnowsErased",
    "Place",
    "Settings",
    "StoredRow",
    "Topology",
    "UnknownOutcomeError",
    "create_keyspace",
    "create_tables",
]
