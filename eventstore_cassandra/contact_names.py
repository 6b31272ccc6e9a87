"""Contact points: the names, the addresses behind them, and what TLS checks certificates against.

The driver looks a contact point's name up once, and knows nodes by their addresses from then on.
The name is needed again twice: to find nodes that have come to stand behind it (``balancing.py``),
and to check a certificate, which is made out to the name that somebody trusts, hardly ever to an
address.

So every address keeps the name that led to it. An address that no contact point leads to, that of a
node which other nodes told of, has no name to be trusted: a reverse look-up is answered by whoever
owns the address. Its certificate is checked against the address, which it must have among its
alternative names; or a contact point must lead to it.
"""

import socket
from collections.abc import Callable, Mapping
from typing import Any

from cassandra import UnresolvableContactPoints
from cassandra.connection import DefaultEndPoint, DefaultEndPointFactory, EndPoint

from eventstore_cassandra.settings import Settings


class NamedEndPoint(DefaultEndPoint):  # type: ignore[misc]
    """Where a node is: equal to any other end point of its address and port.

    :param name: returns what the certificate is checked against; None without TLS.
    """

    def __init__(self, address: str, port: int, name: Callable[[str], str] | None) -> None:
        super().__init__(address, port)
        self._name = name

    @property
    def ssl_options(self) -> dict[str, str] | None:
        """What the driver hands to each new connection."""
        return {"server_hostname": self._name(self.address)} if self._name else None


class ContactNames(DefaultEndPointFactory):  # type: ignore[misc]
    """The contact points of the settings, and the names of addresses. Share it between threads."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings.port)
        self._points = settings.contact_points
        self._name = self._name_of if settings.tls else None
        self._names: Mapping[str, str] = {}

    def resolve(self) -> list[EndPoint]:
        """Look the names up, and return where they lead to now; names that lead nowhere are left.

        :raises UnresolvableContactPoints: when all of them lead nowhere.
        """
        names: dict[str, str] = {}
        for point in self._points:
            try:
                found = socket.getaddrinfo(point, self.port, type=socket.SOCK_STREAM)
            except socket.gaierror:
                continue
            for *_, (address, *_) in found:
                names.setdefault(str(address), point)
        if not names:
            raise UnresolvableContactPoints(list(self._points))
        self._names = names
        return [self._end_point(address, self.port) for address in names]

    def create(self, row: Mapping[str, Any]) -> EndPoint:
        """Return where a node is that others told of; the driver calls it."""
        found = super().create(row)
        return self._end_point(found.address, found.port)

    def _end_point(self, address: str, port: int) -> EndPoint:
        return NamedEndPoint(address, port, self._name)

    def _name_of(self, address: str) -> str:
        """Return the name that leads to an address, as of now if it did not; else the address."""
        if address not in self._names:
            try:
                self.resolve()
            except UnresolvableContactPoints:
                return address
        return self._names.get(address, address)
