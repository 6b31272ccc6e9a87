"""Real Envoys, with the configuration that is shipped."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from eventstore_grpc.remote.connection import Connection
from eventstore_grpc.remote.settings import ClientSettings
from patientmgmt.mirroring import Addresses, Envoy, at, shipped
from tests.services.processes import until

LOOPBACK = "127.0.0.1"


class Between:
    """An Envoy between a client and two ports of this machine."""

    def __init__(self, envoy: Envoy) -> None:
        self.envoy = envoy
        self.client = Connection(ClientSettings(address=envoy.address))

    def mirrors(self) -> None:
        """Return once Envoy has found that the sink answers."""
        until(lambda: self.envoy.reaches("grpc-sink"), "a sink that answers")

    def counted(self, name: str) -> int:
        """Return one of Envoy's numbers."""
        return self.envoy.counters(f"{name}$").get(name, 0)


MakeBetween = Callable[[int, int], Between]


@pytest.fixture
def between(tmp_path: Path) -> Iterator[MakeBetween]:
    """Starts an Envoy between a client and the ports of a store and a sink."""
    with ExitStack() as ends:

        def make(store: int, sink: int) -> Between:
            addresses = Addresses(
                listen=(LOOPBACK, 0),
                admin=(LOOPBACK, 0),
                store=(LOOPBACK, store),
                sink=(LOOPBACK, sink),
            )
            envoy = Envoy(at(shipped(), addresses), output=tmp_path / "envoy.log")
            made = Between(ends.enter_context(envoy))
            ends.callback(made.client.close)
            return made

        yield make
