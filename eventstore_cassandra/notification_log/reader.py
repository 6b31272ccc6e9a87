"""Reading the log: rows in order, each intent with its final outcome.

It is read page by page, and what a page has found stays found. A page is bounded in its positions,
in its reads (with small buckets, each read brings little), and each read in its rows, by what those
before have weighed (``page_size.py``). So whoever follows the log comes by between two pages, to
look whether it is to stop, and never waits for a page that is too large to be sent.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Protocol

from eventsourcing.persistence import (
    Notification,
    OperationalError,
    PersistenceError,
)

from eventstore_cassandra.append import Append
from eventstore_cassandra.errors import StoreUnreachableError
from eventstore_cassandra.notification_log.buckets import MAX_POSITION, Buckets
from eventstore_cassandra.notification_log.decisions import Decisions, LookUp
from eventstore_cassandra.notification_log.intents import Intent
from eventstore_cassandra.notification_log.outcomes import Outcomes
from eventstore_cassandra.notification_log.page_size import PageSize
from eventstore_cassandra.notification_log.reserve_steps import Place

PAGE = 1_000
"""Positions in one page of the log."""
MAX_READS = 16
"""Reads in one page of the log: some tens of milliseconds where the store is well."""
_USUAL_ROW = 10
"""Events in a row, until it is known how many there are at this part of the log."""


@dataclass(frozen=True)
class Scan:
    """A stretch of the log, of which everything is decided."""

    notifications: Sequence[Notification]
    up_to: int
    """The last position that was scanned; nothing will newly appear up to here."""
    is_at_end: bool = False
    """Whether that was the end of the log when it was read."""


@dataclass(frozen=True)
class _Stretch:
    """The intents of some positions."""

    intents: Sequence[Intent]
    is_at_end: bool


class Rows(Protocol):
    """What the reader needs of the table."""

    buckets: Buckets

    def rows(
        self, bucket: int, start: int, limit: int, *, serial: bool = False
    ) -> list[list[Intent]]:
        """Return the bucket's rows from the one with a position on."""
        ...

    def head(self, bucket: int) -> int | None:
        """Return the last position in the bucket, None where it has no rows."""
        ...

    def end(self, known: Place) -> Place:
        """Return the end of the log."""
        ...


