"""Final outcomes of appends that this process knows, its own and those it has looked up."""

from collections import OrderedDict
from threading import Lock
from uuid import UUID

from eventstore_cassandra.notification_log.intents import Outcome

REMEMBERED = 100_000
"""Appends; some 20 MB. One that is forgotten, and is not marked in the log, costs a look."""


class Outcomes:
    """A memory of limited size; share it between threads."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._remembered = remembered
        self._outcomes: OrderedDict[UUID, Outcome] = OrderedDict()
        self._lock = Lock()

    def get(self, append_id: UUID) -> Outcome | None:
        """Return the outcome, None where it is not known."""
        with self._lock:
            return self._outcomes.get(append_id)

    def learn(self, append_id: UUID, outcome: Outcome) -> None:
        """Remember a final outcome."""
        with self._lock:
            self._outcomes[append_id] = outcome
            if len(self._outcomes) > self._remembered:
                self._outcomes.popitem(last=False)
