"""What tests of every kind share: a real Apache Cassandra, and keyspaces on it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import hypothesis
import pytest

from eventstore_cassandra import CassandraDatastore, Settings, Topology
from patientmgmt.environment import CASSANDRA
from patientmgmt.initialise import initialise_cassandra
from patientmgmt.local_cassandra import Cluster, ClusterSettings, free_ports

# No deadline: it would measure how busy the machine is. The blob makes a failure repeatable.
hypothesis.settings.register_profile("repeatable", deadline=None, print_blob=True)
hypothesis.settings.load_profile("repeatable")


@dataclass(frozen=True)
class CassandraNode:
    """Where a real server answers CQL, without a password."""

    contact_points: list[str]
    port: int


@pytest.fixture(scope="session")
def cassandra_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CassandraNode]:
    """The server of CASSANDRA_CONTACT_POINTS and CASSANDRA_PORT, or else one for this run."""
    given = os.environ.get("CASSANDRA_CONTACT_POINTS")
    if given:
        contact_points = [point.strip() for point in given.split(",")]
        yield CassandraNode(contact_points, int(os.environ.get("CASSANDRA_PORT", "9042")))
        return
    port, storage_port, jmx_port = free_ports(3)
    settings = ClusterSettings(
        data=tmp_path_factory.mktemp("cassandra"),
        port=port,
        storage_port=storage_port,
        jmx_port=jmx_port,
    )
    with Cluster(settings) as cluster:
        yield CassandraNode(cluster.contact_points, cluster.port)


@pytest.fixture
def cassandra_env(cassandra_node: CassandraNode, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of an empty system on Cassandra."""
    with _keyspace(cassandra_node, tmp_path) as env:
        yield env


@pytest.fixture(scope="session")
def shared_cassandra_env(
    cassandra_node: CassandraNode, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """The environment of a system on Cassandra, with whatever other tests have left in it."""
    with _keyspace(cassandra_node, tmp_path_factory.mktemp("shared")) as env:
        yield env


@contextmanager
def _keyspace(node: CassandraNode, data: Path) -> Iterator[dict[str, str]]:
    keyspace = f"test_{uuid4().hex[:12]}"
    env = {
        "PERSISTENCE_MODULE": CASSANDRA,
        "PATIENTMGMT_DATA": str(data),
        "CASSANDRA_CONTACT_POINTS": ",".join(node.contact_points),
        "CASSANDRA_PORT": str(node.port),
        "CASSANDRA_KEYSPACE": keyspace,
    }
    initialise_cassandra(env, Topology.single_node())
    yield env
    datastore = CassandraDatastore(
        Settings(contact_points=tuple(node.contact_points), port=node.port)
    )
    datastore.session.execute(f"DROP KEYSPACE {keyspace}", timeout=60)
    datastore.close()
