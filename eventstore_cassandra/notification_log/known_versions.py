"""Committed versions of aggregates that this process has read or written."""

from collections import OrderedDict
from threading import Lock

from eventstore_cassandra.append import AggregateId

REMEMBERED = 100_000
"""Aggregates; some 20 MB. One that is forgotten costs a look at its next append."""


class KnownVersions:
    """A memory of limited size; share it between threads.

    Versions only grow, so that what is remembered may be behind, but was true.
    """

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._remembered = remembered
        self._versions: OrderedDict[AggregateId, int] = OrderedDict()
        self._lock = Lock()

    def get(self, aggregate_id: AggregateId) -> int | None:
        """Return the highest version that is known to be committed."""
        with self._lock:
            return self._versions.get(aggregate_id)

    def learn(self, aggregate_id: AggregateId, version: int) -> None:
        """Remember that a version is committed."""
        with self._lock:
            known = self._versions.pop(aggregate_id, version)
            self._versions[aggregate_id] = max(known, version)
            if len(self._versions) > self._remembered:
                self._versions.popitem(last=False)
