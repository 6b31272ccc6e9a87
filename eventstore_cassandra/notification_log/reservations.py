"""Places in the log for the appends of one process, which contends with others for its head.

The appends that wait get their positions in one batch (``group_commit.py``). Waiting longer after
each lost race starves the loser; so the pause is a property of the process, not of the append: it
widens with a loss and narrows with a win, and is spent before the group is taken, so that a group
which waits grows.
"""

import logging
from collections.abc import Sequence
from itertools import accumulate, pairwise
from uuid import UUID

from cassandra.query import BatchStatement
from eventsourcing.persistence import PersistenceError

from eventstore_cassandra.append import Found, Unanswered
from eventstore_cassandra.counters import Count, Counters
from eventstore_cassandra.errors import DRIVER_ERRORS, nothing_written
from eventstore_cassandra.notification_log.group_commit import CANNOT_WRITE, GroupCommit, Ticket
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
from eventstore_cassandra.waiting import WAITING, Waiting, pauses

logger = logging.getLogger(__name__)

_WIDEN, _NARROW = 1.5, 0.85
_SHORTEST, _LONGEST = 0.0005, 0.1


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
        size = table.buckets.size
        self._queue = GroupCommit(self._reserve_group, max_events=size, waiting=waiting)
        # What follows is for whoever leads.
        self._marks = Marks()
        self._place = Place(0, None, 1)
        self._place_is_known = False
        self._pause = _SHORTEST

    def reserve(self, entry: LogEntry) -> Reserved:
        """Write an append into the log as intents.

        :raises UnknownOutcomeError: when it is not known whether the intents are or will be there;
            if so, a reader of the log decides them.
        :raises PersistenceError: for whatever else fails; nothing was written.
        """
        return self._queue.wait(entry)

    def mark(self, reserved: Reserved, *, committed: bool) -> None:
        """Have the outcome written along with a later reservation in the same bucket."""
        self._marks.learn(reserved, committed=committed)

    def _reserve_group(self) -> Sequence[Ticket]:
        """Reserve for those that wait first; return who has got a result: nobody, if rivals won."""
        contended = self._pause > _SHORTEST
        if contended:
            self._waits.sleep_between(0, self._pause)
        group = self._queue.next_group()
        try:
            with nothing_written(CANNOT_WRITE):
                if contended or not self._place_is_known:
                    self._place = self._table.end(self._place)
                place = self._place
                marks = self._marks.take(place.bucket)
                batch = self._table.batch(place, [ticket.entry for ticket in group], marks)
            self._place_is_known = False
            self._queue.note_sent(group)
            instead = self._drive(place, batch, group[0].entry.append.append_id)
        except PersistenceError as e:
            return self._queue.answer(group, [e] * len(group))
        if instead is not None:
            self._queue.note_sent(())
            self._counters.add(Count.RESERVATION_RETRIES)
            logger.debug("Another process was first at position %d of the log.", place.first)
            self._pause = min(self._pause * _WIDEN, _LONGEST)
            self._place = after(place, instead, self._table.buckets)
            self._marks.put_back(marks)
            return ()
        self._pause = max(self._pause * _NARROW, _SHORTEST)
        sizes = [len(ticket.entry.events) for ticket in group]
        ends = list(accumulate(sizes, initial=place.first))
        row = WrittenRow(place.bucket, ends[-1] - 1, [None] * len(group))
        self._place = after(place, row.last, self._table.buckets)
        self._place_is_known = True
        positions = [range(first, end) for first, end in pairwise(ends)]
        return self._queue.answer(group, [Reserved(p, row, n) for n, p in enumerate(positions)])

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
