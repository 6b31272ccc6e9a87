"""The process recorder that cannot be: it refuses when it is used, and says why."""

from collections.abc import Sequence
from typing import Any, NoReturn

from eventsourcing.persistence import NotSupportedError, ProcessRecorder, StoredEvent, Tracking

from eventstore_cassandra.application_recorder import CassandraApplicationRecorder


class CassandraProcessRecorder(CassandraApplicationRecorder, ProcessRecorder):
    """Stands for what Cassandra does not have: events and tracking in one transaction.

    It can be made, as the library's factories expect, and refuses as soon as an application asks
    it where to begin, which is before the first event is processed.
    """

    def insert_events(
        self, stored_events: Sequence[StoredEvent], *, request: str | None = None, **kwargs: Any
    ) -> Sequence[int] | None:
        """Append events that come without tracking; refuse those that come with it."""
        if kwargs.get("tracking") is not None:
            _refuse()
        return super().insert_events(stored_events, request=request, **kwargs)

    def insert_tracking(self, tracking: Tracking) -> None:
        """Refuse."""
        _refuse()

    def max_tracking_id(self, application_name: str) -> int | None:
        """Refuse."""
        _refuse()


def _refuse() -> NoReturn:
    raise NotSupportedError(
        "Cassandra cannot record new events and tracking in one transaction, since they are in two "
        "partitions, so that process applications cannot run on it. Use a projection with a "
        "tracking recorder, or another persistence module for the process application."
    )
