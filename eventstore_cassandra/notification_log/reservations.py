"""Group commit: appends that wait at the same time get their positions in one batch.

One writer at a time leads: it reserves for all that wait, and calls the first of those that came
meanwhile to lead. So the rate of conditional batches on the one head bounds groups, not events.

An exception may come from outside at any point, in the thread that leads as well: an interrupt by
the keyboard, or what a handler of a signal raises. Others must not wait for ever then, nor be told
what is not so. Hence:

* Who leads holds a lock, which is given back whatever happens. Being called to lead, or told that
  there is a result, is for speed only: who waits looks for itself now and then.
* A ticket stays in the queue until it has a result, so that there is no moment at which it is
  nowhere. Before a group's batch is sent, the group is noted, in one assignment. Whoever leads next
  and finds it noted knows all that can be known: its batch may have been applied.
* What others wait for is made in C: a lock, a :class:`Signal`. What :mod:`threading` makes in
  Python may be left locked by an exception that comes in the midst of it.

Writers of other processes contend for the same head. Waiting longer after each loss starves the
loser; so the pause is a property of the writer, not of the append: it widens with a loss and
narrows with a win, and is spent before the group is taken, so that a group which waits grows.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from threading import Lock
from uuid import UUID

from cassandra.query import BatchStatement
from eventsourcing.persistence import PersistenceError

from eventstore_cassandra.append import UNKNOWN, Found, Unanswered
from eventstore_cassandra.counters import Count, Counters
from eventstore_cassandra.errors import DRIVER_ERRORS, UnknownOutcomeError, nothing_written
from eventstore_cassandra.notification_log.marks import Marks, Reserved, WrittenRow
from eventstore_cassandra.notification_log.reserve_steps import (
    LookUp,
    Place,
    Reply,
    Step,
    after,
    reserve_steps,
)
from eventstore_cassandra.notification_log.table import LogEntry, LogTable
from eventstore_cassandra.waiting import WAITING, Signal, Waiting, pauses

logger = logging.getLogger(__name__)

MAX_GROUP_EVENTS = 200
"""Intents in one batch. Enough that the batch's fixed cost does not count; more only delays."""
MAX_GROUP_BYTES = 1024 * 1024
"""State in one batch, unless a single append has more."""
_CANNOT_WRITE = "Cannot write to the notification log"
_WIDEN, _NARROW = 1.5, 0.85
_SHORTEST, _LONGEST = 0.0005, 0.1
_PATIENCE = 1.0
"""Seconds after which who waits looks whether anybody leads. It is of use after interrupts only."""


_Result = Reserved | PersistenceError


