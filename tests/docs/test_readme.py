"""Every command and every program of the README does what the README says."""

import os
import re
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, STDOUT, Popen, run

import pytest

from eventstore_cassandra.appending import LOCK
from patientmgmt.local_cassandra import free_ports
from tests.docs.blocks import ROOT, blocks
from tests.system.test_commands import clean_environment, line_with

README = blocks(ROOT / "README.md")
SERVES = {"make run", "make run-cassandra"}
RUN_ELSEWHERE = {"make test": "is what runs this", "make lint": "is run beside the tests"}


class Shell:
    """A reader's terminal: commands in the checkout, data and ports of their own."""

    def __init__(self, folder: Path) -> None:
        self.web, cql, storage, jmx = free_ports(4)
        self.env = clean_environment() | {
            "PORT": str(self.web),
            "PATIENTMGMT_DATA": str(folder),
            "LOCAL_CASSANDRA_DATA": str(folder / "cassandra"),
            "LOCAL_CASSANDRA_PORT": str(cql),
            "LOCAL_CASSANDRA_STORAGE_PORT": str(storage),
            "LOCAL_CASSANDRA_JMX_PORT": str(jmx),
            "CASSANDRA_PORT": str(cql),
            "BENCH_SECONDS": "0.1",
            "BENCH_PAIRS": "2",
            "BENCH_EVENTS": "2000",
            "BENCH_NODES": "1",
            "BENCH_OUTPUT": str(folder / "bench.json"),
        }

    def do(self, code: str) -> None:
        """Run a block that ends by itself."""
        done = run(
            ["bash", "-euo", "pipefail", "-c", self._here(code)],
            cwd=ROOT,
            env=self.env,
            stdout=PIPE,
            stderr=STDOUT,
            text=True,
            timeout=900,
            check=False,
        )
        assert done.returncode == 0, f"{code}\n{done.stdout}"

    @contextmanager
    def serving(self, code: str) -> Iterator[None]:
        """Run a block that goes on until Ctrl-C, beside the ``with`` block."""
        with Popen(
            ["bash", "-c", self._here(code)],
            cwd=ROOT,
            env=self.env,
            stdout=PIPE,
            stderr=STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                line_with(process, f"The ward board is at http://127.0.0.1:{self.web}")
                yield
            finally:
                os.killpg(process.pid, signal.SIGINT)
                rest, _ = process.communicate(timeout=90)
        assert "Everything has stopped." in rest
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", self.web))

    def _here(self, code: str) -> str:
        return code.replace("127.0.0.1:8000", f"127.0.0.1:{self.web}")


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def commands(heading: str) -> list[str]:
    return [block.code for block in README if (block.heading, block.language) == (heading, "sh")]


def test_start(shell: Shell) -> None:
    first, *others = commands("Start")
    assert first.strip() in SERVES
    with shell.serving(first):
        for code in others:
            shell.do(code)


def test_on_apache_cassandra(shell: Shell) -> None:
    first, beside, *afterwards = commands("On Apache Cassandra")
    assert first.strip() in SERVES
    with shell.serving(first):
        shell.do(beside)
    for code in afterwards:
        shell.do(code)


@pytest.mark.timeout(1200)
def test_working_on_it(shell: Shell) -> None:
    for code in commands("Working on it"):
        for command in code.splitlines():
            shell.do(f"make -n {command.split()[1]}" if command in RUN_ELSEWHERE else command)


def test_the_event_store_in_your_own_application(cassandra_env: dict[str, str]) -> None:
    (program,) = [block.code for block in README if block.language == "python"]
    done = run(
        [sys.executable, "-W", "error", "-c", program],
        env=clean_environment() | cassandra_env,
        stdout=PIPE,
        stderr=STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_the_batch_that_is_shown_is_the_one_that_is_sent() -> None:
    (shown,) = [block.code for block in README if block.language == "sql"]
    update = shown.splitlines()[1].rstrip(";")
    assert re.sub(r":\w+|\b[34]\b", "?", update) == LOCK.replace("{keyspace}.", "")


def test_no_block_is_left_out() -> None:
    run_here = {
        ("Start", "sh"),
        ("On Apache Cassandra", "sh"),
        ("Working on it", "sh"),
        ("The event store in your own application", "python"),
        ("How it works", "sql"),
        ("How it works", ""),
    }
    assert {(block.heading, block.language) for block in README} == run_here
