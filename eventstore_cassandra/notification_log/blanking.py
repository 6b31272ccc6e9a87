"""Taking the contents of an aggregate's events out of rows of the log; their positions stay."""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

from eventstore_cassandra.append import AggregateId
from eventstore_cassandra.datastore import CassandraDatastore
from eventstore_cassandra.erased import ERASED_STATE, ERASED_TOPIC
from eventstore_cassandra.errors import library_errors
from eventstore_cassandra.event_types import EventTypes
from eventstore_cassandra.notification_log.table import LoggedEvent
from eventstore_cassandra.profiles import SERIAL_READ
from eventstore_cassandra.repeatable import write_repeatedly

_READ = "SELECT appends, events FROM {keyspace}.notification_log WHERE bucket = ? AND last = ?"
_BLANK = (
    "UPDATE {keyspace}.notification_log SET events = ? WHERE bucket = ? AND last = ? IF events = ?"
)


class Blanking:
    """Looks at and blanks rows of the log. Share it between threads."""

    def __init__(self, datastore: CassandraDatastore, event_types: EventTypes) -> None:
        self._datastore = datastore
        self._event_types = event_types
        self._read = datastore.prepare(_READ)
        self._blank = datastore.prepare(_BLANK)

    def contents(self, bucket: int, last: int, aggregate_id: AggregateId) -> int:
        """Return how many events of the aggregate have their contents in the row.

        :raises OperationalError: when the store cannot be reached.
        """
        appends, events = self._row(bucket, last)
        erased_type = self._event_types.known_type_of(ERASED_TOPIC)
        return _differing(events, blanked(appends, events, aggregate_id, erased_type or -1))

    def blank(self, bucket: int, last: int, aggregate_id: AggregateId) -> int:
        """Blank the aggregate's events in the row; return how many had their contents.

        :raises OperationalError: when the store cannot be reached. It can be done again then.
        """
        erased_type = self._event_types.type_of(ERASED_TOPIC)
        found = 0
        while True:
            appends, events = self._row(bucket, last)
            blank = blanked(appends, events, aggregate_id, erased_type)
            differing = _differing(events, blank)
            if not differing:
                return found
            found = max(found, differing)
            statement = self._blank.bind([blank, bucket, last, events])
            write_repeatedly(self._datastore, statement, "Cannot blank a row of the log")

    def _row(self, bucket: int, last: int) -> tuple[Sequence[Any], Sequence[LoggedEvent]]:
        with library_errors("Cannot read a row of the notification log"):
            bound = self._read.bind([bucket, last])
            row = self._datastore.execute(bound, SERIAL_READ).one()
        return (row["appends"] or [], row["events"] or []) if row else ([], [])


def blanked(
    appends: Sequence[Any],
    events: Sequence[LoggedEvent],
    aggregate_id: AggregateId,
    erased_type: int,
) -> list[LoggedEvent]:
    """Return a row's events, with an erased one in the place of each of the aggregate's."""
    ends = accumulate((size for *_, size in appends), initial=0)
    result = list(events)
    for (_, owner, *_), (begin, end) in zip(appends, pairwise(ends), strict=True):
        if owner == aggregate_id:
            result[begin:end] = [(erased_type, ERASED_STATE, None)] * (end - begin)
    return result


def _differing(events: Sequence[LoggedEvent], others: Sequence[LoggedEvent]) -> int:
    return sum(event != other for event, other in zip(events, others, strict=True))