@dataclass(eq=False)
class _Ticket:
    entry: LogEntry
    called: Signal
    """Is set when there is a result, or it is the ticket's turn to lead."""
    result: _Result | None = None


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
        self._waiting: list[_Ticket] = []
        self._lock = Lock()
        """Guards the queue above."""
        self._marks = Marks()
        self._lead = Lock()
        """Is held by who leads, and guards what follows."""
        self._sent: Sequence[_Ticket] = ()
        """The group whose batch may be applied, and whose results are not known yet."""
        self._place = Place(0, None, 1)
        self._place_is_known = False
        self._pause = _SHORTEST

    def reserve(self, entry: LogEntry) -> Reserved:
        """Write an append into the log as intents.

        :raises UnknownOutcomeError: when it is not known whether the intents are or will be there;
            if so, a reader of the log decides them.
        :raises PersistenceError: for whatever else fails; nothing was written.
        """
        ticket = _Ticket(entry, self._waits.signal())
        try:
            with self._lock:
                self._waiting.append(ticket)
            while ticket.result is None:
                if self._lead.locked():
                    ticket.called.wait(_PATIENCE)
                else:
                    self._lead_until_answered(ticket)
        except BaseException:
            # Nobody need reserve for it any more, and it may have been its turn to lead.
            ticket.result = ticket.result or UnknownOutcomeError(f"Interrupted. {UNKNOWN}")
            self._call_next()
            raise
        if isinstance(ticket.result, PersistenceError):
            raise ticket.result
        return ticket.result

    def mark(self, reserved: Reserved, *, committed: bool) -> None:
        """Have the outcome written along with a later reservation in the same bucket."""
        self._marks.learn(reserved, committed=committed)

    def _lead_until_answered(self, ticket: _Ticket) -> None:
        """Reserve for groups until the ticket has a result; call the next one, then the groups.

        In this order, the next reservation is not sent behind the appends of the whole group.
        """
        with self._lead:
            answered = self._answer_interrupted()
            while ticket.result is None:
                answered += self._reserve_group()
        self._call_next()
        for each in answered:
            each.called.set()

    def _call_next(self) -> None:
        with self._lock:
            self._waiting = [ticket for ticket in self._waiting if ticket.result is None]
            if self._waiting:
                self._waiting[0].called.set()

    def _answer_interrupted(self) -> list[_Ticket]:
        """Answer, and return, those whose leader was interrupted after it had begun to send."""
        left = [ticket for ticket in self._sent if ticket.result is None]
        for ticket in left:
            ticket.result = UnknownOutcomeError(
                f"{_CANNOT_WRITE}: the thread that wrote for several was interrupted. {UNKNOWN}"
            )
        self._sent = ()
        return left

    def _reserve_group(self) -> list[_Ticket]:
        """Reserve for those that wait first; return who has got a result: nobody, if rivals won."""
        contended = self._pause > _SHORTEST
        if contended:
            self._waits.sleep_between(0, self._pause)
        group = self._next_group()
        try:
            with nothing_written(_CANNOT_WRITE):
                if contended or not self._place_is_known:
                    self._place = self._table.end(self._place)
                place = self._place
                marks = self._marks.take(place.bucket)
                batch = self._table.batch(place, [ticket.entry for ticket in group], marks)
            self._place_is_known = False
            self._sent = group
            instead = self._drive(place, batch, group[0].entry.append.append_id)
        except PersistenceError as e:
            return self._answer(group, [e] * len(group))
        if instead is not None:
            self._sent = ()
            self._counters.add(Count.RESERVATION_RETRIES)
            logger.debug("Another process was first at position %d of the log.", place.first)
            self._pause = min(self._pause * _WIDEN, _LONGEST)
            self._place = after(place, instead, self._table.buckets)
            self._marks.put_back(marks)
            return []
        self._pause = max(self._pause * _NARROW, _SHORTEST)
        sizes = [len(ticket.entry.events) for ticket in group]
        ends = list(accumulate(sizes, initial=place.first))
        row = WrittenRow(place.bucket, ends[-1] - 1, [None] * len(group))
        self._place = after(place, row.last, self._table.buckets)
        self._place_is_known = True
        positions = [range(first, end) for first, end in pairwise(ends)]
        return self._answer(group, [Reserved(p, row, n) for n, p in enumerate(positions)])

    def _answer(self, group: list[_Ticket], results: Sequence[_Result]) -> list[_Ticket]:
        for ticket, result in zip(group, results, strict=True):
            ticket.result = result
        self._sent = ()
        return group

    def _drive(self, place: Place, batch: BatchStatement, name: UUID) -> int | None:
        steps = reserve_steps(place, name, attempts=self._attempts)
        step = next(steps)
        pause = pauses()
        while True:
            reply = self._take(step, batch)
            try:
                step = steps.send(reply)
            except StopIteration as stop:
                head: int | None = stop.value
                return head
            if isinstance(reply, Unanswered):
                longest = next(pause)
                self._waits.sleep_between(longest / 2, longest)

    def _take(self, step: Step, batch: BatchStatement) -> Reply:
        try:
            if isinstance(step, LookUp):
                return Found(self._table.owner(step.place))
            return self._table.reserve(batch)
        except DRIVER_ERRORS as e:
            self._counters.add(Count.UNCERTAIN_OUTCOMES)
            return Unanswered(e)

    def _next_group(self) -> list[_Ticket]:
        """Return the first of those that wait, as many as one batch takes; all keep waiting."""
        group: list[_Ticket] = []
        events = size = 0
        with self._lock:
            for ticket in self._waiting:
                if ticket.result is not None:
                    continue
                events += len(ticket.entry.events)
                size += sum(len(event.state) for event in ticket.entry.append.events)
                if group and (events > self._max_events or size > MAX_GROUP_BYTES):
                    break
                group.append(ticket)
        return group
