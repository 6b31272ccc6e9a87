"""Which node a request goes to: replicas first, in one order; a node that hangs comes last.

Replicas are not shuffled, so that the writers of one aggregate meet at one coordinator. If that one
hangs (it is not down, and its connections are open), every try of an append would ask it again.

The connection by which the driver hears of nodes asks here whom to connect to, too, without a
request. Where all nodes that are known are lost, they would be looked for at their old addresses
only. So at the end of its list stand those that the contact points' names lead to now.
"""

import socket
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from time import monotonic
from typing import Any

from cassandra import OperationTimedOut, UnresolvableContactPoints
from cassandra.cluster import Cluster, ResponseFuture
from cassandra.connection import EndPoint
from cassandra.policies import DCAwareRoundRobinPolicy, TokenAwarePolicy
from cassandra.pool import Host

SUSPECTED = 10.0
"""Seconds for which a node that did not answer in time comes after the others."""


class SuspectsLast(TokenAwarePolicy):  # type: ignore[misc]
    """Replicas first, those of the local data centre, and suspects last. Share between threads.

    :param resolve: returns where the contact points lead to now.
    """

    def __init__(
        self, local_datacenter: str | None, resolve: Callable[[], Sequence[EndPoint]]
    ) -> None:
        super().__init__(
            DCAwareRoundRobinPolicy(local_dc=local_datacenter or ""), shuffle_replicas=False
        )
        self._resolve = resolve
        self._suspected_until: dict[Host, float] = {}
        self._cluster: Cluster | None = None

    def populate(self, cluster: Cluster, hosts: Sequence[Host]) -> None:
        """Begin with these nodes; the driver calls it."""
        self._cluster = cluster
        super().populate(cluster, hosts)

    def watch(self, request: ResponseFuture) -> None:
        """Have a node come last for a while if it does not answer this request in time."""
        request.add_errback(self._suspect)

    def _suspect(self, error: BaseException) -> None:
        if isinstance(error, OperationTimedOut) and error.last_host is not None:
            self._suspected_until[error.last_host] = monotonic() + SUSPECTED

    def make_query_plan(
        self, working_keyspace: str | None = None, query: Any = None
    ) -> Iterator[Host]:
        """Yield the nodes to ask, one after the other."""
        plan: Iterator[Host] = super().make_query_plan(working_keyspace, query)
        if query is None:
            return chain(plan, self._found_by_name())
        if not self._suspected_until:
            return plan
        now = monotonic()
        return iter(sorted(plan, key=lambda host: self._suspected_until.get(host, now) > now))

    def _found_by_name(self) -> Iterator[Host]:
        """Yield nodes at addresses that are new; it is run once the others were in vain."""
        cluster = self._cluster
        if cluster is None:
            return
        try:
            end_points = self._resolve()
        except UnresolvableContactPoints:
            return
        for end_point in end_points:
            is_new = cluster.metadata.get_host(end_point) is None
            # The driver keeps trying to reach what it was told of once.
            if is_new and _is_reachable(end_point, cluster.connect_timeout):
                host, _ = cluster.add_host(end_point, signal=True, refresh_nodes=False)
                yield host


def _is_reachable(end_point: EndPoint, timeout: float) -> bool:
    try:
        socket.create_connection((end_point.address, end_point.port), timeout).close()
    except OSError:
        return False
    return True
