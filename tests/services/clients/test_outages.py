"""The server goes away for longer than any time-out, or answers nothing, and comes back."""

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from uuid import uuid4

import pytest

from tests.services.clients.other_program import ADMITTED, TRANSFERRED, OtherProgram, Row
from tests.services.clients.polling import PollClient
from tests.services.clients.test_holes import now
from tests.services.conftest import MakeServer
from tests.services.processes import until

AWAY, BACK = "The store cannot be read.", "The store can be read again."
TIMEOUT = "1"
"""Seconds for one call."""


class Refusing(Thread):
    """Takes connections at a port, and ends each of them at once."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._listening = socket.create_server(("127.0.0.1", port))
        self._ends = Event()
        self.taken = 0

    def run(self) -> None:
        """Take connections."""
        self._listening.settimeout(0.05)
        while not self._ends.is_set():
            try:
                connection, _ = self._listening.accept()
            except TimeoutError:
                continue
            connection.close()
            self.taken += 1

    def end(self) -> None:
        """Let the port be free again."""
        self._ends.set()
        self.join()
        self._listening.close()


@contextmanager
def refusing(port: int) -> Iterator[Refusing]:
    """Have connections refused while the block runs."""
    thread = Refusing(port)
    thread.start()
    try:
        yield thread
    finally:
        thread.end()


def test_a_server_that_is_away_for_longer_than_time_outs(
    make_server: MakeServer, writer: OtherProgram, tmp_path: Path
) -> None:
    """Five tries of one call take three seconds; it is away for many of them."""
    server, id_ = make_server(), uuid4()
    client = PollClient(tmp_path, server.address, writer.topics, STOREGRPC_TIMEOUT=TIMEOUT)
    with client.running():
        writer.write(Row(id_, 1, ADMITTED, now()))
        client.wait_for([(id_, 1)])
        server.kill()
        client.process.wait_to_say(AWAY)
        with refusing(server.port) as port:
            writer.write(Row(id_, 2, TRANSFERRED, now()))
            until(lambda: port.taken >= 8, "eight connections that were refused")
            writer.write(Row(id_, 3, TRANSFERRED, now()))
        server.start()
        client.wait_for([(id_, 3)])
        client.process.wait_to_say(BACK)
    assert client.seen() == [(id_, 1), (id_, 2), (id_, 3)]
    assert client.process.said().count(AWAY) == 1


def test_a_server_that_answers_nothing_for_longer_than_time_outs(
    make_server: MakeServer, writer: OtherProgram, tmp_path: Path
) -> None:
    server, id_ = make_server(), uuid4()
    client = PollClient(tmp_path, server.address, writer.topics, STOREGRPC_TIMEOUT=TIMEOUT)
    with client.running():
        writer.write(Row(id_, 1, ADMITTED, now()))
        client.wait_for([(id_, 1)])
        server.hang()
        client.process.wait_to_say(AWAY)
        writer.write(Row(id_, 2, TRANSFERRED, now()))
        server.go_on()
        client.wait_for([(id_, 2)])
        client.process.wait_to_say(BACK)
    assert client.seen() == [(id_, 1), (id_, 2)]


def test_the_client_may_be_started_before_the_server(
    make_server: MakeServer, writer: OtherProgram, tmp_path: Path
) -> None:
    server, id_ = make_server(), uuid4()
    server.kill()
    writer.write(Row(id_, 1, ADMITTED, now()))
    client = PollClient(tmp_path, server.address, writer.topics)
    with client.running():
        client.process.wait_to_say(AWAY)
        server.start()
        client.wait_for([(id_, 1)])


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_client_while_the_server_answers_nothing(
    make_server: MakeServer, writer: OtherProgram, tmp_path: Path, stop: signal.Signals
) -> None:
    """It does not wait for the call, which would take five minutes."""
    server, id_ = make_server(), uuid4()
    client = PollClient(tmp_path, server.address, writer.topics, STOREGRPC_TIMEOUT="300")
    writer.write(Row(id_, 1, ADMITTED, now()))
    client.start()
    client.wait_for([(id_, 1)])
    server.hang()
    assert client.process.stop(stop) == 0, client.process.said()
    assert "Traceback" not in client.process.said()
    server.go_on()
    assert client.once() == 0
    assert client.seen() == [(id_, 1)]


def test_once_does_not_wait_for_a_server_that_is_away(
    make_server: MakeServer, writer: OtherProgram, tmp_path: Path
) -> None:
    server = make_server()
    server.kill()
    client = PollClient(tmp_path, server.address, writer.topics)
    assert client.once() == 1
    assert "failed to connect" in client.process.said()
    assert "Traceback" not in client.process.said()
