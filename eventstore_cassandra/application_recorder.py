"""The recorder of an application's events: appends, and the notification log over them."""

from collections.abc import Sequence
from threading import Event
from typing import Any
from uuid import UUID

from eventsourcing.persistence import (
    ApplicationRecorder,
    Notification,
    NotSupportedError,
    StoredEvent,
    Subscription,
)

from eventstore_cassandra.datastore import CassandraDatastore
from eventstore_cassandra.notification_log.buckets import MAX_POSITION, Buckets
from eventstore_cassandra.notification_log.log import NotificationLog
from eventstore_cassandra.notification_log.reader import PAGE
from eventstore_cassandra.notification_log.subscription import CassandraSubscription
from eventstore_cassandra.recorders import CassandraAggregateRecorder
from eventstore_cassandra.whole_numbers import check_bounds, check_whole


class CassandraApplicationRecorder(CassandraAggregateRecorder, ApplicationRecorder):
    """Records the events of an application in one order of all. Share it between threads.

    With ``CASSANDRA_NOTIFICATION_LOG=no`` there is no such order: an append is one conditional
    batch, and notifications are refused.
    """

    def __init__(self, datastore: CassandraDatastore) -> None:
        super().__init__(datastore)
        self._log_or_none = (
            NotificationLog(
                datastore,
                self.event_types,
                Buckets(self.schema.log_bucket_size),
                lambda append, first: self._decide(append, is_intent=True, first=first),
                self._begin,
            )
            if datastore.settings.notification_log
            else None
        )

    def insert_events(
        self, stored_events: Sequence[StoredEvent], *, request: str | None = None, **kwargs: Any
    ) -> Sequence[int] | None:
        """Append events of one aggregate, all of them or none, and return their positions.

        Parameters and errors are those of :meth:`CassandraAggregateRecorder.insert_events`. Of what
        was recorded before, by the same request, no positions are returned.
        """
        if self._log_or_none is None:
            return super().insert_events(stored_events, request=request, **kwargs)
        if not stored_events:
            return []
        append, log = self._checked(stored_events, request), self._log_or_none
        with self._watched(append):
            return self._unless_done(append, lambda: log.record(append))

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """Return the aggregate's events above ``gt``, up to ``lte``, in order or reversed."""
        events = super().select_events(originator_id, gt=gt, lte=lte, desc=desc, limit=limit)
        if self._log_or_none and events:
            last = events[0 if desc else -1].originator_version
            self._log_or_none.known_versions.learn(originator_id, last)
        return events

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """Return up to ``limit`` notifications in order, from ``start`` to ``stop``.

        As in SQLite, a negative limit is none.

        Everything up to the last of them is decided. What a crashed writer left undecided is
        waited for, for a moment, and then decided here.

        :raises ProgrammingError: for bounds that are no whole numbers.
        :raises OperationalError: when the store cannot be reached.
        """
        check_bounds(start=start, limit=limit, stop=stop)
        after = 0 if start is None else start - 1 if inclusive_of_start else start
        most = MAX_POSITION if limit < 0 else limit
        scan = self._log.reader.scan(after, limit=most, stop=stop, topics=topics)
        return scan.notifications

    def max_notification_id(self) -> int | None:
        """Return the position of the last event, None where there is none.

        :raises OperationalError: when the store cannot be reached.
        """
        return self._log.reader.last()

    def settle(self, after: int) -> int:
        """Decide what writers left undecided after a position, as any reader of the log does.

        Return the position up to which all is decided now, for the next call to begin at. It reads
        1,000 events at most, so that a position which is further by as much may not be the end.

        :raises OperationalError: when the store cannot be reached.
        """
        check_whole("a position", after, outcome="")
        return self._log.reader.scan(after, limit=PAGE).up_to

    def subscribe(
        self, gt: int | None = None, topics: Sequence[str] = ()
    ) -> Subscription[ApplicationRecorder]:
        """Return an iterator of notifications above ``gt`` that waits at the end of the log."""
        check_bounds(gt=gt)
        return CassandraSubscription(self, self._log, gt, topics)

    def listen(self, listener: Event) -> None:
        """Have an event set whenever this process has recorded something, as long as it is held."""
        self._log.listen(listener)

    @property
    def _log(self) -> NotificationLog:
        if self._log_or_none is None:
            raise NotSupportedError(
                "There are no notifications with CASSANDRA_NOTIFICATION_LOG=no. Set it to yes "
                "before anything is recorded, or follow events by their type, with "
                "select_events_by_type()."
            )
        return self._log_or_none
