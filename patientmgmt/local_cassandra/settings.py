"""How a node, and a cluster of nodes, shall run."""

import json
from dataclasses import asdict, dataclass, fields, replace
from ipaddress import AddressValueError, IPv4Address
from pathlib import Path

from patientmgmt.local_cassandra.errors import LocalCassandraError

SETTINGS_FILE = "settings.json"
MIN_HEAP_MIB = 512
"""Room for the memtables (a quarter of it), the key cache, and the server itself."""


@dataclass(frozen=True, kw_only=True)
class NodeSettings:
    """One node. Its folder, an absolute path, holds all that it writes."""

    folder: Path
    address: str = "127.0.0.1"
    port: int = 9042
    """Where clients speak CQL."""
    storage_port: int = 7000
    """Where nodes speak to each other."""
    jmx_port: int = 7199
    """Where nodetool connects, always on 127.0.0.1."""
    seed: str = "127.0.0.1:7000"
    """Address and storage port of the ring's first node."""
    heap_mib: int = 1024
    in_ring: bool = False
    """Whether there are other nodes to wait for."""
    authentication: bool = False
    """Whether clients log in; the superuser is cassandra with the password cassandra."""
    client_keystore: str | None = None
    """A PKCS #12 file with the node's key and certificate, under the password cassandra: clients
    speak TLS then. None has them speak in plain text."""

    def store(self) -> None:
        """Write the settings into the folder, for :meth:`load`."""
        values = {name: value for name, value in asdict(self).items() if name != "folder"}
        text = json.dumps(values, indent=2) + "\n"
        (self.folder / SETTINGS_FILE).write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "NodeSettings":
        """Return the settings with which the node of this folder was last started.

        :raises LocalCassandraError: when the file cannot be read or has other keys.
        """
        path = folder / SETTINGS_FILE
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            return cls(folder=folder, **values)
        except (OSError, ValueError, TypeError) as e:
            known = ", ".join(field.name for field in fields(cls) if field.name != "folder")
            raise LocalCassandraError(
                f"{path} cannot be read: expected a JSON object with the keys {known}, found {e}. "
                f"Restore the file, or remove {folder} to give up the node's data."
            ) from e


@dataclass(frozen=True, kw_only=True)
class ClusterSettings:
    """One or more nodes of this machine.

    The first has the address; further nodes have the following addresses and the same ports,
    except for JMX, which has the following ports of 127.0.0.1.

    :raises LocalCassandraError: when the address is not a loopback address. The servers ask for
        no password, so that they are not offered to a network.
    """

    data: Path
    nodes: int = 1
    address: str = "127.0.0.1"
    port: int = 9042
    storage_port: int = 7000
    jmx_port: int = 7199
    heap_mib: int = 1024
    authentication: bool = False
    client_keystore: str | None = None

    def __post_init__(self) -> None:
        try:
            first = IPv4Address(self.address)
            are_loopback = first.is_loopback and (first + self.nodes - 1).is_loopback
        except AddressValueError:
            are_loopback = False
        if not are_loopback:
            raise LocalCassandraError(
                f"The first node's address must be a loopback address such as 127.0.0.1, found "
                f"{self.address!r}. Choose one of 127.0.0.0/8."
            )
        jmx_ports = {self.jmx_port + index for index in range(self.nodes)}
        if len({self.port, self.storage_port} | jmx_ports) != self.nodes + 2:
            raise LocalCassandraError(
                f"A node needs different ports for CQL, storage and JMX, found {self.port}, "
                f"{self.storage_port} and {sorted(jmx_ports)}. Choose with --port, --storage-port "
                "and --jmx-port."
            )

    def node(self, index: int) -> NodeSettings:
        """Return the settings of a node, counted from 0."""
        first = NodeSettings(
            folder=self.data.resolve() / "node1",
            address=self.address,
            port=self.port,
            storage_port=self.storage_port,
            jmx_port=self.jmx_port,
            seed=f"{self.address}:{self.storage_port}",
            heap_mib=self.heap_mib,
            in_ring=self.nodes > 1,
            authentication=self.authentication,
            client_keystore=self.client_keystore,
        )
        return replace(
            first,
            folder=first.folder.with_name(f"node{index + 1}"),
            address=str(IPv4Address(self.address) + index),
            jmx_port=self.jmx_port + index,
        )
