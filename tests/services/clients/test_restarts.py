"""The polling client is stopped and killed at any point, and goes on where it was."""

import fcntl
import os
import signal
import sys
import termios
from pathlib import Path
from random import Random
from select import PIPE_BUF
from threading import Event, Thread
from uuid import uuid4

import pytest

from patientmgmt.polling.follower import PART
from tests.services.clients.other_program import (
    ADMITTED,
    DISCHARGED,
    TRANSFERRED,
    OtherProgram,
    Row,
)
from tests.services.clients.polling import PollClient, Seen, in_order
from tests.services.clients.test_holes import now
from tests.services.processes import StoreServer, until

KILLS = 8
STAY = (ADMITTED, TRANSFERRED, TRANSFERRED, DISCHARGED)


class Hospital(Thread):
    """Writes stays until it is told to end."""

    def __init__(self, writer: OtherProgram, random: Random) -> None:
        super().__init__()
        self._writer = writer
        self._random = random
        self._ends = Event()
        self._failures: list[Exception] = []
        self.written: list[Seen] = []

    def run(self) -> None:
        """Write patients by the dozen, of whom some events are shown before earlier ones."""
        try:
            self._write()
        except Exception as e:  # noqa: BLE001 - raised at the end, where the test sees it
            self._failures.append(e)

    def _write(self) -> None:
        while not self._ends.is_set():
            patients = [uuid4() for _ in range(12)]
            rows = [
                Row(id_, version, type_, now() + self._random.randrange(-500, 500))
                for id_ in patients
                for version, type_ in enumerate(STAY, start=1)
            ]
            self._random.shuffle(rows)
            self._writer.write(*rows)
            self.written += [(row.id, row.version) for row in rows]

    def end(self) -> None:
        """Let it end, and wait until it has."""
        self._ends.set()
        self.join()
        for failure in self._failures:
            raise failure


def wait_for_lines(client: PollClient, number: int) -> None:
    until(lambda: len(client.lines()) >= number, f"{number} lines of the client")


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_at_any_point_in_a_loop(
    grpc_store: StoreServer, writer: OtherProgram, tmp_path: Path, seed: int
) -> None:
    random = Random(seed)
    hospital = Hospital(writer, random)
    client = PollClient(tmp_path, grpc_store.address, writer.topics)
    hospital.start()
    try:
        for _ in range(KILLS):
            before, more = len(client.lines()), random.randrange(120)
            client.start()
            if more:  # else it is killed while it starts
                wait_for_lines(client, before + more)
            client.process.kill()
    finally:
        hospital.end()
    assert client.once() == 0, client.process.said()
    seen = client.seen()
    assert {*seen} == {*hospital.written}, f"seed {seed}"
    assert in_order(list(dict.fromkeys(seen))), f"seed {seed}"
    assert len(client.cut_lines()) <= KILLS, f"seed {seed}"
    assert len(seen) - len({*seen}) <= KILLS * PART, f"seed {seed}"
    assert client.once() == 0
    assert client.seen() == seen, "what was printed is not printed again"


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_stopped_in_a_loop_it_prints_everything_once(
    grpc_store: StoreServer, writer: OtherProgram, tmp_path: Path, stop: signal.Signals
) -> None:
    hospital = Hospital(writer, Random(3))
    client = PollClient(tmp_path, grpc_store.address, writer.topics)
    hospital.start()
    try:
        for _ in range(4):
            before = len(client.lines())
            client.start()
            wait_for_lines(client, before + 1)
            assert client.process.stop(stop) == 0, client.process.said()
            assert "Traceback" not in client.process.said()
    finally:
        hospital.end()
    assert client.once() == 0
    assert in_order(client.seen())
    assert {*client.seen()} == {*hospital.written}


