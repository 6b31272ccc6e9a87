"""What can be told of ``docker-compose.yml`` without a container engine.

The options of its server work on one that is configured as the image is: the same release is
started from its jars, with what the image's own ``cassandra.yaml`` says of these settings. ``make
images`` builds the images and runs the system in them.
"""

import json
import re
import shlex
import sys
from collections.abc import Mapping
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from subprocess import PIPE, STDOUT, run

import pytest
from click import Context

from eventstore_cassandra import CassandraDatastore, Settings
from patientmgmt.cli import main
from patientmgmt.local_cassandra import Cluster, ClusterSettings, NodeSettings, free_ports, node
from patientmgmt.local_cassandra.configuration import cassandra_yaml, java_command
from tests.docs.blocks import ROOT, blocks
from tests.images.compose import (
    COMPLETED,
    FILE,
    HEALTHY,
    STARTED,
    Service,
    document,
    services,
    started,
)
from tests.images.dockerfile import targets

TEXT = ROOT / "docs" / "containers.md"
THREE_NODES = "three-nodes"
SERVICES = services()
OPTIONS = re.findall(r"-D\S+", SERVICES["cassandra"].environment["JVM_EXTRA_OPTS"])
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


def test_the_file_is_one_of_the_compose_specification() -> None:
    schema = ["--builtin-schema", "vendor.compose-spec"]
    done = run(
        [sys.executable, "-m", "check_jsonschema", *schema, str(FILE)],
        stdout=PIPE,
        stderr=STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("profile", [(), (THREE_NODES,), ("test",)])
def test_who_waits_for_a_service_learns_when_it_is_there(profile: tuple[str, ...]) -> None:
    chosen = {service.name: service for service in started(*profile)}
    for service in chosen.values():
        for name, dependency in service.dependencies.items():
            if name not in chosen:
                assert not dependency.is_required, f"{service.name} waits for {name} for ever"
            elif dependency.condition == HEALTHY:
                assert _has_health_check(chosen[name]), name
            elif dependency.condition != STARTED:
                assert dependency.condition == COMPLETED
                assert chosen[name].restart is None, f"{name} would be started again"


def test_every_service_that_goes_on_tells_its_health() -> None:
    for service in started(THREE_NODES):
        assert _has_health_check(service) != service.name.startswith("init"), service.name


def test_every_image_is_of_some_use() -> None:
    assert {service.target for service in SERVICES.values()} - {None} == set(targets())


def test_what_a_container_is_told_is_a_command() -> None:
    for service in SERVICES.values():
        if service.arguments is not None:
            name, *arguments = service.arguments
            with main.commands[name].make_context(name, arguments, parent=Context(main)):
                pass


def test_ports_are_on_loopback_only() -> None:
    ports = [port for service in SERVICES.values() for port in service.ports]
    assert ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_no_password_or_key_stands_in_the_file() -> None:
    names = [name for service in SERVICES.values() for name in service.environment]
    assert [name for name in names if re.search("PASSWORD|SECRET|KEY", name)] == []


def test_every_node_keeps_its_data_in_a_volume_of_its_own() -> None:
    nodes = [service for service in SERVICES.values() if service.target is None]
    volumes = [volume for service in nodes for volume in service.volumes]
    assert len(set(volumes)) == len(nodes)
    for service in SERVICES.values():
        for volume in service.volumes:
            assert volume.partition(":")[0] in document()["volumes"]


def test_three_nodes_join_one_after_the_other_before_their_keyspace_is_made() -> None:
    names = [service.name for service in started(THREE_NODES)]
    in_turn = ["cassandra", "cassandra2", "cassandra3", "init-three-nodes", "init"]
    assert [name for name in names if name in in_turn] == in_turn
    for before, after in pairwise(in_turn):
        assert before in SERVICES[after].dependencies


def test_commands_of_the_text_name_services_and_profiles_of_the_file() -> None:
    profiles = {profile for service in SERVICES.values() for profile in service.profiles}
    lines = [line for block in blocks(TEXT) for line in block.code.splitlines()]
    comments = re.findall(r"^ *# +(docker .*)$", FILE.read_text(encoding="utf-8"), re.MULTILINE)
    prose = re.findall(r"`(docker [^`]*)`", TEXT.read_text(encoding="utf-8"))
    assert lines
    for line in [*lines, *comments, *prose]:
        match shlex.split(line):
            case ["docker", "compose", *words]:
                _check_words(words, profiles)
            case ["docker", "build", *words, "."]:
                assert words[words.index("--target") + 1] in targets(), line
            case _:
                pytest.fail(f"Expected a command of docker, found {line}")


def _check_words(words: list[str], profiles: set[str]) -> None:
    while words[0] == "--profile":
        assert words[1] in profiles, words
        words = words[2:]
    subcommand, *rest = words
    options = {word for word in rest if word.startswith("--")}
    names = [word for word in rest if not word.startswith("--")]
    assert options <= _OPTIONS[subcommand], words
    if subcommand in ("run", "exec"):
        assert names[0] in SERVICES, words
    else:
        assert set(names) <= set(SERVICES), words


_OPTIONS: Mapping[str, set[str]] = {
    "up": {"--build", "--detach", "--wait"},
    "ps": {"--all"},
    "logs": {"--follow"},
    "down": {"--volumes"},
    "run": {"--rm"},
    "exec": set(),
    "build": set(),
}
"""What the text uses of docker compose: subcommands with their options."""


def _has_health_check(service: Service) -> bool:
    if service.target is None:
        return service.health is not None
    return targets()[service.target].has_health_check
