"""Reading the log: rows in order, each intent with its final outcome."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Protocol
from uuid import UUID

from eventsourcing.persistence import IntegrityError, Notification, OperationalError

from eventstore_cassandra.append import Append, BarredError
from eventstore_cassandra.notification_log.buckets import MAX_POSITION, Buckets
from eventstore_cassandra.notification_log.intents import Intent, Look, Outcome, outcome
from eventstore_cassandra.notification_log.outcomes import Outcomes
from eventstore_cassandra.notification_log.reserve_steps import Place

PAGE = 1_000
"""Events in one read of the log."""
_USUAL_ROW = 10
"""Events in a row, until it is known how many there are at this part of the log."""
_POLL = 0.005


@dataclass(frozen=True)
class Scan:
    """A stretch of the log, of which everything is decided."""

    notifications: Sequence[Notification]
    up_to: int
    """The last position that was scanned; nothing will newly appear up to here."""


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


class LookUp(Protocol):
    """Reads what stands in the aggregates' partitions."""

    def __call__(self, intents: Sequence[Intent], *, serial: bool) -> list[Look]:
        """Return a look for each intent."""
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
        self._outcomes = outcomes
        self._look = look
        self._decide = decide
        self._grace = grace
        self._clock = clock
        self._pause = pause
        self._final_heads: dict[int, int] = {}
        self._row_size: float = _USUAL_ROW
        self._end = Place(0, None, 1)

    def scan(
        self, after: int, *, limit: int, stop: int | None = None, topics: Sequence[str] = ()
    ) -> Scan:
        """Return up to ``limit`` notifications after a position, and how far that was.

        The position may be any number, also one that no event will ever have.

        It reads on until the limit, ``stop``, or the end of the log as it was when that was read,
        however rare the topics are.

        :raises OperationalError: when the store cannot be reached.
        """
        found: list[Notification] = []
        wanted = frozenset(topics)
        after = min(max(after, 0), MAX_POSITION - 1)
        while len(found) < limit and (stop is None or after < stop):
            page = PAGE if wanted else min(PAGE, limit - len(found))
            if stop is not None:
                page = min(page, stop - after)
            intents = self._intents(after + 1, page)
            if not intents:
                break
            is_at_end = intents[-1].last < after + page
            last = min(intents[-1].last, after + page)
            for intent, is_committed in zip(intents, self._committed(intents), strict=True):
                if is_committed:
                    found += (
                        notification
                        for notification in intent.notifications()
                        if after < notification.id <= last
                        and (not wanted or notification.topic in wanted)
                    )
            after = last
            if len(found) > limit:
                found = found[:limit]
                after = found[-1].id
            if is_at_end:
                break  # what has come since is for the next scan, or this one would never end
        return Scan(found, after)

    def last(self) -> int | None:
        """Return the last position that holds an event, None where there is none.

        :raises OperationalError: when the store cannot be reached.
        """
        self._end = self._table.end(self._end)
        position = self._end.first - 1
        while position > 0:
            first = max(1, position - PAGE // 10 + 1)
            intents = self._intents(first, position - first + 1, reserved=True)
            committed = self._committed(intents)
            for intent, is_committed in reversed(list(zip(intents, committed, strict=True))):
                if is_committed:
                    return intent.last
            position = first - 1
        return None

    def _intents(self, start: int, size: int, *, reserved: bool = False) -> list[Intent]:
        """Return the intents of so many positions, or to the log's end, without a hole.

        The first and the last of them may reach beyond these positions.

        :param reserved: whether all these positions are known to be reserved; else the log ends
            where there is less in an open bucket than was asked for.
        """
        found: list[Intent] = []
        position, end = start, start + size
        while position < end:
            bucket = self._bucket_with(position)
            limit = max(1, round((end - position) / self._row_size))
            rows = self._rows(bucket, position, limit)
            if rows:
                found += (intent for row in rows for intent in row if intent.last >= start)
                last = rows[-1][-1].last
                position = last + 1
                is_closed = self._table.buckets.is_closed(bucket, last)
                goes_on = len(rows) == limit or is_closed or reserved
            else:
                goes_on = bucket in self._final_heads
            if not goes_on:
                break
        return [intent for intent in found if intent.first < end]

    def _rows(self, bucket: int, position: int, limit: int) -> list[list[Intent]]:
        """Return rows of a bucket from the one with a position on, without a hole."""
        rows = self._table.rows(bucket, position, limit)
        if not self._are_whole(rows, bucket, position):
            rows = self._table.rows(bucket, position, limit, serial=True)
            if not self._are_whole(rows, bucket, position):
                raise OperationalError(
                    f"Expected position {position} and those after it in bucket {bucket} of "
                    "the notification log, found a hole. Verify the log."
                )
        if rows:
            self._row_size = (rows[-1][-1].last - rows[0][0].first + 1) / len(rows)
        return rows

    def _are_whole(self, rows: Sequence[Sequence[Intent]], bucket: int, position: int) -> bool:
        if rows:
            return _follow_on(rows, position)
        return not self._is_closed(bucket) or position > self._final_heads[bucket]

    def _bucket_with(self, position: int) -> int:
        """Return the bucket that has the position, or will have it."""
        bucket = self._table.buckets.of(position)
        before = bucket - 1
        if bucket and (not self._is_closed(before) or position <= self._final_heads[before]):
            return before
        return bucket

    def _is_closed(self, bucket: int) -> bool:
        """Tell whether a bucket takes no more rows; its head is then among the final ones."""
        if bucket not in self._final_heads:
            head = self._table.head(bucket)
            if head is None or not self._table.buckets.is_closed(bucket, head):
                return False
            self._final_heads[bucket] = head
        return True

    def _committed(self, intents: Sequence[Intent]) -> list[bool]:
        """Tell of each intent whether it is committed, once all of them are decided."""
        undecided = {intent.append_id: intent for intent in intents if intent.mark is None}
        known = {name: self._outcomes.get(name) for name in undecided}
        known |= self._resolve([undecided[name] for name, final in known.items() if final is None])
        return [(intent.mark or known[intent.append_id]) is Outcome.COMMITTED for intent in intents]

    def _resolve(self, intents: Sequence[Intent]) -> dict[UUID, Outcome]:
        """Look until every append is decided; decide those that stay pending over the grace."""
        resolved: dict[UUID, Outcome] = {}
        helping_at = self._clock() + self._grace
        while intents:
            for intent, found in zip(intents, self._outcomes_of(intents), strict=True):
                if found is not Outcome.PENDING:
                    resolved[intent.append_id] = found
                elif self._clock() >= helping_at:
                    resolved[intent.append_id] = self._help(intent)
            intents = [intent for intent in intents if intent.append_id not in resolved]
            if intents:
                self._pause(_POLL)
        for name, final in resolved.items():
            self._outcomes.learn(name, final)
        return resolved

    def _outcomes_of(self, intents: Sequence[Intent]) -> list[Outcome]:
        found = self._look(intents, serial=False)
        outcomes = [outcome(intent, look) for intent, look in zip(intents, found, strict=True)]
        doubtful = [n for n, each in enumerate(outcomes) if each is Outcome.ABORTED]
        if doubtful:
            again = [intents[n] for n in doubtful]
            serial = self._look(again, serial=True)
            for n, intent, look in zip(doubtful, again, serial, strict=True):
                outcomes[n] = outcome(intent, look)
        return outcomes

    def _help(self, intent: Intent) -> Outcome:
        try:
            self._decide(intent.append())
        except (IntegrityError, BarredError):
            return Outcome.ABORTED
        return Outcome.COMMITTED


def _follow_on(rows: Sequence[Sequence[Intent]], position: int) -> bool:
    """Tell whether the first row has the position, and each begins where the one before ends."""
    starts = [row[0].first for row in rows]
    ends = [row[-1].last + 1 for row in rows]
    return starts[0] <= position < ends[0] and starts[1:] == ends[:-1]
