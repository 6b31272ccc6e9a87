"""Group commit: appends that wait at the same time get their positions in one batch.

One writer at a time leads: it reserves for all that wait, and hands the lead to the first of those
that came meanwhile. So the rate of conditional batches on the one head bounds groups, not events.

Writers of other processes contend for the same head. Waiting longer after each loss starves the
loser; so the pause is a property of the writer, not of the append: it widens with a loss and
narrows with a win, and is spent before the group is taken, so that a group which waits grows.
"""

import logging
from collections import deque
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from threading import Event, Lock
from uuid import UUID

from cassandra.query import BatchStatement
from eventsourcing.persistence import PersistenceError

from eventstore_cassandra.append import UNKNOWN, Found, Unanswered
from eventstore_cassandra.counters import Count, Counters
from eventstore_cassandra.errors import DRIVER_ERRORS, UnknownOutcomeError, nothing_written
from eventstore_cassandra.notification_log.reserve_steps import (
    LookUp,
    Place,
    Reply,
    Step,
    after,
    reserve_steps,
)
from eventstore_cassandra.notification_log.table import LogEntry, LogTable, Mark
from eventstore_cassandra.waiting import WAITING, Waiting

logger = logging.getLogger(__name__)

MAX_GROUP_EVENTS = 200
"""Intents in one batch. Enough that the batch's fixed cost does not count; more only delays."""
MAX_GROUP_BYTES = 1024 * 1024
"""State in one batch, unless a single append has more."""
MAX_MARKS = 100
"""Rows that are marked in one batch; usually it is one or two."""
_CANNOT_WRITE = "Cannot write to the notification log"
_WIDEN, _NARROW = 1.5, 0.85
_SHORTEST, _LONGEST = 0.0005, 0.1


@dataclass(frozen=True)
class WrittenRow:
    """A row of the log that this process has written, and what has become of its appends."""

    bucket: int
    last: int
    outcomes: list[bool | None]

    def mark(self) -> Mark | None:
        """Return the outcomes once all of them are known; None before."""
        known = [committed for committed in self.outcomes if committed is not None]
        return Mark(self.bucket, self.last, known) if len(known) == len(self.outcomes) else None


@dataclass(frozen=True)
class Reserved:
    """Where an append's intent is."""

    positions: range
    """The positions of its events, in order."""
    row: WrittenRow
    number: int
    """Which of the row's appends it is."""


_Result = Reserved | PersistenceError


@dataclass(eq=False)
class _Ticket:
    entry: LogEntry
    result: _Result | None = None
    called: Event = field(default_factory=Event)
    """Set when there is a result, or it is the ticket's turn to lead."""

    def answer(self, result: _Result) -> None:
        self.result = result
        self.called.set()


