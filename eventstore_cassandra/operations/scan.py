"""Reading whole tables: the truth and the type view by token ranges, the log by buckets.

Nothing is read into memory as a whole, and no request asks one node for more than a page.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from eventstore_cassandra.datastore import LOOK_READ, SERIAL_READ, CassandraDatastore
from eventstore_cassandra.errors import library_errors
from eventstore_cassandra.event_types import EventTypes
from eventstore_cassandra.notification_log.buckets import Buckets
from eventstore_cassandra.notification_log.reserve_steps import Place
from eventstore_cassandra.notification_log.table import LogTable
from eventstore_cassandra.schema_version import checked_schema

RANGES = 64
"""Token ranges in which a table is read, each of them a step of the progress."""
PAGE = 1_000
"""Rows in one read of the log."""

_MIN_TOKEN, _MAX_TOKEN = -(2**63), 2**63 - 1
_TRUTH = (
    "SELECT id, version, toUnixTimestamp(savetime) AS savetime, type, append_id, current_version"
    " FROM {keyspace}.events WHERE token(id) > ? AND token(id) <= ?"
)
_VIEW = (
    "SELECT id, version, toUnixTimestamp(savetime) AS savetime, type"
    " FROM {keyspace}.events_by_type WHERE token(type) > ? AND token(type) <= ?"
)
_LOG = (
    "SELECT position, id, version, first, append_id, committed"
    " FROM {keyspace}.notification_log WHERE bucket = ? AND position >= ? LIMIT ?"
)

Row = dict[str, Any]


def truth_ranges(datastore: CassandraDatastore) -> Iterator[Iterator[Row]]:
    """Yield the rows of the aggregates' partitions, range by range.

    The rows of one partition follow each other, in version order. One that has a
    ``current_version`` and no events is a single row without a version.

    :raises OperationalError: when the store cannot be reached.
    """
    return _ranges(datastore, _TRUTH)


def view_ranges(datastore: CassandraDatastore) -> Iterator[Iterator[Row]]:
    """Yield the rows of the type view, range by range.

    :raises OperationalError: when the store cannot be reached.
    """
    return _ranges(datastore, _VIEW)


def _ranges(datastore: CassandraDatastore, query: str) -> Iterator[Iterator[Row]]:
    statement = datastore.prepare(query)
    width = (_MAX_TOKEN - _MIN_TOKEN) // RANGES
    edges = [_MIN_TOKEN + n * width for n in range(RANGES)] + [_MAX_TOKEN]
    for low, high in pairwise(edges):
        yield _rows(datastore, statement.bind([low, high]))


def _rows(datastore: CassandraDatastore, bound: Any) -> Iterator[Row]:
    with library_errors("Cannot read the whole table"):
        yield from datastore.execute(bound, LOOK_READ)


@dataclass(frozen=True)
class Stretch:
    """Rows of the log, and how far they were read."""

    rows: Sequence[Row]
    up_to: int
    """Positions up to here that are not among the rows are not in the log."""


class LogScan:
    """Reads the log from its beginning, and later what has come to it since."""

    def __init__(self, datastore: CassandraDatastore, event_types: EventTypes) -> None:
        buckets = Buckets(checked_schema(datastore).log_bucket_size)
        self.table = LogTable(datastore, event_types, buckets)
        self.end = Place(0, None, 1)
        """The end of the log when it was last read to its end."""
        self._datastore = datastore
        self._statement = datastore.prepare(_LOG)
        self._bucket = 0
        self._next = 1

    def proceed(self, end: Place | None = None) -> Iterator[Stretch]:
        """Yield what has not been read yet, up to this end of the log, or else the present one.

        :raises OperationalError: when the store cannot be reached.
        """
        self.end = end or self.table.end(self.end)
        while self._next < self.end.first:
            head = self._head()
            while self._next <= head:
                stretch = self._read(head)
                self._next = stretch.up_to + 1
                yield stretch

    def _head(self) -> int:
        """Return the last position, up to the end, of the bucket that has the next position."""
        if self._bucket == self.end.bucket:
            return self.end.first - 1
        head = self.table.head(self._bucket)
        if head is None or head < self._next:
            self._bucket += 1
            return self._head()
        return head

    def _read(self, head: int) -> Stretch:
        size = min(PAGE, head - self._next + 1)
        rows = self._rows(size, LOOK_READ)
        if [row["position"] for row in rows] != list(range(self._next, self._next + size)):
            rows = [row for row in self._rows(size, SERIAL_READ) if row["position"] <= head]
        return Stretch(rows, rows[-1]["position"] if len(rows) == size else head)

    def _rows(self, size: int, profile: str) -> list[Row]:
        bound = self._statement.bind([self._bucket, self._next, size])
        with library_errors("Cannot read the notification log"):
            return list(self._datastore.execute(bound, profile))
