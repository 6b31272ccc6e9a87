from pathlib import Path

import pytest

from patientmgmt.local_cassandra import ClusterSettings, LocalCassandraError, NodeSettings


def test_nodes_have_following_addresses_and_jmx_ports_and_one_seed(tmp_path: Path) -> None:
    settings = ClusterSettings(data=tmp_path, nodes=3, address="127.0.0.5", jmx_port=7300)

    nodes = [settings.node(index) for index in range(3)]

    assert [node.address for node in nodes] == ["127.0.0.5", "127.0.0.6", "127.0.0.7"]
    assert [node.jmx_port for node in nodes] == [7300, 7301, 7302]
    assert {node.port for node in nodes} == {9042}
    assert {node.seed for node in nodes} == {"127.0.0.5:7000"}
    assert {node.in_ring for node in nodes} == {True}


def test_each_node_has_a_folder_of_its_own(tmp_path: Path) -> None:
    settings = ClusterSettings(data=tmp_path, nodes=3)

    assert [settings.node(index).folder for index in range(3)] == [
        tmp_path / "node1",
        tmp_path / "node2",
        tmp_path / "node3",
    ]


@pytest.mark.parametrize("address", ["10.0.0.1", "126.255.255.255", "localhost", "::1"])
def test_an_address_that_others_could_reach_is_refused(address: str, tmp_path: Path) -> None:
    with pytest.raises(LocalCassandraError, match=f"loopback address .* found '{address}'"):
        ClusterSettings(data=tmp_path, nodes=3, address=address)


def test_addresses_that_run_out_of_the_loopback_network_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LocalCassandraError, match="loopback address"):
        ClusterSettings(data=tmp_path, nodes=3, address="127.255.255.254")


def test_one_port_for_two_purposes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LocalCassandraError, match=r"different ports .* found 9042, 9042"):
        ClusterSettings(data=tmp_path, storage_port=9042)


def test_a_node_is_found_again_with_the_settings_it_was_started_with(tmp_path: Path) -> None:
    settings = NodeSettings(folder=tmp_path, address="127.0.0.3", port=9142, heap_mib=768)

    settings.store()

    assert NodeSettings.load(tmp_path) == settings


@pytest.mark.parametrize("text", ["", "[]", '{"ports": 1}'])
def test_unreadable_settings_are_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text(text, encoding="utf-8")

    with pytest.raises(LocalCassandraError, match=r"settings\.json cannot be read: expected"):
        NodeSettings.load(tmp_path)
