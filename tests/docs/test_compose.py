"""The options of ``docker-compose.yml`` work on a server that is configured as the image is.

There is no container here: the same release is started from its jars, with what the image's own
``cassandra.yaml`` says of these settings.
"""

import json
import re
from contextlib import closing
from pathlib import Path

import pytest

from eventstore_cassandra import CassandraDatastore, Settings
from patientmgmt.local_cassandra import Cluster, ClusterSettings, NodeSettings, free_ports, node
from patientmgmt.local_cassandra.configuration import cassandra_yaml, java_command

COMPOSE = Path(__file__).parents[2] / "docker-compose.yml"
OPTIONS = re.findall(r"-D\S+", COMPOSE.read_text(encoding="utf-8"))
LOCAL = {"commitlog_sync": "batch", "materialized_views_enabled": "true", "paxos_variant": "v2"}
IMAGE = {"commitlog_sync": "periodic", "commitlog_sync_period": "10000ms"}


def test_the_container_is_set_up_as_a_local_server_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def yaml_of_the_image(settings: NodeSettings) -> str:
        local = json.loads(cassandra_yaml(settings))
        return json.dumps({name: local[name] for name in local if name not in LOCAL} | IMAGE)

    def command(settings: NodeSettings, *, java: Path, jars: Path) -> list[str]:
        program, *arguments = java_command(settings, java=java, jars=jars)
        return [program, *OPTIONS, *arguments]

    monkeypatch.setattr(node, "cassandra_yaml", yaml_of_the_image)
    monkeypatch.setattr(node, "java_command", command)
    port, storage_port, jmx_port = free_ports(3)
    settings = ClusterSettings(
        data=tmp_path, port=port, storage_port=storage_port, jmx_port=jmx_port
    )
    with (
        Cluster(settings) as cluster,
        closing(
            CassandraDatastore(Settings(contact_points=("127.0.0.1",), port=cluster.port))
        ) as datastore,
    ):
        rows = datastore.session.execute("SELECT name, value FROM system_views.settings")
        found = {row.name: row.value for row in rows if row.name in LOCAL}
    assert found == LOCAL
