"""Where Cassandra is measured: nodes that are started for it, and a keyspace for each purpose."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import click

from eventstore_cassandra import CassandraFactory, Topology
from eventstore_cassandra.datastore import quoted
from patientmgmt.environment import CASSANDRA
from patientmgmt.initialise import initialise_cassandra
from patientmgmt.local_cassandra import (
    Cluster,
    ClusterSettings,
    find_java,
    free_ports,
    nodes_in,
    resolve_jars,
)

HEAP_MIB = {1: 4096, 3: 2048}
"""For each node, by the number of nodes; half as much may be off the heap. A quarter of the heap is
for memtables: with little of it, what is measured is how often they are flushed and compacted."""
NODES = "BENCH_NODES_FOLDER"
"""Of the environment: where nodes are that were started here."""
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
                NODES: folder,
            }


def compact(env: Mapping[str, str], keyspace: str) -> bool:
    """Compact all tables of the keyspace; return whether the nodes are ours, and it was done."""
    if NODES not in env:
        return False
    java, jars = find_java(), resolve_jars(click.echo)
    for node in nodes_in(Path(env[NODES])):
        for command in ("flush", "compact"):
            node.nodetool([command, keyspace], java=java, jars=jars).check_returncode()
    return True


@contextmanager
def keyspace(env: Mapping[str, str], topology: Topology = ONE_COPY) -> Iterator[dict[str, str]]:
    """Yield the environment of a new keyspace, which is dropped at the end.

    Beside it is one for :func:`without_log`, since all writers of a keyspace have the log or none.
    """
    inside = dict(env) | {
        "PERSISTENCE_MODULE": CASSANDRA,
        "CASSANDRA_KEYSPACE": f"bench_{uuid4().hex[:12]}",
        # In seconds: the report has the slowest appends, and no warnings between its lines.
        "CASSANDRA_SLOW_APPEND": "60",
    }
    names = [initialise_cassandra(each, topology) for each in (inside, without_log(inside))]
    try:
        yield inside
    finally:
        factory = CassandraFactory(inside)
        for name in names:
            drop = f"DROP KEYSPACE {quoted(name)}"
            factory.datastore.session.execute(drop, timeout=60)
        factory.close()


def without_log(env: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the keyspace beside the given one, whose writers have no log."""
    return dict(env) | {
        "CASSANDRA_KEYSPACE": f"{env['CASSANDRA_KEYSPACE']}_no_log",
        "CASSANDRA_NOTIFICATION_LOG": "no",
    }
