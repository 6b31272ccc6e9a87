"""The Python interface, with a real server of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import Cluster as Driver
from cassandra.cluster import NoHostAvailable

from patientmgmt.local_cassandra import Cluster, ClusterSettings, LocalCassandraError, free_ports


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> ClusterSettings:
    port, storage_port, jmx_port = free_ports(3)
    return ClusterSettings(
        data=tmp_path_factory.mktemp("cassandra"),
        port=port,
        storage_port=storage_port,
        jmx_port=jmx_port,
        authentication=True,
    )


@pytest.fixture(scope="module")
def owner(settings: ClusterSettings) -> Iterator[Cluster]:
    with Cluster(settings) as cluster:
        yield cluster
    assert cluster.nodes[0].pid() is None


def log_in(cluster: Cluster, password: str) -> None:
    driver = Driver(
        cluster.contact_points,
        port=cluster.port,
        auth_provider=PlainTextAuthProvider("cassandra", password),
    )
    try:
        driver.connect()
    finally:
        driver.shutdown()


def test_with_authentication_the_superuser_can_log_in_once_the_node_has_started(
    owner: Cluster,
) -> None:
    log_in(owner, "cassandra")


def test_with_authentication_a_wrong_password_is_refused(owner: Cluster) -> None:
    with pytest.raises(NoHostAvailable, match="AuthenticationFailed"):
        log_in(owner, "wrong")


def test_a_guest_finds_the_running_node_and_leaves_it_running(
    owner: Cluster, settings: ClusterSettings
) -> None:
    with Cluster(settings) as guest:
        assert guest.nodes[0].pid() == owner.nodes[0].pid()
        assert guest.port == owner.port

    assert owner.nodes[0].release_version() == "5.0.9"


def test_fewer_nodes_than_the_folder_holds_are_refused(tmp_path: Path) -> None:
    ring = ClusterSettings(data=tmp_path, nodes=3)
    for index in range(3):
        node = ring.node(index)
        node.folder.mkdir()
        node.store()

    with pytest.raises(LocalCassandraError, match=r"holds the data of 3 nodes"):
        Cluster(ClusterSettings(data=tmp_path, nodes=1)).start()