def test_a_restart_prints_nothing_of_the_window_again(
    grpc_store: StoreServer, writer: OtherProgram, tmp_path: Path
) -> None:
    ids = [uuid4() for _ in range(20)]
    writer.write(*(Row(id_, 1, ADMITTED, now()) for id_ in ids))
    client = PollClient(tmp_path, grpc_store.address, writer.topics)
    for _ in range(3):
        assert client.once() == 0
    assert sorted(client.seen()) == sorted((id_, 1) for id_ in ids)


def test_what_comes_next_of_an_aggregate_that_was_printed_long_ago_is_printed_alone(
    grpc_store: StoreServer, writer: OtherProgram, tmp_path: Path
) -> None:
    id_ = uuid4()
    writer.write(Row(id_, 1, ADMITTED, now() - 86_400_000), Row(uuid4(), 1, ADMITTED, now()))
    client = PollClient(tmp_path, grpc_store.address, writer.topics)
    assert client.once() == 0
    writer.write(Row(id_, 2, TRANSFERRED, now()))
    assert client.once() == 0
    assert [version for seen, version in client.seen() if seen == id_] == [1, 2]


def test_a_line_that_was_cut_does_not_swallow_the_next(
    grpc_store: StoreServer, writer: OtherProgram, tmp_path: Path
) -> None:
    first, second = Row(uuid4(), 1, ADMITTED, now()), Row(uuid4(), 1, ADMITTED, now() + 1)
    client = PollClient(tmp_path, grpc_store.address, writer.topics)
    writer.write(first)
    assert client.once() == 0
    with client.output.open("a") as output:
        output.write('{"time": "2026-')
    writer.write(second)
    assert client.once() == 0
    assert client.lines()[-2] == '{"time": "2026-'
    assert str(second.id) in client.lines()[-1]


def test_a_reader_that_goes_away_leaves_the_cursor_behind(
    grpc_store: StoreServer, writer: OtherProgram, tmp_path: Path
) -> None:
    rows = [Row(uuid4(), 1, ADMITTED, now()) for _ in range(300)]
    writer.write(*rows)
    client = PollClient(tmp_path, grpc_store.address, writer.topics)
    assert _read_some_lines(client, tmp_path) > 0
    assert client.once() == 0
    assert {*client.seen()} == {(row.id, 1) for row in rows}


@pytest.mark.parametrize("size", [100, 20_000], ids=["short lines", "long lines"])
def test_a_signal_ends_a_client_whose_lines_nobody_takes(
    grpc_store: StoreServer, writer: OtherProgram, tmp_path: Path, size: int
) -> None:
    rows = [Row(uuid4(), 1, ADMITTED, now(), f'{{"x": "{size * "x"}"}}') for _ in range(100)]
    writer.write(*rows)
    client = PollClient(tmp_path, grpc_store.address, writer.topics)
    pipe, output = tmp_path / "pipe", client.output
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, PIPE_BUF)
        client.output = pipe
        client.start()
        until(lambda: in_pipe(reader) > 0, "something in the pipe, which has room for a page")
        client.process.send(signal.SIGTERM)
        assert client.process.ended() == 0
    finally:
        os.close(reader)
        client.process.kill()
        client.output = output
    assert "Traceback" not in client.errors.read_text(encoding="utf-8")
    assert client.once() == 0
    assert {*client.seen()} == {(row.id, 1) for row in rows}


def in_pipe(reader: int) -> int:
    """Return how many bytes are in a pipe."""
    found = fcntl.ioctl(reader, termios.FIONREAD, bytes(4))
    return int.from_bytes(found, sys.byteorder)


def _read_some_lines(client: PollClient, folder: Path) -> int:
    """Let the client write to a pipe of which nobody reads more than the beginning."""
    pipe = folder / "pipe"
    os.mkfifo(pipe)
    read: list[int] = []

    def read_a_little() -> None:
        with pipe.open("rb", buffering=0) as reader:
            read.append(len(reader.read(1_000)))

    reader = Thread(target=read_a_little)
    reader.start()
    client.output, output = pipe, client.output
    try:
        client.start("--once")
        reader.join()
        assert client.process.ended() != 0
    finally:
        client.output = output
    return read[0]
