"""Creating the keyspace of a run."""

from contextlib import closing
from uuid import uuid4

from eventstore_cassandra import (
    CassandraAggregateRecorder,
    CassandraDatastore,
    Topology,
    create_keyspace,
    create_tables,
)
from patientmgmt.local_cassandra import Cluster
from tests.faults.plan import Store
from tests.faults.writing import TOPIC


def create_store(cluster: Cluster, *, bucket_size: int = 50) -> Store:
    """Create a keyspace with three replicas of everything; nothing drops it."""
    store = Store(
        contact_points=tuple(cluster.contact_points),
        port=cluster.port,
        keyspace=f"faults_{uuid4().hex[:12]}",
        bucket_size=bucket_size,
    )
    with closing(CassandraDatastore(store.settings())) as datastore:
        create_keyspace(datastore, Topology.single_datacenter())
        create_tables(datastore)
        CassandraAggregateRecorder(datastore).register_event_types({TOPIC: 1})
    return store
