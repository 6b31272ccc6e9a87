"""A recorder that can be held after it has reserved a place in the log, and before it decides."""

from collections.abc import Callable

from eventstore_cassandra import CassandraApplicationRecorder, CassandraDatastore
from eventstore_cassandra.append import Append, Reply


class HeldBetweenTheSteps(CassandraApplicationRecorder):
    """Has something else happen after its first reservation."""

    def __init__(self, datastore: CassandraDatastore) -> None:
        super().__init__(datastore)
        self.meanwhile: list[Callable[[], object]] = []

    def _decide(self, append: Append, *, is_intent: bool, first: Reply | None = None) -> None:
        while self.meanwhile:
            self.meanwhile.pop()()
        super()._decide(append, is_intent=is_intent, first=first)

    def _begin(self, append: Append, deliver: Callable[[Reply | None], None]) -> None:
        """Leave the decision to the append's own thread, which is the one that can be held."""
        deliver(None)
