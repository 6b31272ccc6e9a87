"""Store, sink and Envoy on this machine, wired up as the containers are."""

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from time import monotonic, sleep

from eventstore_grpc.server.settings import LOOPBACK
from patientmgmt.mirroring.child import Child
from patientmgmt.mirroring.configuration import Addresses, at, shipped
from patientmgmt.mirroring.envoy import Envoy, EnvoyError

_PATIENCE = 30.0
"""Seconds for Envoy to find the sink."""
_BEHIND = 5.0
"""Seconds that the sink may be behind the calls."""
_POLL_SECONDS = 0.05
_SEEN = re.compile(r"sink\.handlers: (.*; \d+ bytes)\. So far ")
_OF_SERVERS = ("GRPC_", "STOREGRPC_")


@dataclass(frozen=True, kw_only=True)
class Ports:
    """Where each of them listens; 0 takes a free port."""

    envoy: int
    store: int
    sink: int
    admin: int


class MirroredSystem:
    """A store, a sink that compares itself with it, and Envoy before both."""

    def __init__(self, envoy: Envoy, sink: Child, *, store_address: str, sink_address: str) -> None:
        self.envoy = envoy
        self.store_address, self.sink_address = store_address, sink_address
        self._sink = sink
        self._shown = 0

    def newly_seen(self) -> list[str]:
        """Return what the sink has logged since the last time, once it has seen all calls.

        :raises OSError: when the sink or Envoy have ended.
        """
        deadline = monotonic() + _BEHIND
        while len(seen := self._seen()) < self.calls() and monotonic() < deadline:
            self._sink.check()
            sleep(_POLL_SECONDS)
        new, self._shown = seen[self._shown :], len(seen)
        return new

    def calls(self) -> int:
        """Return how many calls have come to Envoy."""
        return sum(self.envoy.counters("http.clients.downstream_rq_total$").values())

    def mirrored(self) -> int:
        """Return how many the sink has seen."""
        return len(self._seen())

    def end_of_sink(self) -> tuple[bool, str]:
        """End the sink; return whether its comparison has found no difference, and its report.

        :raises ChildError: when it has ended before.
        """
        self._sink.check()
        code = self._sink.stop()
        report = self._sink.said().rsplit("Seen so far:", 1)[-1]
        return code == 0, f"Seen so far:{report}".rstrip()

    def _seen(self) -> list[str]:
        return _SEEN.findall(self._sink.said())


@contextmanager
def mirrored_system(env: Mapping[str, str], ports: Ports, folder: Path) -> Iterator[MirroredSystem]:
    """Start everything but Cassandra; end it in the reverse order.

    :param env: of a store on Cassandra that has its tables.
    :param folder: for what they log.
    :raises OSError: when one of them does not start, or the folder is in use.
    """
    clean = {name: value for name, value in env.items() if not name.startswith(_OF_SERVERS)}
    with _alone_in(folder), ExitStack() as ends:

        def start(*arguments: str) -> Child:
            listen = ("--host", LOOPBACK, *arguments[1:])
            output = folder / f"{arguments[0]}.log"
            child = Child(arguments[0], *listen, env=clean, output=output)
            ends.push(child)  # before it is there, so that no interrupt comes between
            child.start()
            return child

        store = start("grpc-store", "--port", str(ports.store))
        store_address = store.wait_for("The event store is at ")
        sink = start("grpc-sink", "--port", str(ports.sink), "--compare", "--store", store_address)
        sink_address = sink.wait_for("The sink is at ")
        sink.wait_for("Comparing with the store at ")
        addresses = Addresses(
            listen=(LOOPBACK, ports.envoy),
            store=_address(store_address),
            sink=_address(sink_address),
            admin=(LOOPBACK, ports.admin),
        )
        output = folder / "envoy.log"
        output.write_text("", encoding="utf-8")
        envoy = Envoy(at(shipped(), addresses), output=output)
        ends.push(envoy)
        envoy.start()
        _wait_for_the_sink(envoy)
        yield MirroredSystem(envoy, sink, store_address=store_address, sink_address=sink_address)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Keep others away from a folder: the logs in it are begun anew, and read."""
    with ExitStack() as ends:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = ends.enter_context((folder / "lock").open("wb"))
            flock(lock, LOCK_EX | LOCK_NB)
        except BlockingIOError as e:
            raise OSError(
                f"Expected the folder {folder} for this demonstration alone, found that another "
                "one uses it. Stop that one, or set PATIENTMGMT_DATA to another folder and "
                "CASSANDRA_KEYSPACE to another keyspace: what is written beside Envoy is found as "
                "a difference."
            ) from e
        except OSError as e:
            raise OSError(
                f"PATIENTMGMT_DATA: expected a folder to write to, found {folder} ({e.strerror})."
            ) from e
        yield


def _wait_for_the_sink(envoy: Envoy) -> None:
    deadline = monotonic() + _PATIENCE
    while not envoy.reaches("grpc-sink"):
        if monotonic() > deadline:
            raise EnvoyError(f"Envoy has not found the sink within {_PATIENCE:g} s.")
        sleep(_POLL_SECONDS)


def _address(text: str) -> tuple[str, int]:
    host, port = text.rsplit(":", 1)
    return host, int(port)
