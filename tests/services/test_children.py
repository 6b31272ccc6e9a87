"""What a command starts: an interrupt meanwhile leaves nothing that could not be ended."""

import signal
from collections.abc import Iterator
from os import environ
from pathlib import Path
from subprocess import Popen
from threading import Thread, current_thread, main_thread
from typing import Any
from unittest.mock import create_autospec

import pytest

from eventstore_grpc.protocol import methods
from eventstore_grpc.protocol.methods import Method
from eventstore_grpc.remote.connection import Connection
from eventstore_grpc.remote.settings import ClientSettings
from eventstore_grpc.uninterrupted import uninterrupted
from patientmgmt.mirroring import Envoy, child
from patientmgmt.mirroring.child import Child, ChildError
from patientmgmt.mirroring.system import MirroredSystem
from tests.services.envoy.backends import Backend
from tests.services.processes import PATIENCE


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """What the test session does at signals, put back afterwards."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_waits_for_the_end_of_the_block(number: signal.Signals) -> None:
    done: list[signal.Signals] = []

    def block() -> None:
        with uninterrupted():
            signal.raise_signal(number)
            done.append(number)

    with pytest.raises(KeyboardInterrupt):
        block()
    assert done == [number]
    assert signal.getsignal(number) is signal.default_int_handler


def test_a_sink_that_has_ended_is_told_instead_of_its_report(tmp_path: Path) -> None:
    with Child("grpc-sink", "--no-such-option", env=environ, output=tmp_path / "log") as sink:
        with pytest.raises(ChildError, match=r"to say 'The sink is at '.*No such option"):
            sink.wait_for("The sink is at ")
        envoy = create_autospec(Envoy, instance=True)
        envoy.counters.return_value = {"calls": 1}
        system = MirroredSystem(envoy, sink, store_address="", sink_address="")
        for ask in (system.newly_seen, system.end_of_sink):
            with pytest.raises(ChildError, match="to run, found that it has ended with code 2"):
                ask()


def test_a_child_that_is_interrupted_at_its_start_can_be_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Popen[bytes]] = []

    def begin(*arguments: Any, **options: Any) -> Popen[bytes]:
        begun.append(Popen(*arguments, **options))
        signal.raise_signal(signal.SIGINT)
        return begun[0]

    monkeypatch.setattr(child, "Popen", begin)
    started = Child("grpc-sink", "--port", "0", env=environ, output=tmp_path / "log")
    with pytest.raises(KeyboardInterrupt):
        started.start()
    assert begun[0].poll() is None
    started.stop()
    assert begun[0].poll() is not None


@pytest.mark.parametrize(
    "method", [methods.FIND_LOG_END, methods.SUBSCRIBE], ids=["unary", "stream"]
)
def test_a_call_that_is_interrupted_at_its_start_does_not_hold_up_the_end(
    method: Method[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """gRPC waits at the end for what nobody takes any more, if the thread for it did not start."""
    start = Thread.start

    def interrupted(thread: Thread) -> None:
        if current_thread() is main_thread():
            signal.raise_signal(signal.SIGINT)
        start(thread)

    with Backend() as server:
        connection = Connection(ClientSettings(address=f"127.0.0.1:{server.port}"))
        begin = connection.stream if method.is_stream else connection.begin
        with monkeypatch.context() as patched:
            patched.setattr(Thread, "start", interrupted)
            with pytest.raises(KeyboardInterrupt):
                begin(method, method.request())
        closing = Thread(target=connection.close, daemon=True)
        closing.start()
        closing.join(PATIENCE)
        assert not closing.is_alive()
