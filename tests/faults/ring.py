"""A ring of three nodes, and what can happen to them: they stop, or die and come back."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from patientmgmt.local_cassandra import Cluster, ClusterSettings, Node, free_ports

_ADDRESS = "127.0.0.51"
"""Of the first node; the next two follow. Clusters for people are at 127.0.0.1."""
_HEAP_MIB = 768


def ring_settings(data: Path) -> ClusterSettings:
    """Return the settings of three nodes, at ports that are free."""
    port, storage_port = free_ports(2, _ADDRESS)
    # The nodes' ports for JMX follow on. Those after a free one are free too, as good as always.
    (jmx_port,) = free_ports(1)
    return ClusterSettings(
        data=data,
        nodes=3,
        address=_ADDRESS,
        port=port,
        storage_port=storage_port,
        jmx_port=min(jmx_port, 65_533),
        heap_mib=_HEAP_MIB,
    )


@contextmanager
def paused(*nodes: Node) -> Iterator[None]:
    """Stop the servers where they are, and let them go on at the end."""
    pause(*nodes)
    try:
        yield
    finally:
        resume(*nodes)


def pause(*nodes: Node) -> None:
    """Stop the servers where they are; what is sent to them waits in the kernel's buffers."""
    for node in nodes:
        _signal(node, signal.SIGSTOP)


def resume(*nodes: Node) -> None:
    """Let the servers go on; one that runs is left alone."""
    for node in nodes:
        _signal(node, signal.SIGCONT)


@contextmanager
def killed(cluster: Cluster, node: Node) -> Iterator[None]:
    """End a server without notice, and start it again at the end, until it answers."""
    _signal(node, signal.SIGKILL)
    try:
        yield
    finally:
        cluster.start()


def _signal(node: Node, number: signal.Signals) -> None:
    pid = node.pid()
    if pid is None:
        raise AssertionError(f"Expected {node.name} to run, found no process.")
    os.kill(pid, number)
