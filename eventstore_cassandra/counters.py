"""What the event store has done in this process, in numbers that an application can export."""

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from threading import Lock


class Count(StrEnum):
    """What is counted. The values are the names under which it is exported."""

    APPENDS = "appends"
    """Appends that this process has decided, with success."""
    CONFLICTS = "conflicts"
    """Appends that were refused, since the aggregate was at another version."""
    BARRED = "barred"
    """Appends that the server or the driver refused for good, and that were barred, or had been."""
    SLOW_APPENDS = "slow_appends"
    """Appends that took longer than CASSANDRA_SLOW_APPEND, whatever became of them."""
    HELPS = "helps"
    """Appends of other writers that a reader of the log here has decided, after the grace."""
    UNCERTAIN_OUTCOMES = "uncertain_outcomes"
    """Conditional batches and looks whose answer was lost; each was tried again or given up."""
    RESERVATION_RETRIES = "reservation_retries"
    """Reservations in the log that lost the race for its head, and were made again."""


class Counters:
    """Counts from 0 at the start of the process, which only grow. Share between threads."""

    def __init__(self) -> None:
        self._counts: Counter[Count] = Counter()
        self._lock = Lock()

    def add(self, count: Count) -> None:
        """Count one more."""
        with self._lock:
            self._counts[count] += 1

    def values(self) -> Mapping[str, int]:
        """Return every count by its name, as of now."""
        with self._lock:
            return {count.value: self._counts[count] for count in Count}
