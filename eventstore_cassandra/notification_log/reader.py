"""Reading the log: rows in order, each intent with its final outcome."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Protocol
from uuid import UUID

from eventsourcing.persistence import IntegrityError, Notification, OperationalError

from eventstore_cassandra.append import Append
from eventstore_cassandra.notification_log.buckets import Buckets
from eventstore_cassandra.notification_log.intents import (
    Intent,
    Look,
    Outcome,
    outcome,
    whole_append,
)
from eventstore_cassandra.notification_log.outcomes import Outcomes
from eventstore_cassandra.notification_log.reserve_steps import Place

PAGE = 1_000
"""Rows in one read of the log."""
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

    def rows(self, bucket: int, start: int, limit: int, *, serial: bool = False) -> list[Intent]:
        """Return the bucket's rows from a position on."""
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
        ``IntegrityError`` when it never will be.
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
        self._end = Place(0, None, 1)

    def scan(
        self, after: int, *, limit: int, stop: int | None = None, topics: Sequence[str] = ()
    ) -> Scan:
        """Return up to ``limit`` notifications after a position, and how far that was.

        It reads on until the limit, ``stop``, or the end of the log, however rare the topics are.

        :raises OperationalError: when the store cannot be reached.
        """
        found: list[Notification] = []
        wanted = frozenset(topics)
        while len(found) < limit and (stop is None or after < stop):
            page = PAGE if wanted else min(PAGE, limit - len(found))
            if stop is not None:
                page = min(page, stop - after)
            intents = self._intents(after + 1, page)
            if not intents:
                break
            for intent, is_committed in zip(intents, self._committed(intents), strict=True):
                after = intent.position
                if is_committed and (not wanted or intent.topic in wanted):
                    found.append(intent.notification())
                    if len(found) == limit:
                        break
        return Scan(found, after)

    def last(self) -> int | None:
        """Return the last position that holds an event, None where there is none.

        :raises OperationalError: when the store cannot be reached.
        """
        self._end = self._table.end(self._end)
        position = self._end.first - 1
        while position > 0:
            first = max(1, position - PAGE // 10 + 1)
            intents = self._intents(first, position - first + 1)
            committed = self._committed(intents)
            for intent, is_committed in reversed(list(zip(intents, committed, strict=True))):
                if is_committed:
                    return intent.position
            position = first - 1
        return None

    def _intents(self, start: int, limit: int) -> list[Intent]:
        """Return rows from a position on, across buckets, without a hole."""
        found: list[Intent] = []
        while len(found) < limit:
            position = start + len(found)
            bucket = self._bucket_with(position)
            rows = self._table.rows(bucket, position, limit - len(found))
            if not _follow_on(rows, position):
                rows = self._table.rows(bucket, position, limit - len(found), serial=True)
                if not _follow_on(rows, position):
                    raise OperationalError(
                        f"Expected position {position} and those after it in bucket {bucket} of "
                        "the notification log, found a hole. Verify the log."
                    )
            if not rows:
                break
            found += rows
        return found

    def _bucket_with(self, position: int) -> int:
        """Return the bucket that has the position, or will have it."""
        bucket = self._table.buckets.of(position)
        if bucket == 0:
            return bucket
        before = bucket - 1
        head = self._final_heads.get(before)
        if head is None:
            head = self._table.head(before)
            if head is None or not self._table.buckets.is_closed(before, head):
                return before
            self._final_heads[before] = head
        return before if position <= head else bucket

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
        # At serial consistency: where a page cut the append in two, reading that page has spread
        # its first rows to a quorum, while of the others a quorum may not know yet.
        bucket = self._bucket_with(intent.first)
        rows = self._table.rows(bucket, intent.first, intent.size, serial=True)
        try:
            self._decide(whole_append(rows))
        except IntegrityError:
            return Outcome.ABORTED
        return Outcome.COMMITTED


def _follow_on(intents: Sequence[Intent], start: int) -> bool:
    return [intent.position for intent in intents] == list(range(start, start + len(intents)))
