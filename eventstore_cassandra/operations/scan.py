"""Reading whole tables: the truth and the type view by token ranges, the log by buckets.

Nothing is read into memory as a whole, and no request asks one node for more than a page.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple
from uuid import UUID

from eventstore_cassandra.append import AggregateId
from eventstore_cassandra.datastore import CassandraDatastore
from eventstore_cassandra.errors import library_errors
from eventstore_cassandra.event_types import EventTypes
from eventstore_cassandra.notification_log.buckets import Buckets
from eventstore_cassandra.notification_log.reserve_steps import Place
from eventstore_cassandra.notification_log.table import LogTable, marks_of, to_first_version
from eventstore_cassandra.profiles import LOOK_READ, SERIAL_READ
from eventstore_cassandra.schema_version import checked_schema

RANGES = 64
"""Token ranges in which a table is read, each of them a step of the progress."""
PAGE = 200
"""Rows in one read of the log, of up to 200 events each."""

_MIN_TOKEN, _MAX_TOKEN = -(2**63), 2**63 - 1
_TRUTH = (
    "SELECT id, version, toUnixTimestamp(savetime) AS savetime, type, append_id, current_version,"
    " barred, erased FROM {keyspace}.events WHERE token(id) > ? AND token(id) <= ?"
)
_VIEW = (
    "SELECT id, version, toUnixTimestamp(savetime) AS savetime, type"
    " FROM {keyspace}.events_by_type WHERE token(type) > ? AND token(type) <= ?"
)
_LOG = (
    "SELECT last, appends, committed, outcomes, head FROM {keyspace}.notification_log"
    " WHERE bucket = ? AND last >= ? LIMIT ?"
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


class Logged(NamedTuple):
    """An append as it stands in the log, without the states of its events."""

    first: int
    """Position of its first event; the others follow."""
    size: int
    append_id: UUID
    aggregate_id: AggregateId
    first_version: int
    committed: bool | None
    """The mark, if there is one."""
    bucket: int
    row: int
    """The position that its row is keyed by."""


@dataclass(frozen=True)
class Stretch:
    """Appends of the log, and how far they were read."""

    appends: Sequence[Logged]
    up_to: int
    """Positions up to here that are not among the appends are not in the log."""


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

        That one is read serially: what is read up to here is said to be all that there is.

        :raises OperationalError: when the store cannot be reached.
        """
        self.end = end or self.table.end(self.end, serial=True)
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
        """Read some rows from the next position on, up to the head of their bucket."""
        stretch = _stretch(self._bucket, self._rows(LOOK_READ), head)
        if not _is_whole(stretch, self._next):
            stretch = _stretch(self._bucket, self._rows(SERIAL_READ), head)
        return stretch

    def _rows(self, profile: str) -> list[Row]:
        bound = self._statement.bind([self._bucket, self._next, PAGE])
        with library_errors("Cannot read the notification log"):
            return list(self._datastore.execute(bound, profile))


def _stretch(bucket: int, rows: Sequence[Row], head: int) -> Stretch:
    """Return what a page of a bucket's rows says of the positions up to the head."""
    appends = [
        append
        for row in rows
        if row["last"] <= head and row["appends"]
        for append in _appends(bucket, row)
    ]
    is_last = len(rows) < PAGE or rows[-1]["last"] >= head
    return Stretch(appends, head if is_last else rows[-1]["last"])


def _appends(bucket: int, row: Row) -> Iterator[Logged]:
    first = row["last"] + 1 - sum(size for *_, size in row["appends"])
    marks = marks_of(row["appends"], first, row["committed"], row["outcomes"])
    for n, (append_id, aggregate_id, version, size) in enumerate(row["appends"]):
        committed = marks[n] if marks is not None else None
        first_version, _ = to_first_version(version)
        place = (bucket, row["last"])
        yield Logged(first, size, append_id, aggregate_id, first_version, committed, *place)
        first += size


def _is_whole(stretch: Stretch, first: int) -> bool:
    """Tell whether the stretch has every position from the first one on."""
    for append in stretch.appends:
        if append.first != first:
            return False
        first += append.size
    return first == stretch.up_to + 1
