"""Which node a request goes to: replicas first, in one order; a node that hangs comes last.

Replicas are not shuffled, so that the writers of one aggregate meet at one coordinator. If that one
hangs (it is not down, and its connections are open), every try of an append would ask it again.
"""

from collections.abc import Iterator
from time import monotonic
from typing import Any

from cassandra import OperationTimedOut
from cassandra.cluster import ResponseFuture
from cassandra.policies import DCAwareRoundRobinPolicy, TokenAwarePolicy
from cassandra.pool import Host

SUSPECTED = 10.0
"""Seconds for which a node that did not answer in time comes after the others."""


class SuspectsLast(TokenAwarePolicy):  # type: ignore[misc]
    """Replicas first, those of the local data centre, and suspects last. Share between threads."""

    def __init__(self, local_datacenter: str | None) -> None:
        super().__init__(
            DCAwareRoundRobinPolicy(local_dc=local_datacenter or ""), shuffle_replicas=False
        )
        self._suspected_until: dict[Host, float] = {}

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
        if not self._suspected_until:
            return plan
        now = monotonic()
        return iter(sorted(plan, key=lambda host: self._suspected_until.get(host, now) > now))
