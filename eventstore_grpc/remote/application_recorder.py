"""The recorder of an application's events on a server, with the notification log over them."""

from collections.abc import Sequence
from typing import Any

from eventsourcing.persistence import (
    ApplicationRecorder,
    Notification,
    StoredEvent,
    Subscription,
)

from eventstore_cassandra.whole_numbers import check_bounds
from eventstore_grpc.messages import to_notification
from eventstore_grpc.protocol import methods
from eventstore_grpc.protocol import storegrpc_pb2 as pb
from eventstore_grpc.remote.recorder import RemoteAggregateRecorder, within_64_bits
from eventstore_grpc.remote.subscription import RemoteSubscription


class RemoteRecorder(RemoteAggregateRecorder, ApplicationRecorder):
    """Records the events of an application on a server. Share it between threads."""

    def insert_events(
        self, stored_events: Sequence[StoredEvent], *, request: str | None = None, **kwargs: Any
    ) -> Sequence[int] | None:
        """Append events of one aggregate, all of them or none; return their positions, if known.

        Parameters and errors are those of :meth:`RemoteAggregateRecorder.insert_events`.
        """
        positions = list(self._insert(stored_events, request))
        return positions if positions or not stored_events else None

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """Return up to ``limit`` notifications in order, from ``start`` to ``stop``."""
        check_bounds(start=start, limit=limit, stop=stop)
        left = 2**63 - 1 if limit < 0 else limit
        request = pb.ReadLogRequest(
            start=within_64_bits(start),
            stop=within_64_bits(stop),
            topics=topics,
            after_start=not inclusive_of_start,
        )
        found: list[Notification] = []
        while left > 0:
            request.limit = left
            page = self._connection.read(
                methods.READ_LOG, request, "Cannot read the notification log"
            )
            found += [to_notification(event, self._id_of(event.id)) for event in page.events]
            left -= len(page.events)
            if not page.more:
                break
            request.start, request.after_start = page.up_to, True
        return found

    def max_notification_id(self) -> int | None:
        """Return the position of the last event, None where there is none."""
        end = self._connection.read(
            methods.FIND_LOG_END, pb.FindLogEndRequest(), "Cannot read the notification log"
        )
        return end.position if end.HasField("position") else None

    def subscribe(
        self, gt: int | None = None, topics: Sequence[str] = ()
    ) -> Subscription[ApplicationRecorder]:
        """Return an iterator of notifications above ``gt`` that waits at the end of the log."""
        check_bounds(gt=gt)
        return RemoteSubscription(self, self._connection, gt, topics)
