"""Deciding in time what writers left undecided in the notification log.

An append whose answer was lost may stay an intent in the log, which the next reader of the log
decides. Nobody here reads it: the read models are fed by the type view. So somebody must, or a
patient might appear days after their admission was given up. It is a matter of reading on.

The position reached is kept in the store, so that a restart does not read the whole log again. If
it is lost, that is what happens. Several at once do the same work twice and no harm: an intent is
decided once, whoever comes first.
"""

import logging
from threading import Event

from eventsourcing.persistence import IntegrityError, PersistenceError, Tracking

from eventstore_cassandra import CassandraApplicationRecorder, CassandraTrackingRecorder

logger = logging.getLogger(__name__)

PERIOD = 2.0
"""Seconds between reads at the end of the log. Whoever waits for an outcome is a person; and each
read looks up the appends that are not marked yet, so that more often costs more."""
LONGEST_BACK_OFF = 30.0
"""Seconds between attempts while the store stays away; they double up to here."""
ENOUGH = 1_000
"""Positions in one read after which there may be more at once."""
SETTLED = "settled notification log"
"""The name under which the position is kept, beside those of projections."""


class Settler:
    """Follows the log and decides what is undecided. For one thread, but for :meth:`stop`."""

    def __init__(self, recorder: CassandraApplicationRecorder) -> None:
        self._recorder = recorder
        # Here it is waited between the attempts, so that a stop need not wait for them.
        self._tracking = CassandraTrackingRecorder(recorder.datastore, patience=0)
        self._stopping = Event()
        self._position: int | None = None

    def run(self) -> None:
        """Work until :meth:`stop`; wait out failures of the store."""
        wait = PERIOD
        while not self._stopping.is_set():
            try:
                self.catch_up()
            except PersistenceError as e:
                logger.warning(
                    "Appends whose outcome is unknown stay undecided. Trying again in %.2g s, and "
                    "so on until the database answers. Reason: %s",
                    wait,
                    e,
                )
                self._stopping.wait(wait)
                wait = min(2 * wait, LONGEST_BACK_OFF)
            else:
                wait = PERIOD
                self._stopping.wait(wait)

    def stop(self) -> None:
        """Let :meth:`run` return after the read under way; from any thread."""
        self._stopping.set()

    def catch_up(self) -> None:
        """Decide everything up to the log's present end.

        :raises OperationalError: when the store cannot be reached; what was decided stays so.
        """
        if self._position is None:
            self._position = self._begin()
        while not self._stopping.is_set():
            before, self._position = self._position, self._recorder.settle(self._position)
            if self._position > before:
                self._keep(self._position)
            if self._position < before + ENOUGH:
                return

    def _begin(self) -> int:
        """Return where to begin: no further than the log goes, which may be a new one."""
        kept = self._tracking.max_tracking_id(SETTLED) or 0
        return min(kept, self._recorder.max_notification_id() or 0) if kept else 0

    def _keep(self, position: int) -> None:
        try:
            self._tracking.insert_tracking(Tracking(SETTLED, position))
        except IntegrityError:
            logger.debug("Another process has settled the log beyond position %d.", position)
