"""Sinks as processes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from eventstore_grpc.remote.connection import Connection
from eventstore_grpc.remote.settings import ClientSettings
from tests.services.processes import Process


@dataclass(frozen=True)
class Sink:
    """A sink, and a client of its own."""

    process: Process
    port: int
    client: Connection


MakeSink = Callable[..., Sink]


@pytest.fixture
def make_sink(tmp_path: Path) -> Iterator[MakeSink]:
    """Starts sinks, with further arguments of the command."""
    made: list[Sink] = []

    def make(*arguments: str) -> Sink:
        output = tmp_path / f"sink-{len(made)}.log"
        process = Process({}, "grpc-sink", "--port", "0", *arguments, output=output)
        process.wait_to_say("The sink is at ")
        port = int(process.said().split("The sink is at ")[1].split()[0].rsplit(":", 1)[1])
        client = Connection(ClientSettings(address=f"127.0.0.1:{port}"))
        made.append(Sink(process, port, client))
        return made[-1]

    yield make
    for sink in made:
        sink.client.close()
        sink.process.kill()
