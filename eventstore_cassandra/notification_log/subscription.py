"""A subscription: follows the log from a position, and waits at its end."""

from collections import deque
from collections.abc import Sequence
from threading import Event

from eventsourcing.persistence import ApplicationRecorder, Notification, Subscription

from eventstore_cassandra.notification_log.log import NotificationLog

PAGE = 500
"""Notifications in one read."""
SHORTEST_WAIT = 0.01
"""Seconds until the log is read again after it has had something."""
LONGEST_WAIT = 0.1
"""Seconds between reads of a log that stays quiet; waits double up to here."""


class CassandraSubscription(Subscription[ApplicationRecorder]):
    """Reads in the thread that iterates; :meth:`stop` may be called from any other.

    Errors of the store come out of ``next()``, and iterating again goes on where it was. A writer
    in this process wakes it up; what other processes write is found by reading again.
    """

    def __init__(
        self,
        recorder: ApplicationRecorder,
        log: NotificationLog,
        gt: int | None = None,
        topics: Sequence[str] = (),
    ) -> None:
        super().__init__(recorder, gt, topics)
        self._log = log
        self._position = gt or 0
        self._found: deque[Notification] = deque()
        self._wake = Event()
        log.listen(self._wake)

    def stop(self) -> None:
        """End the iteration, also one that waits; stopping again does nothing."""
        super().stop()
        self._log.unlisten(self._wake)
        self._wake.set()

    def __next__(self) -> Notification:
        """Return the next notification; wait for it at the end of the log."""
        wait = SHORTEST_WAIT
        while not self._has_been_stopped:
            if self._found:
                return self._found.popleft()
            self._wake.clear()
            scan = self._log.reader.scan(self._position, limit=PAGE, topics=self._topics)
            self._position = scan.up_to
            self._found.extend(scan.notifications)
            if not self._found and self._wake.wait(wait):
                wait = SHORTEST_WAIT
            elif not self._found:
                wait = min(2 * wait, LONGEST_WAIT)
        raise StopIteration
