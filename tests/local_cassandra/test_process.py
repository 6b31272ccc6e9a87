import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from patientmgmt.local_cassandra.process import ServerProcess

SERVE = "import signal; open('ready', 'w').close(); signal.pause()"
SERVE_ON = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SERVE


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    # Opening a pipe for reading blocks until the other end is opened: the program then runs.
    os.mkfifo(tmp_path / "ready")
    server = new_server(tmp_path)
    yield server
    server.terminate(timeout=0)


def new_server(folder: Path) -> ServerProcess:
    return ServerProcess(folder / "pid", marker=f"--folder={folder}")


def launch(server: ServerProcess, folder: Path, program: str) -> None:
    command = [sys.executable, "-c", program, f"--folder={folder}"]
    server.launch(command, folder=folder, output=folder / "output.log")
    (folder / "ready").read_bytes()


def test_a_launched_process_is_found_by_another_command(
    server: ServerProcess, tmp_path: Path
) -> None:
    launch(server, tmp_path, SERVE)

    assert server.pid() is not None
    assert new_server(tmp_path).pid() == server.pid()


def test_a_launched_process_has_a_session_of_its_own(server: ServerProcess, tmp_path: Path) -> None:
    launch(server, tmp_path, SERVE)

    pid = server.pid()
    assert pid is not None
    assert os.getsid(pid) == pid


def test_a_process_that_obeys_is_not_killed(server: ServerProcess, tmp_path: Path) -> None:
    launch(server, tmp_path, SERVE)

    killed = server.terminate(timeout=30)

    assert not killed
    assert server.pid() is None
    assert not (tmp_path / "pid").exists()


def test_a_process_that_does_not_obey_in_time_is_killed(
    server: ServerProcess, tmp_path: Path
) -> None:
    launch(server, tmp_path, SERVE_ON)

    killed = server.terminate(timeout=0.2)

    assert killed
    assert server.pid() is None


def test_a_process_that_has_ended_by_itself_is_not_found(
    server: ServerProcess, tmp_path: Path
) -> None:
    launch(server, tmp_path, "open('ready', 'w').close()")
    pid = int((tmp_path / "pid").read_text())

    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)

    assert server.pid() is None


def test_no_pid_file_means_no_process(server: ServerProcess) -> None:
    assert server.pid() is None
    assert not server.terminate(timeout=0)


@pytest.mark.parametrize("content", ["", "no number\n", "999999999\n"])
def test_a_stale_pid_file_means_no_process(
    content: str, server: ServerProcess, tmp_path: Path
) -> None:
    (tmp_path / "pid").write_text(content)

    assert server.pid() is None


def test_a_process_id_that_another_program_has_now_is_left_alone(
    server: ServerProcess, tmp_path: Path
) -> None:
    (tmp_path / "pid").write_text(f"{os.getpid()}\n")

    assert server.pid() is None
    assert not server.terminate(timeout=0)
