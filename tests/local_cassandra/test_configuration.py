import json
from pathlib import Path
from typing import Any

from patientmgmt.local_cassandra import NodeSettings
from patientmgmt.local_cassandra.configuration import cassandra_yaml, java_command

FOLDER = Path("/srv/some data/node1")


def configuration(node: NodeSettings) -> dict[str, Any]:
    return dict(json.loads(cassandra_yaml(node)))


def command(node: NodeSettings) -> list[str]:
    return java_command(node, java=Path("/opt/java/bin/java"), jars=Path("/cache/jars"))


def test_the_server_listens_where_the_settings_say() -> None:
    node = NodeSettings(folder=FOLDER, address="127.0.0.2", port=9142, storage_port=7100)

    assert configuration(node)["listen_address"] == "127.0.0.2"
    assert configuration(node)["rpc_address"] == "127.0.0.2"
    assert configuration(node)["native_transport_port"] == 9142
    assert configuration(node)["storage_port"] == 7100


def test_the_server_writes_into_the_folder_of_its_node_only() -> None:
    node = configuration(NodeSettings(folder=FOLDER))
    folders = [value for key, value in node.items() if key.endswith("_directory")]

    assert len(folders) == 4
    assert all(
        Path(folder).is_relative_to(FOLDER) for folder in folders + node["data_file_directories"]
    )


def test_views_and_two_round_trip_appends_are_on() -> None:
    node = configuration(NodeSettings(folder=FOLDER))

    assert node["materialized_views_enabled"] is True
    assert node["paxos_variant"] == "v2"


def test_clients_log_in_only_where_the_settings_say_so() -> None:
    with_login = configuration(NodeSettings(folder=FOLDER, authentication=True))

    assert with_login["authenticator"] == {"class_name": "PasswordAuthenticator"}
    assert "authenticator" not in configuration(NodeSettings(folder=FOLDER))


def test_clients_speak_tls_only_where_there_is_a_keystore() -> None:
    with_tls = configuration(NodeSettings(folder=FOLDER, client_keystore="/srv/node1.p12"))

    assert with_tls["client_encryption_options"]["enabled"] is True
    assert with_tls["client_encryption_options"]["optional"] is False
    assert with_tls["client_encryption_options"]["keystore"] == "/srv/node1.p12"
    assert "client_encryption_options" not in configuration(NodeSettings(folder=FOLDER))


def test_a_further_node_knows_the_first_as_its_seed() -> None:
    node = configuration(NodeSettings(folder=FOLDER, seed="127.0.0.1:7100"))

    assert node["seed_provider"][0]["parameters"] == [{"seeds": "127.0.0.1:7100"}]


def test_the_command_line_runs_the_server_from_the_jars_with_the_heap() -> None:
    arguments = command(NodeSettings(folder=FOLDER, heap_mib=768, jmx_port=7299))

    assert arguments[0] == "/opt/java/bin/java"
    assert arguments[-3:] == [
        "-cp",
        "/cache/jars/*",
        "org.apache.cassandra.service.CassandraDaemon",
    ]
    assert "-Xmx768m" in arguments
    assert "-Dcassandra.jmx.local.port=7299" in arguments


def test_the_configuration_is_named_as_an_address_that_may_hold_blanks() -> None:
    expected = "-Dcassandra.config=file:///srv/some%20data/node1/conf/cassandra.yaml"

    assert expected in command(NodeSettings(folder=FOLDER))


def test_a_node_of_a_ring_waits_longer_for_the_others() -> None:
    assert "-Dcassandra.ring_delay_ms=1000" in command(NodeSettings(folder=FOLDER))
    assert "-Dcassandra.ring_delay_ms=5000" in command(NodeSettings(folder=FOLDER, in_ring=True))
