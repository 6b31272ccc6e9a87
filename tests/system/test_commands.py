"""The command line as an operator meets it."""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, STDOUT, Popen, run
from sys import executable
from urllib.request import urlopen

import pytest

from patientmgmt.domain.commands import AdmitPatient
from patientmgmt.runtime import MODELS, open_runtime
from projections.checkpoints import Checkpoints
from projections.generations import Generations

Env = dict[str, str]


def command(*arguments: str) -> list[str]:
    return [executable, "-m", "patientmgmt", *arguments]


def clean_environment() -> Env:
    ours = (
        *("CASSANDRA_", "PATIENTMGMT_", "PERSISTENCE_", "SQLITE_", "GRPC_", "STOREGRPC_"),
        *("ORIGINATOR_", "HOST", "PORT"),
    )
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def finished(env: Env, *arguments: str) -> tuple[int, str]:
    """Run a command to its end; return its exit code, and its output with its errors."""
    done = run(
        command(*arguments),
        env=clean_environment() | env,
        stdout=PIPE,
        stderr=STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout


@contextmanager
def running(env: Env, *arguments: str) -> Iterator[Popen[str]]:
    """Run a command beside the block, and end it if the block has not."""
    process = Popen(
        command(*arguments),
        env=clean_environment() | env,
        stdout=PIPE,
        stderr=STDOUT,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def line_with(process: Popen[str], text: str) -> str:
    """Return the next line of the output that has the text."""
    assert process.stdout is not None
    seen = []
    for line in process.stdout:
        seen.append(line)
        if text in line:
            return line
    raise AssertionError(f"expected a line with {text!r}, found {seen}")


@pytest.fixture
def sqlite_env(tmp_path: Path) -> Env:
    return {"PATIENTMGMT_DATA": str(tmp_path / "data")}


@pytest.fixture(params=["sqlite", "cassandra"])
def env(request: pytest.FixtureRequest) -> Env:
    name = "sqlite_env" if request.param == "sqlite" else "shared_cassandra_env"
    found: Env = request.getfixturevalue(name)
    return found


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_run_serves_the_board_and_stops_cleanly(env: Env, stop: signal.Signals) -> None:
    with running(env, "run", "--port", "0") as process:
        url = line_with(process, "The ward board is at").split()[5]
        with urlopen(url, timeout=10) as response:  # noqa: S310 - the address printed just now
            assert "Ward board" in response.read().decode()
        process.send_signal(stop)
        rest, _ = process.communicate(timeout=30)
    assert process.returncode == 0, rest
    assert "Everything has stopped." in rest
    assert "Traceback" not in rest
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1])))


def test_web_and_worker_can_run_as_processes_of_their_own(env: Env) -> None:
    with running(env, "serve", "--port", "0") as web, running(env, "worker") as worker:
        line_with(web, "The web application is at")
        line_with(worker, "The projection worker is running")
        code, output = finished(env, "scenario")
        assert code == 0, output
        for process, sentence in (
            (worker, "The projection worker has stopped."),
            (web, "The web application has stopped."),
        ):
            process.send_signal(signal.SIGTERM)
            rest, _ = process.communicate(timeout=30)
            assert process.returncode == 0
            assert sentence in rest


def test_a_port_that_is_taken_is_named(sqlite_env: Env) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, output = finished(sqlite_env, "run", "--port", port)
    assert code == 1
    assert f"Cannot listen on 127.0.0.1 port {port}" in output
    assert "Traceback" not in output


def test_a_worker_that_cannot_go_on_stops_everything(sqlite_env: Env) -> None:
    with open_runtime(clean_environment() | sqlite_env) as runtime:
        runtime.application.admit(AdmitPatient(name="Ada Marsh", age=34, ward="AA"))
        for model in MODELS.values():
            live = Generations(runtime.database).live(model)
            Checkpoints(runtime.database.records, live).save(runtime.feed.name, "not a position")
    code, output = finished(sqlite_env, "run", "--port", "0")
    assert code == 1
    assert "The projection worker has failed" in output
    assert "not a position" in output


def test_commands_beside_the_running_application_use_its_store(env: Env) -> None:
    store = {name: value for name, value in env.items() if name != "PERSISTENCE_MODULE"}
    with running(env, "run", "--port", "0") as process:
        url = line_with(process, "The ward board is at").split()[5]
        folder = {"PATIENTMGMT_DATA": env["PATIENTMGMT_DATA"]}
        code, output = finished(folder, "scenario")
        assert code == 0, output
        with urlopen(f"{url}/api/wards", timeout=10) as board:  # noqa: S310 - as above
            assert "Ada Marsh" in board.read().decode()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert not list(Path(store["PATIENTMGMT_DATA"]).glob("running*"))


