"""Ports of this machine: is one free, and which ones are."""

import errno
import socket
from contextlib import ExitStack

from patientmgmt.local_cassandra.errors import LocalCassandraError


def require_free(address: str, port: int, *, option: str) -> None:
    """Check that a server can listen there.

    :param option: the setting that names the port or the address, for the message.
    :raises LocalCassandraError: when the port is taken, or the address is not this machine's.
    """
    with socket.socket() as probe:
        # As the server itself does: connections that have just ended do not hold a port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as e:
            raise LocalCassandraError(_why_not(address, port, option, e)) from e


def free_ports(count: int, address: str = "127.0.0.1") -> list[int]:
    """Return distinct ports that are free now; another program may take one at any time."""
    with ExitStack() as open_sockets:
        probes = [open_sockets.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind((address, 0))
        return [probe.getsockname()[1] for probe in probes]


def _why_not(address: str, port: int, option: str, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} of {address} is taken by another program. "
            f"Choose another with `patientmgmt cassandra start {option}`, or stop that program."
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return (
            f"{address} is not an address of this machine. Add it to the loopback interface "
            f"(on macOS: sudo ifconfig lo0 alias {address}), or choose another with --address."
        )
    return (
        f"No server can listen on port {port} of {address}: {error.strerror}. "
        f"Choose another with `patientmgmt cassandra start {option}`."
    )
