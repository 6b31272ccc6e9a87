"""Where Cassandra is measured: nodes that are started for it, and a keyspace for each purpose."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import click

from eventstore_cassandra import CassandraFactory, Topology
from patientmgmt.environment import CASSANDRA
from patientmgmt.initialise import initialise_cassandra
from patientmgmt.local_cassandra import Cluster, ClusterSettings, free_ports

HEAP_MIB = {1: 2048, 3: 1024}
"""For each node, by the number of nodes. Three on a laptop of 8 GiB leave room for the client."""
ONE_COPY = Topology.single_node()


@contextmanager
def started(count: int, env: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Run so many local nodes beside the block, and yield the environment that leads to them.

    :raises LocalCassandraError: when they cannot be started.
    """
    # The nodes' ports for JMX follow on from the highest, so that they meet none of the others.
    port, storage_port, jmx_port = sorted(free_ports(3))
    with TemporaryDirectory() as folder:
        settings = ClusterSettings(
            data=Path(folder),
            nodes=count,
            port=port,
            storage_port=storage_port,
            jmx_port=jmx_port,
            heap_mib=HEAP_MIB[count],
        )
        with Cluster(settings, report=click.echo) as cluster:
            yield dict(env) | {
                "CASSANDRA_CONTACT_POINTS": ",".join(cluster.contact_points),
                "CASSANDRA_PORT": str(cluster.port),
            }


@contextmanager
def keyspace(env: Mapping[str, str], topology: Topology = ONE_COPY) -> Iterator[dict[str, str]]:
    """Yield the environment of a new keyspace, which is dropped at the end."""
    inside = dict(env) | {
        "PERSISTENCE_MODULE": CASSANDRA,
        "CASSANDRA_KEYSPACE": f"bench_{uuid4().hex[:12]}",
        # In seconds: the report has the slowest appends, and no warnings between its lines.
        "CASSANDRA_SLOW_APPEND": "60",
    }
    initialise_cassandra(inside, topology)
    try:
        yield inside
    finally:
        factory = CassandraFactory(inside)
        drop = factory.datastore.in_keyspace("DROP KEYSPACE {keyspace}")
        factory.datastore.session.execute(drop, timeout=60)
        factory.close()
