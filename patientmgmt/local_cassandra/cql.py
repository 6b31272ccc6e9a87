"""Asking a node, over CQL, whether it is there."""

import socket
import ssl

from cassandra import DriverException
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable
from cassandra.policies import WhiteListRoundRobinPolicy

from patientmgmt.local_cassandra.settings import NodeSettings

_SUPERUSER = PlainTextAuthProvider(username="cassandra", password="cassandra")  # noqa: S106 - the server's documented default
_TIMEOUT_SECONDS = 5.0


def release_version(node: NodeSettings) -> str | None:
    """Return the version that the node tells over CQL, or None when it does not answer.

    A node with authentication answers once its default superuser can log in.
    """
    if not _accepts_connections(node):
        return None
    profile = ExecutionProfile(
        load_balancing_policy=WhiteListRoundRobinPolicy([node.address]),
        request_timeout=_TIMEOUT_SECONDS,
    )
    cluster = Cluster(
        [node.address],
        port=node.port,
        auth_provider=_SUPERUSER if node.authentication else None,
        ssl_context=_any_certificate() if node.client_keystore else None,
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
        connect_timeout=_TIMEOUT_SECONDS,
        control_connection_timeout=_TIMEOUT_SECONDS,
        schema_metadata_enabled=False,
        token_metadata_enabled=False,
    )
    try:
        row = cluster.connect().execute("SELECT release_version FROM system.local").one()
        return str(row.release_version)
    except (NoHostAvailable, DriverException):
        return None
    finally:
        cluster.shutdown()


def _any_certificate() -> ssl.SSLContext:
    """What is asked of a server of this machine is whether it answers, not who it is."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _accepts_connections(node: NodeSettings) -> bool:
    """A closed port is told cheaply, without the threads of a driver."""
    try:
        socket.create_connection((node.address, node.port), timeout=_TIMEOUT_SECONDS).close()
    except OSError:
        return False
    return True