def test_a_second_signal_does_not_interrupt_stopping(sqlite_env: Env) -> None:
    with running(sqlite_env, "run", "--port", "0") as process:
        line_with(process, "The ward board is at")
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "Everything has stopped." in rest
    assert "Traceback" not in rest


def test_a_variable_that_is_empty_counts_as_not_set(tmp_path: Path) -> None:
    env = {"PATIENTMGMT_DATA": str(tmp_path), "PERSISTENCE_MODULE": "", "SQLITE_DBNAME": ""}
    code, output = finished(env, "demo-data", "--patients", "2")
    assert code == 0, output
    assert (tmp_path / "patients.sqlite").stat().st_size > 0


@pytest.mark.parametrize("subcommand", ["run", "demo-data", "worker"])
def test_a_file_that_is_no_event_store_is_named(sqlite_env: Env, subcommand: str) -> None:
    folder = Path(sqlite_env["PATIENTMGMT_DATA"])
    folder.mkdir()
    (folder / "patients.sqlite").write_bytes(b"not a database, but long enough to look at " * 100)
    code, output = finished(sqlite_env, subcommand)
    assert code == 1
    assert "Expected a SQLite file" in output
    assert "Traceback" not in output


def test_init_can_be_run_again(shared_cassandra_env: Env) -> None:
    code, output = finished(shared_cassandra_env, "init")
    assert code == 0, output
    assert f"Keyspace {shared_cassandra_env['CASSANDRA_KEYSPACE']} is ready" in output


def test_init_makes_no_tables_for_ids_that_patients_do_not_have(shared_cassandra_env: Env) -> None:
    code, output = finished(shared_cassandra_env | {"ORIGINATOR_ID_TYPE": "text"}, "init")
    assert code == 1
    assert "ORIGINATOR_ID_TYPE: expected uuid" in output
    assert "Traceback" not in output


def test_init_says_that_sqlite_needs_none(sqlite_env: Env) -> None:
    code, output = finished(sqlite_env, "init")
    assert code == 0
    assert "nothing to do" in output


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--topology", "several-datacenters"], "needs --replicas NAME=N"),
        (["--topology", "several-datacenters", "--replicas", "DC1"], "expected NAME=N"),
        (["--replicas", "DC1=3"], "goes with --topology several-datacenters only"),
        (["--topology", "ring"], "is not one of"),
    ],
)
def test_a_topology_that_is_not_whole_is_refused(
    shared_cassandra_env: Env, arguments: list[str], sentence: str
) -> None:
    code, output = finished(shared_cassandra_env, "init", *arguments)
    assert code == 2
    assert sentence in output


@pytest.mark.parametrize(
    ("subcommand", "variable", "value", "sentence"),
    [
        ("run", "CASSANDRA_CONTACT_POINTS", "127.0.0.99", "Cannot connect to Cassandra at"),
        ("worker", "CASSANDRA_CONTACT_POINTS", "127.0.0.99", "Cannot connect to Cassandra at"),
        ("serve", "CASSANDRA_APPEND_CONSISTENCY", "MOST", "expected one of LOCAL_QUORUM"),
        ("init", "CASSANDRA_KEYSPACE", "no-such", "expected a letter, then letters"),
        ("demo-data", "PERSISTENCE_MODULE", "eventsourcing.oracle", "eventsourcing.oracle"),
        ("scenario", "PATIENTMGMT_DATA", "/dev/null/data", "expected a folder to write to"),
    ],
)
def test_a_wrong_setting_is_one_sentence(
    shared_cassandra_env: Env, subcommand: str, variable: str, value: str, sentence: str
) -> None:
    wrong = shared_cassandra_env | {variable: value, "CASSANDRA_CONNECT_TIMEOUT": "2"}
    code, output = finished(wrong, subcommand)
    assert code == 1
    assert sentence in output
    assert "Traceback" not in output


@pytest.mark.parametrize("subcommand", ["serve", "demo-data"])
def test_a_keyspace_without_tables_names_the_command_that_makes_them(
    shared_cassandra_env: Env, subcommand: str
) -> None:
    code, output = finished(
        shared_cassandra_env | {"CASSANDRA_KEYSPACE": "nothing_here"}, subcommand
    )
    assert code == 1
    assert "patientmgmt init" in output
    assert "Traceback" not in output


def test_help_names_every_command_with_a_sentence() -> None:
    code, output = finished({}, "--help")
    assert code == 0
    for name in ("run", "serve", "worker", "init", "demo-data", "scenario", "store", "cassandra"):
        assert f"\n  {name}" in output
