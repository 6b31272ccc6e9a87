"""The command line, with a real server of its own."""

import fcntl
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from cassandra.cluster import Cluster, Session

from patientmgmt.local_cassandra import free_ports

PATIENTMGMT = Path(sys.executable).with_name("patientmgmt")


@dataclass(frozen=True)
class CommandLine:
    """``patientmgmt cassandra`` for one data folder and its ports."""

    data: Path
    port: int
    storage_port: int
    jmx_port: int

    def start(self, *options: str) -> subprocess.CompletedProcess[str]:
        return self.run(
            "start",
            f"--port={self.port}",
            f"--storage-port={self.storage_port}",
            f"--jmx-port={self.jmx_port}",
            *options,
        )

    def run(self, command: str, *options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [PATIENTMGMT, "cassandra", command, f"--data={self.data}", *options],
            capture_output=True,
            text=True,
            check=False,
        )


def new_command_line(data: Path) -> CommandLine:
    port, storage_port, jmx_port = free_ports(3)
    return CommandLine(data, port, storage_port, jmx_port)


@contextmanager
def session(port: int) -> Iterator[Session]:
    cluster = Cluster(["127.0.0.1"], port=port)
    try:
        yield cluster.connect()
    finally:
        cluster.shutdown()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    command_line = new_command_line(tmp_path_factory.mktemp("a folder") / "cassandra")
    try:
        started = command_line.start()
        assert started.returncode == 0, started.stderr
        yield command_line
    finally:
        command_line.run("stop")


@pytest.fixture
def stopped(tmp_path: Path) -> Iterator[CommandLine]:
    command_line = new_command_line(tmp_path / "cassandra")
    yield command_line
    command_line.run("stop")


def test_status_shows_the_running_node(running: CommandLine) -> None:
    status = running.run("status")

    pid = (running.data / "node1" / "pid").read_text().strip()
    assert status.stdout == f"node1  127.0.0.1:{running.port}  pid {pid}  version 5.0.9  up\n"
    assert status.returncode == 0


def test_nodetool_is_the_servers_own_and_its_exit_code_as_well(running: CommandLine) -> None:
    status = running.run("nodetool", "status")
    refused = running.run("nodetool", "flush", "no_such_keyspace")

    assert "UN  127.0.0.1" in status.stdout
    assert status.returncode == 0
    assert "no_such_keyspace" in refused.stdout + refused.stderr
    assert refused.returncode == 1


def test_nodetool_without_a_node_says_so(stopped: CommandLine) -> None:
    refused = stopped.run("nodetool", "status")

    assert "There is no node 1" in refused.stderr
    assert refused.returncode == 2


def test_starting_a_running_node_says_so_and_succeeds(running: CommandLine) -> None:
    again = running.start()

    assert f"node1 is already running at 127.0.0.1:{running.port}" in again.stdout
    assert again.returncode == 0


def test_a_taken_port_is_named_with_the_option_that_changes_it(
    running: CommandLine, stopped: CommandLine
) -> None:
    refused = stopped.start(f"--port={running.port}")

    assert f"Port {running.port} of 127.0.0.1 is taken" in refused.stderr
    assert "--port" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert refused.returncode == 1


def test_a_stopped_node_is_down_and_its_data_is_there_after_a_restart(
    running: CommandLine,
) -> None:
    with session(running.port) as cql:
        cql.execute(
            "CREATE KEYSPACE kept WITH replication = "
            "{'class': 'SimpleStrategy', 'replication_factor': 1}"
        )
        cql.execute("CREATE TABLE kept.names (name text PRIMARY KEY)")
        cql.execute("INSERT INTO kept.names (name) VALUES ('Ada')")

    stop = running.run("stop")
    assert "has stopped" in stop.stdout
    assert stop.returncode == 0

    status = running.run("status")
    assert status.stdout == f"node1  127.0.0.1:{running.port}  down\n"
    assert status.returncode == 3
    asked = running.run("nodetool", "status")
    assert "node1 is not running" in asked.stderr
    assert asked.returncode == 1

    again = running.run("stop")
    assert again.stdout == "node1 is not running\n"
    assert again.returncode == 0

    assert running.start().returncode == 0
    with session(running.port) as cql:
        assert cql.execute("SELECT name FROM kept.names").one().name == "Ada"


def test_a_folder_without_nodes_has_nothing_to_show_or_to_stop(stopped: CommandLine) -> None:
    status = stopped.run("status")
    stop = stopped.run("stop")

    assert "No node is running" in status.stdout
    assert status.returncode == 3
    assert "No node is running" in stop.stdout
    assert stop.returncode == 0


def test_a_server_that_dies_at_start_shows_the_end_of_its_log(stopped: CommandLine) -> None:
    commit_log = stopped.data / "node1" / "data" / "commitlog"
    commit_log.parent.mkdir(parents=True)
    commit_log.write_text("a file where the server needs a folder")

    failed = stopped.start()

    assert "node1 ended while it was starting" in failed.stderr
    assert f"FileSystemException: {commit_log}" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert failed.returncode == 1


def test_a_start_that_takes_too_long_is_given_up_and_leaves_no_server(
    stopped: CommandLine,
) -> None:
    failed = stopped.start("--timeout=0.1")

    assert "did not answer CQL" in failed.stderr
    assert "within 0.1 seconds" in failed.stderr
    assert failed.returncode == 1
    assert stopped.run("status").stdout == f"node1  127.0.0.1:{stopped.port}  down\n"


def test_two_starts_at_once_do_not_meet_in_one_folder(stopped: CommandLine) -> None:
    stopped.data.mkdir()
    with (stopped.data / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused = stopped.start()

    assert "Another process is starting the servers" in refused.stderr
    assert refused.returncode == 1


def test_a_folder_that_cannot_be_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    command_line = new_command_line(tmp_path / "file" / "cassandra")

    failed = command_line.start()

    assert f"{command_line.data} is none" in failed.stderr
    assert failed.returncode == 1


@pytest.mark.parametrize("heap", ["1", "G", "1T", "100M"])
def test_a_wrong_heap_size_is_explained(heap: str, stopped: CommandLine) -> None:
    failed = stopped.start(f"--heap={heap}")

    assert heap in failed.stderr
    assert "Usage" in failed.stderr
    assert failed.returncode == 2


def test_a_port_out_of_range_is_refused(stopped: CommandLine) -> None:
    assert stopped.run("start", "--port=70000").returncode == 2


def test_a_taken_jmx_port_is_named_too(stopped: CommandLine) -> None:
    with socket.create_server(("127.0.0.1", stopped.jmx_port)):
        refused = stopped.start()

    assert "--jmx-port" in refused.stderr
    assert refused.returncode == 1
