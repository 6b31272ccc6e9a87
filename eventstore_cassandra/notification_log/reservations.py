"""Places in the log for the appends of one process.

The appends that wait get their positions together (``group_commit.py``): by one batch that nobody
else has a part in, as long as no other process is met (``reserve_steps.py``), and together with
those of other processes else (``combine_steps.py``).
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate, pairwise
from uuid import UUID

from cassandra.query import BatchStatement
from eventsourcing.persistence import PersistenceError

from eventstore_cassandra.append import Found, Unanswered
from eventstore_cassandra.counters import Count, Counters
from eventstore_cassandra.errors import DRIVER_ERRORS, nothing_written
from eventstore_cassandra.notification_log.combining import Combining
from eventstore_cassandra.notification_log.driving import drive
from eventstore_cassandra.notification_log.group_commit import Begin, GroupCommit, Ticket
from eventstore_cassandra.notification_log.lobby_table import LobbyTable
from eventstore_cassandra.notification_log.marks import Marks, Reserved, WrittenRow
from eventstore_cassandra.notification_log.reserve_steps import (
    CANNOT_WRITE,
    Insist,
    LookUp,
    Place,
    Refused,
    Reply,
    Reserve,
    Step,
    after,
    reserve_steps,
)
from eventstore_cassandra.notification_log.table import LogEntry, LogTable
from eventstore_cassandra.waiting import WAITING, Waiting

logger = logging.getLogger(__name__)


class Reservations:
    """Gives positions to appends. Share it between threads."""

    def __init__(
        self,
        table: LogTable,
        lobby: LobbyTable,
        counters: Counters,
        *,
        attempts: int,
        begin: Begin | None = None,
        waiting: Waiting = WAITING,
    ) -> None:
        self._table = table
        self._counters = counters
        self._attempts = attempts
        self._waits = waiting
        # More than a bucket has positions for would run over the next bucket, too.
        size = table.buckets.size
        self._queue = GroupCommit(
            self._reserve_group, max_events=size, begin=begin, waiting=waiting
        )
        # What follows is for whoever leads.
        self._marks = Marks()
        self._place = Place(0, None, 1)
        self._place_is_known = False
        self._announced: Mapping[UUID, int] | None = None
        """Who has announced in the place's bucket, as far as is known."""
        self._combining = Combining(
            lobby, self._marks, table, counters, attempts=attempts, waiting=waiting
        )

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
        contended = self._combining.is_due
        if contended:
            self._combining.pause()
        group = self._queue.next_group()
        try:
            with nothing_written(CANNOT_WRITE):
                if not self._place_is_known:
                    self._place = self._table.end(self._place)
            if contended:
                return self._combine(group)
            return self._reserve_alone(group)
        except PersistenceError as e:
            return self._queue.answer(group, [e] * len(group))

    def _combine(self, group: Sequence[Ticket]) -> Sequence[Ticket]:
        self._place_is_known = False
        self._queue.note_sent(group)
        result = self._combining.reserve([ticket.entry for ticket in group], self._place)
        self._place, self._place_is_known = result.place, True
        self._announced = result.announced if result.place.bucket == result.bucket else None
        served = result.served
        row = WrittenRow(result.bucket, served.last, [None] * len(group), served.first)
        return self._answer(group, row, served.first)

    def _reserve_alone(self, group: Sequence[Ticket]) -> Sequence[Ticket]:
        place = self._place
        with nothing_written(CANNOT_WRITE):
            marks = self._marks.take(place.bucket)
            entries = [ticket.entry for ticket in group]
            batch = self._table.quiet_batch(place, entries, marks, self._announced)
        self._place_is_known = False
        self._queue.note_sent(group)
        name = group[0].entry.append.append_id
        instead = drive(
            reserve_steps(place, name, attempts=self._attempts),
            lambda step: self._take(step, batch, lambda: self._table.batch(place, entries, marks)),
            self._waits,
        )
        if instead is not None:
            self._queue.note_sent(())
            self._marks.put_back(marks)
            self._refused(place, instead)
            return ()
        last = place.first - 1 + sum(len(ticket.entry.events) for ticket in group)
        self._place, self._place_is_known = after(place, last, self._table.buckets), True
        if self._place.bucket != place.bucket:
            self._announced = None
        row = WrittenRow(place.bucket, last, [None] * len(group))
        return self._answer(group, row, place.first)

    def _refused(self, place: Place, instead: Refused) -> None:
        """Take note of what was at the place when a quiet batch was refused."""
        self._place_is_known = True
        if instead.head != place.head and instead.head is not None:
            self._place = after(place, instead.head, self._table.buckets)
        elif instead.announced.items() < (self._announced or {}).items():
            # What was announced long ago has vanished: nobody was met.
            self._announced = instead.announced or None
            return
        self._counters.add(Count.RESERVATION_RETRIES)
        logger.debug("Another process was first at position %d of the log.", place.first)
        self._combining.lost()

    def _answer(self, group: Sequence[Ticket], row: WrittenRow, first: int) -> Sequence[Ticket]:
        ends = accumulate((len(ticket.entry.events) for ticket in group), initial=first)
        positions = [range(begin, end) for begin, end in pairwise(ends)]
        return self._queue.answer(group, [Reserved(p, row, n) for n, p in enumerate(positions)])

    def _take(
        self, step: Step, batch: BatchStatement, insisting: Callable[[], BatchStatement]
    ) -> Reply:
        try:
            match step:
                case LookUp():
                    return Found(self._table.owner(step.place))
                case Insist():
                    return self._table.reserve(insisting())
                case Reserve():
                    return self._table.reserve(batch)
        except DRIVER_ERRORS as e:
            self._counters.add(Count.UNCERTAIN_OUTCOMES)
            return Unanswered(e)
