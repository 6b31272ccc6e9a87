"""The driver's cluster, as the settings have it: where it connects, and how it comes back."""

import socket
from ssl import SSLContext
from typing import Any

from cassandra import AuthenticationFailed
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import Cluster, DefaultConnection
from cassandra.connection import ConnectionBusy, ConnectionException, EndPoint
from cassandra.policies import ExponentialReconnectionPolicy

from eventstore_cassandra.balancing import SuspectsLast
from eventstore_cassandra.contact_names import ContactNames
from eventstore_cassandra.profiles import profiles
from eventstore_cassandra.settings import Settings

RECONNECTION = ExponentialReconnectionPolicy(0.5, 10.0, max_attempts=None)
"""When a lost node is tried again. The driver's own upper bound, ten minutes, outlasts most outages
by far; and after 64 tries it would give up for good, though some last longer."""

_PROTOCOL_VERSION = 5


class _Connection(DefaultConnection):  # type: ignore[misc]
    """A connection that mends two things of the driver's.

    It never again connects to a node that refused the password once, as a server does that cannot
    read its own passwords while others are away: that is an error like any other here. And a
    request that it does not send, because the socket takes no more, keeps its number for ever.
    """

    def send_msg(self, msg: Any, request_id: int, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().send_msg(msg, request_id, *args, **kwargs)
        except ConnectionBusy:
            with self.lock:
                self.in_flight -= 1
                self.request_ids.append(request_id)
            raise

    @classmethod
    def factory(cls, endpoint: EndPoint, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().factory(endpoint, *args, **kwargs)
        except AuthenticationFailed as e:
            raise ConnectionException(str(e), endpoint) from e


def open_cluster(
    settings: Settings, names: ContactNames, balancing: SuspectsLast, tls: SSLContext | None
) -> Cluster:
    """Return the driver's cluster; nothing is connected yet.

    :raises UnresolvableContactPoints: when no contact point has an address.
    """
    return Cluster(
        contact_points=names.resolve(),
        endpoint_factory=names,
        port=settings.port,
        protocol_version=_PROTOCOL_VERSION,
        auth_provider=PlainTextAuthProvider(settings.username, settings.password)
        if settings.username is not None
        else None,
        ssl_context=tls,
        execution_profiles=profiles(settings, balancing),
        connect_timeout=settings.connect_timeout,
        # Without this the kernel holds back the end of a larger statement for 40 ms.
        sockopts=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        connection_class=_Connection,
        reconnection_policy=RECONNECTION,
    )