class Reservations:
    """Gives positions to appends. Share it between threads."""

    def __init__(
        self, table: LogTable, counters: Counters, *, attempts: int, waiting: Waiting = WAITING
    ) -> None:
        self._table = table
        self._counters = counters
        self._attempts = attempts
        self._waits = waiting
        # More than a bucket has positions for would run over the next bucket, too.
        self._max_events = min(MAX_GROUP_EVENTS, table.buckets.size)
        self._waiting: deque[_Ticket] = deque()
        self._is_led = False
        self._lock = Lock()
        """Guards the two above."""
        self._marks: deque[Mark] = deque()
        self._place = Place(0, None, 1)
        self._place_is_known = False
        self._pause = _SHORTEST

    def reserve(self, entry: LogEntry) -> Reserved:
        """Write an append into the log as intents.

        :raises UnknownOutcomeError: when it is not known whether the intents are or will be there;
            if so, a reader of the log decides them.
        :raises PersistenceError: for whatever else fails; nothing was written.
        """
        ticket = _Ticket(entry, called=self._waits.event())
        with self._lock:
            self._waiting.append(ticket)
            waits = self._is_led
            self._is_led = True
        if waits:
            self._wait(ticket)
        result = ticket.result or self._lead(ticket)
        if isinstance(result, PersistenceError):
            raise result
        return result

    def mark(self, reserved: Reserved, *, committed: bool) -> None:
        """Have the outcome written along with a later reservation in the same bucket.

        A row is marked when the outcomes of all its appends are known.
        """
        reserved.row.outcomes[reserved.number] = committed
        if mark := reserved.row.mark():
            self._marks.append(mark)

    def _wait(self, ticket: _Ticket) -> None:
        try:
            ticket.called.wait()
        except BaseException:  # an interrupt: nobody may be left to wait for this one's lead
            with self._lock:
                self._withdraw(ticket)
                if ticket.called.is_set() and ticket.result is None:
                    self._hand_over()
            raise

    def _lead(self, ticket: _Ticket) -> _Result:
        """Reserve for a group, let the next one lead, and answer the group; return the own result.

        In this order, the next reservation is not sent behind the appends of the whole group.
        """
        try:
            while not (group := self._reserve_group()):
                pass
        finally:
            with self._lock:
                self._withdraw(ticket)
                self._hand_over()
        for each, result in group:
            each.answer(result)
        return group[0][1]

    def _withdraw(self, ticket: _Ticket) -> None:
        """Do not reserve for a ticket, if nobody has begun to: its writer is interrupted."""
        if ticket in self._waiting:
            self._waiting.remove(ticket)

    def _hand_over(self) -> None:
        self._is_led = bool(self._waiting)
        if self._is_led:
            self._waiting[0].called.set()

    def _reserve_group(self) -> list[tuple[_Ticket, _Result]]:
        """Return the results for a group, the first that waits among it; empty if rivals won."""
        contended = self._pause > _SHORTEST
        if contended:
            self._waits.sleep_between(0, self._pause)
        group = self._take_group()
        try:
            with nothing_written(_CANNOT_WRITE):
                if contended or not self._place_is_known:
                    self._place = self._table.end(self._place)
                    self._place_is_known = True
                place = self._place
                marks = self._take_marks(place.bucket)
                batch = self._table.batch(place, [ticket.entry for ticket in group], marks)
        except PersistenceError as e:
            return [(ticket, e) for ticket in group]
        try:
            instead = self._drive(place, batch, group[0].entry.append.append_id)
        except PersistenceError as e:
            self._place_is_known = False
            return [(ticket, e) for ticket in group]
        except BaseException as e:
            self._place_is_known = False
            for ticket in group:
                ticket.answer(UnknownOutcomeError(f"{_CANNOT_WRITE}: {e!r}. {UNKNOWN}"))
            raise
        if instead is not None:
            self._counters.add(Count.RESERVATION_RETRIES)
            logger.debug("Another process was first at position %d of the log.", place.first)
            self._pause = min(self._pause * _WIDEN, _LONGEST)
            self._place = after(place, instead, self._table.buckets)
            with self._lock:
                self._waiting.extendleft(reversed(group))
            self._marks.extendleft(reversed(marks))
            return []
        self._pause = max(self._pause * _NARROW, _SHORTEST)
        sizes = [len(ticket.entry.events) for ticket in group]
        ends = list(accumulate(sizes, initial=place.first))
        row = WrittenRow(place.bucket, ends[-1] - 1, [None] * len(group))
        self._place = after(place, row.last, self._table.buckets)
        return [
            (ticket, Reserved(range(first, end), row, number))
            for number, (ticket, (first, end)) in enumerate(zip(group, pairwise(ends), strict=True))
        ]

    def _drive(self, place: Place, batch: BatchStatement, name: UUID) -> int | None:
        steps = reserve_steps(place, name, attempts=self._attempts)
        step = next(steps)
        while True:
            try:
                step = steps.send(self._take(step, batch))
            except StopIteration as stop:
                head: int | None = stop.value
                return head

    def _take(self, step: Step, batch: BatchStatement) -> Reply:
        try:
            if isinstance(step, LookUp):
                return Found(self._table.owner(step.place))
            return self._table.reserve(batch)
        except DRIVER_ERRORS as e:
            self._counters.add(Count.UNCERTAIN_OUTCOMES)
            return Unanswered(e)

    def _take_group(self) -> list[_Ticket]:
        group: list[_Ticket] = []
        events = size = 0
        with self._lock:
            while self._waiting:
                append = self._waiting[0].entry.append
                events += len(append.events)
                size += sum(len(event.state) for event in append.events)
                if group and (events > self._max_events or size > MAX_GROUP_BYTES):
                    break
                group.append(self._waiting.popleft())
        return group

    def _take_marks(self, bucket: int) -> list[Mark]:
        """Return marks of the bucket; those of buckets that were left are given up."""
        marks: list[Mark] = []
        while self._marks and len(marks) < MAX_MARKS:
            mark = self._marks.popleft()
            if mark.bucket == bucket:
                marks.append(mark)
        return marks
