"""A cluster of local nodes: started one after the other, each joining the ring of those before."""

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from patientmgmt.local_cassandra.errors import LocalCassandraError
from patientmgmt.local_cassandra.jars import resolve_jars
from patientmgmt.local_cassandra.java import find_java
from patientmgmt.local_cassandra.node import Node, nodes_in
from patientmgmt.local_cassandra.settings import ClusterSettings

START_TIMEOUT = 180.0
"""Seconds for each node to answer CQL; a node that joins a ring took 20 on a busy laptop."""
STOP_TIMEOUT = 60.0
"""Seconds for each node to flush and end, before it is killed."""

Report = Callable[[str], None]
"""Receives a sentence on each thing done, for people to read."""


def _in_silence(_sentence: str) -> None:
    pass


class Cluster:
    """The nodes of the settings, some of which may run already.

    As a context manager it starts what does not run, and in the end stops what it has started and
    nothing else. The servers do not end with the process that started them: an owner that may be
    ended by a signal turns it into an exception, so that the context is left.
    """

    def __init__(self, settings: ClusterSettings, *, report: Report = _in_silence) -> None:
        self._settings = settings
        self._report = report
        self._started: list[Node] = []
        self.nodes = [Node(settings.node(index)) for index in range(settings.nodes)]

    @property
    def contact_points(self) -> list[str]:
        """The addresses at which the nodes answer CQL."""
        return [node.settings.address for node in self.nodes]

    @property
    def port(self) -> int:
        """The port at which the nodes answer CQL."""
        return self.nodes[0].settings.port

    def start(self, *, timeout: float = START_TIMEOUT) -> None:
        """Start the nodes that do not run, and return when every node answers CQL.

        When one of them fails, those that this call has started are stopped.

        :param timeout: seconds for each node.
        :raises LocalCassandraError: when Java, Maven, the jars, a port or a folder is not as
            needed, when a server ends or takes too long, or when the folder holds more nodes.
        """
        with _only_start_in(self._settings.data):
            try:
                self._start(timeout)
            except BaseException:
                self._stop_started()
                raise

    def stop(self, *, timeout: float = STOP_TIMEOUT) -> None:
        """Stop every node that runs, whoever has started it.

        :param timeout: seconds for each node, after which it is killed.
        """
        stop_nodes(self.nodes, report=self._report, timeout=timeout)
        self._started.clear()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._stop_started()

    def _start(self, timeout: float) -> None:
        self._require_all_known_nodes()
        missing = []
        for node in self.nodes:
            pid = node.pid()
            if pid is None:
                missing.append(node)
            else:
                node.wait_until_it_answers(timeout=timeout)
                self._report(f"{node.name} is already running at {node.endpoint} (pid {pid})")
        if missing:
            self._start_missing(missing, timeout)

    def _start_missing(self, nodes: list[Node], timeout: float) -> None:
        java = find_java()
        jars = resolve_jars(self._report)
        for node in nodes:
            node.require_free_ports()
        for node in nodes:
            began = time.monotonic()
            self._report(f"{node.name} is starting at {node.endpoint}, which takes some seconds")
            self._started.append(node)
            node.launch(java=java, jars=jars)
            node.wait_until_it_answers(timeout=timeout)
            self._report(f"{node.name} answers CQL after {time.monotonic() - began:.0f} s")

    def _stop_started(self) -> None:
        running = [node for node in self._started if node.pid() is not None]
        stop_nodes(running, report=self._report)
        self._started.clear()

    def _require_all_known_nodes(self) -> None:
        known = len(nodes_in(self._settings.data))
        if known > len(self.nodes):
            raise LocalCassandraError(
                f"{self._settings.data} holds the data of {known} nodes, which belong together, "
                f"but only {len(self.nodes)} shall be started. Start all of them with --nodes, or "
                "choose another folder with --data."
            )


def stop_nodes(nodes: list[Node], *, report: Report, timeout: float = STOP_TIMEOUT) -> None:
    """Stop the nodes one after the other, and report what was done."""
    for node in nodes:
        pid = node.pid()
        killed = node.stop(timeout=timeout)
        if pid is None:
            report(f"{node.name} is not running")
        elif killed:
            report(f"{node.name} (pid {pid}) was killed: it had not ended within {timeout:g} s")
        else:
            report(f"{node.name} (pid {pid}) has stopped")


@contextmanager
def _only_start_in(data: Path) -> Iterator[None]:
    """Keep a second start out of the folder, which would find the same nodes missing."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        lock = (data / "lock").open("w")
    except OSError as e:
        raise LocalCassandraError(
            f"The servers need a folder to write to, but {data} is none ({e.strerror}). "
            "Choose another folder with --data."
        ) from e
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LocalCassandraError(
                f"Another process is starting the servers of {data}. Wait until it is done."
            ) from None
        yield
