"""A subscription: follows the log from a position, and waits at its end."""

from collections import deque
from collections.abc import Sequence
from threading import Event

from eventsourcing.persistence import ApplicationRecorder, Notification, Subscription

from eventstore_cassandra.errors import StoreUnreachableError
from eventstore_cassandra.notification_log.log import NotificationLog
from eventstore_cassandra.notification_log.outage import Outage

PAGE = 500
"""Notifications in one page."""
SHORTEST_WAIT = 0.01
"""Seconds until the log is read again after it has had something."""
LONGEST_WAIT = 0.1
"""Seconds between reads of a log that stays quiet; waits double up to here."""


class CassandraSubscription(Subscription[ApplicationRecorder]):
    """Reads in the thread that iterates; :meth:`stop` may be called from any other.

    While the store does not answer, ``next()`` waits, and says so in the log. What waiting does not
    cure comes out of it: a refusal (missing tables, no rights), a connection that was closed or
    forked, a log with a hole. Iterating again goes on where it was, also after an interrupt.

    A writer in this process wakes it up; what other processes write is found by reading again.
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
        self._outage = Outage()
        log.listen(self._wake)

    def stop(self) -> None:
        """End the iteration, also one that waits; stopping again does nothing."""
        super().stop()
        self._log.unlisten(self._wake)
        self._wake.set()

    def __next__(self) -> Notification:
        """Return the next notification; wait for it at the end of the log.

        :raises ProgrammingError: when the store refuses to be read.
        :raises OperationalError: when the log is damaged.
        """
        wait = SHORTEST_WAIT
        while not self._has_been_stopped:
            if self._found:
                return self._found.popleft()
            self._wake.clear()
            try:
                page = self._log.reader.page(self._position, limit=PAGE, topics=self._topics)
            except StoreUnreachableError as e:
                self._wake.wait(self._outage.goes_on(e, self._position))
                continue
            self._outage.is_over(self._position)
            self._position = page.up_to
            self._found.extend(page.notifications)
            if page.is_at_end and not self._found:
                wait = SHORTEST_WAIT if self._wake.wait(wait) else min(2 * wait, LONGEST_WAIT)
        raise StopIteration
