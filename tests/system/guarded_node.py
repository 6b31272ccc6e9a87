"""A node of its own that asks for a password and speaks TLS, and ways to reach it."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from eventstore_cassandra import (
    CassandraDatastore,
    Settings,
    Topology,
    create_keyspace,
    create_tables,
)
from patientmgmt.local_cassandra import Cluster, ClusterSettings, free_ports
from patientmgmt.local_cassandra.java import find_java

NAME = "localhost"
"""What the node's certificate is made out to, and nothing else."""
_STORE = ["-alias", "node", "-storetype", "PKCS12", "-storepass", "cassandra"]


@dataclass
class GuardedNode:
    """The node, which a test may stop, start and move."""

    settings: ClusterSettings
    cluster: Cluster
    client: Settings
    """How it is reached by its name."""

    def move(self, address: str) -> None:
        """Stop the node if it runs, and start it with its data at another loopback address."""
        self.cluster.stop()
        self.settings = replace(self.settings, address=address)
        self.cluster = Cluster(self.settings)
        self.cluster.start()


@contextmanager
def guarded_node(folder: Path) -> Iterator[GuardedNode]:
    """Start the node with the tables of the event store, and stop it at the end."""
    keystore, certificate = folder / "node.p12", folder / "node.pem"
    _keytool(
        *["-genkeypair", "-keyalg", "EC", "-dname", f"CN={NAME}", "-keystore", str(keystore)],
        *["-ext", f"san=dns:{NAME}", "-ext", "bc=ca:true"],
        *["-ext", "ku=keyCertSign,digitalSignature"],
    )
    _keytool("-exportcert", "-rfc", "-keystore", str(keystore), "-file", str(certificate))
    port, storage_port, jmx_port = free_ports(3)
    settings = ClusterSettings(
        data=folder / "cassandra",
        port=port,
        storage_port=storage_port,
        jmx_port=jmx_port,
        authentication=True,
        client_keystore=str(keystore),
    )
    client = Settings(
        contact_points=(NAME,),
        port=port,
        username="cassandra",
        password="cassandra",
        tls=True,
        tls_ca_file=str(certificate),
        request_timeout=3.0,
        connect_timeout=3.0,
    )
    node = GuardedNode(settings, Cluster(settings), client)
    try:
        node.cluster.start()
        with reached(client) as datastore:
            create_keyspace(datastore, Topology.single_node())
            create_tables(datastore)
        yield node
    finally:
        node.cluster.stop()


@contextmanager
def reached(settings: Settings) -> Iterator[CassandraDatastore]:
    """Open a connection, and close it at the end."""
    datastore = CassandraDatastore(settings)
    try:
        yield datastore
    finally:
        datastore.close()


def resolve(monkeypatch: pytest.MonkeyPatch, name: str, address: str) -> None:
    """Have this process find an address behind a name; other names are looked up as always."""
    look_up = getattr(socket.getaddrinfo, "look_up", socket.getaddrinfo)

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        return look_up(address if host == name else host, *args, **kwargs)

    getaddrinfo.look_up = look_up  # type: ignore[attr-defined]
    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


def _keytool(*arguments: str) -> None:
    subprocess.run(
        [find_java().with_name("keytool"), *arguments, *_STORE], check=True, capture_output=True
    )
