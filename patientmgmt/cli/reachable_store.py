"""A store that is there and has its tables, for commands that start all that they need."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import click

from eventstore_cassandra import Topology
from patientmgmt.cli.cassandra import settings_of_environment
from patientmgmt.environment import CASSANDRA
from patientmgmt.initialise import initialise_cassandra
from patientmgmt.local_cassandra import Cluster


@contextmanager
def reachable_store(env: dict[str, str]) -> Iterator[Mapping[str, str]]:
    """Yield the environment of the store; a local Cassandra that is started is stopped at the end.

    It is started where CASSANDRA_CONTACT_POINTS does not say which cluster is meant.
    """
    if env["PERSISTENCE_MODULE"] != CASSANDRA:
        yield env
        return
    if env.get("CASSANDRA_CONTACT_POINTS"):
        _initialise(env)
        yield env
        return
    settings = settings_of_environment()
    with Cluster(settings, report=click.echo) as cluster:
        local = env | {
            "CASSANDRA_CONTACT_POINTS": ",".join(cluster.contact_points),
            "CASSANDRA_PORT": str(cluster.port),
        }
        _initialise(local, nodes=settings.nodes)
        yield local


def _initialise(env: Mapping[str, str], *, nodes: int = 1) -> None:
    topology = Topology.single_node() if nodes == 1 else Topology.single_datacenter()
    keyspace = initialise_cassandra(env, topology)
    click.echo(f"Keyspace {keyspace} is ready on Cassandra at {env['CASSANDRA_CONTACT_POINTS']}")