class LogReader:
    """Reads the log, and decides what its writers have left undecided. Share between threads.

    :param look: reads the aggregates' partitions at the first version of each intent; at serial
        consistency if ``serial``.
    :param decide: carries out step 2 of an append: returns when it is applied, raises
        ``IntegrityError`` or ``BarredError`` when it never will be.
    :param grace: seconds that a pending intent is left to its writer.
    """

    def __init__(
        self,
        table: Rows,
        outcomes: Outcomes,
        look: LookUp,
        decide: Callable[[Append], None],
        *,
        grace: float,
        clock: Callable[[], float] = monotonic,
        pause: Callable[[float], None] = sleep,
    ) -> None:
        self._table = table
        self._decisions = Decisions(outcomes, look, decide, grace=grace, clock=clock, pause=pause)
        self._final_heads: dict[int, int] = {}
        self._row_size: float = _USUAL_ROW
        self._page_size = PageSize()
        self._end = Place(0, None, 1)

    def scan(
        self, after: int, *, limit: int, stop: int | None = None, topics: Sequence[str] = ()
    ) -> Scan:
        """Return up to ``limit`` notifications after a position, and how far that was.

        The position may be any number, also one that no event will ever have.

        It reads on until the limit, ``stop``, or the end of the log as it was when that was read,
        however rare the topics are. If it gets no further, what it has found is returned.

        :raises OperationalError: when nothing was found, and the store cannot be reached.
        """
        found: list[Notification] = []
        is_at_end = False
        while len(found) < limit and not is_at_end and (stop is None or after < stop):
            try:
                page = self.page(after, limit=limit - len(found), stop=stop, topics=topics)
            except PersistenceError:
                if found:
                    break
                raise
            found += page.notifications
            after, is_at_end = page.up_to, page.is_at_end
        return Scan(found, after, is_at_end)

    def page(
        self, after: int, *, limit: int, stop: int | None = None, topics: Sequence[str] = ()
    ) -> Scan:
        """Do the same for one page, which may have nothing of the topics.

        :param limit: at least 1.
        :param stop: above ``after``.
        :raises OperationalError: when the store cannot be reached.
        """
        wanted = frozenset(topics)
        after = min(max(after, 0), MAX_POSITION - 1)
        size = PAGE if wanted else min(PAGE, limit)
        if stop is not None:
            size = min(size, stop - after)
        stretch = self._intents(after + 1, size)
        intents = stretch.intents
        if not intents:
            return Scan([], after, stretch.is_at_end)
        decided = self._decisions.of(intents)
        is_at_end = stretch.is_at_end and len(decided) == len(intents)
        intents = intents[: len(decided)]
        last = min(intents[-1].last, after + size)
        found: list[Notification] = []
        for intent, is_committed in zip(intents, decided, strict=True):
            if is_committed:
                found += (
                    notification
                    for notification in intent.notifications()
                    if after < notification.id <= last
                    and (not wanted or notification.topic in wanted)
                )
        if len(found) > limit:
            found = found[:limit]
            return Scan(found, found[-1].id)
        return Scan(found, last, is_at_end)

    def last(self) -> int | None:
        """Return the last position that holds an event, None where there is none.

        :raises OperationalError: when the store cannot be reached.
        """
        self._end = self._table.end(self._end)
        last = self._end.first - 1
        while last > 0:
            first = max(1, last - PAGE // 10 + 1)
            intents = self._reserved(first, last)
            decided: list[bool] = []
            while len(decided) < len(intents):
                decided += self._decisions.of(intents[len(decided) :])
            for intent, is_committed in reversed(list(zip(intents, decided, strict=True))):
                if is_committed:
                    return intent.last
            last = first - 1
        return None

    def _reserved(self, first: int, last: int) -> Sequence[Intent]:
        """Return the intents of positions that are known to be reserved."""
        intents: list[Intent] = []
        while first <= last:
            stretch = self._intents(first, last - first + 1, reserved=True)
            intents += stretch.intents
            if stretch.is_at_end:
                break
            first = intents[-1].last + 1
        return intents

    def _intents(self, start: int, size: int, *, reserved: bool = False) -> _Stretch:
        """Return the intents of at most so many positions, or to the log's end, without a hole.

        The first and the last of them may reach beyond these positions.

        :param reserved: whether all these positions are known to be reserved; else the log ends
            where there is less in an open bucket than was asked for.
        """
        found: list[Intent] = []
        position, end = start, start + size
        is_at_end = False
        reads = 0
        while position < end and not is_at_end and (reads < MAX_READS or not found):
            reads += 1
            bucket = self._bucket_with(position)
            limit = max(1, round((end - position) / self._row_size))
            limit = min(limit, self._page_size.rows)
            rows = self._rows(bucket, position, limit)
            if rows:
                found += (intent for row in rows for intent in row if intent.last >= start)
                last = rows[-1][-1].last
                position = last + 1
                is_closed = self._table.buckets.is_closed(bucket, last)
                is_at_end = not (len(rows) == limit or is_closed or reserved)
            else:
                is_at_end = bucket not in self._final_heads
        # What was read beyond is left for the next page, and the log's end with it.
        return _Stretch([each for each in found if each.first < end], is_at_end and position <= end)

    def _rows(self, bucket: int, position: int, limit: int) -> list[list[Intent]]:
        """Return rows of a bucket from the one with a position on, without a hole."""
        rows = self._read(bucket, position, limit)
        if not self._are_whole(rows, bucket, position):
            rows = self._read(bucket, position, limit, serial=True)
            if not self._are_whole(rows, bucket, position):
                raise OperationalError(
                    f"Expected position {position} and those after it in bucket {bucket} of "
                    "the notification log, found a hole. Verify the log."
                )
        if rows:
            self._row_size = (rows[-1][-1].last - rows[0][0].first + 1) / len(rows)
        return rows

    def _read(
        self, bucket: int, position: int, limit: int, *, serial: bool = False
    ) -> list[list[Intent]]:
        try:
            rows = self._table.rows(bucket, position, limit, serial=serial)
        except StoreUnreachableError:
            self._page_size.unanswered()
            raise
        states = (state for row in rows for intent in row for _, state in intent.events)
        self._page_size.answered(len(rows), sum(map(len, states)))
        return rows

    def _are_whole(self, rows: Sequence[Sequence[Intent]], bucket: int, position: int) -> bool:
        # The head may have spread where the row that it leads to has not.
        return _follow_on(rows, position) if rows else position > self._head(bucket)

    def _bucket_with(self, position: int) -> int:
        """Return the bucket that has the position, or will have it."""
        bucket = self._table.buckets.of(position)
        before = bucket - 1
        if bucket and (not self._is_closed(before) or position <= self._final_heads[before]):
            return before
        return bucket

    def _is_closed(self, bucket: int) -> bool:
        """Tell whether a bucket takes no more rows; its head is then among the final ones."""
        self._head(bucket)
        return bucket in self._final_heads

    def _head(self, bucket: int) -> int:
        """Return the last position in the bucket, 0 where it has no rows."""
        if bucket in self._final_heads:
            return self._final_heads[bucket]
        head = self._table.head(bucket)
        if self._table.buckets.is_closed(bucket, head):
            self._final_heads[bucket] = head or 0
        return head or 0


def _follow_on(rows: Sequence[Sequence[Intent]], position: int) -> bool:
    """Tell whether the first row has the position, and each begins where the one before ends."""
    starts = [row[0].first for row in rows]
    ends = [row[-1].last + 1 for row in rows]
    return starts[0] <= position < ends[0] and starts[1:] == ends[:-1]
