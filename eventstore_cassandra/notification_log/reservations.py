"""Group commit: appends that wait at the same time get their positions in one batch.

One writer at a time reserves for all that wait (the others find their positions given when it is
their turn). So the rate of conditional batches on the one head bounds groups, not events.

Writers of other processes contend for the same head. Waiting longer after each loss starves the
loser; so the pause is a property of the writer, not of the append: it widens with a loss and
narrows with a win, and is spent before the group is taken, so that a group which waits grows.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from random import uniform
from threading import Lock
from time import sleep

from eventsourcing.persistence import OperationalError, PersistenceError

from eventstore_cassandra.append import UNKNOWN, Append, Found, Unanswered
from eventstore_cassandra.counters import Count, Counters
from eventstore_cassandra.errors import DRIVER_ERRORS
from eventstore_cassandra.notification_log.reserve_steps import (
    LookUp,
    Place,
    Reply,
    Step,
    after,
    reserve_steps,
)
from eventstore_cassandra.notification_log.table import LogTable, Mark

MAX_GROUP_EVENTS = 200
"""Intents in one batch. Enough that the batch's fixed cost does not count; more only delays."""
MAX_GROUP_BYTES = 1024 * 1024
"""State in one batch, unless a single append has more."""
MAX_MARKS = 400
"""Marks in one batch: twice the intents, so that they never pile up."""
_WIDEN, _NARROW = 1.5, 0.85
_SHORTEST, _LONGEST = 0.0005, 0.1


@dataclass(frozen=True)
class Reserved:
    """Where an append's intents are."""

    bucket: int
    first: int
    size: int

    @property
    def positions(self) -> range:
        """The positions of the append's events, in order."""
        return range(self.first, self.first + self.size)


@dataclass
class _Ticket:
    append: Append
    result: Reserved | PersistenceError | None = None


class Reservations:
    """Gives positions to appends. Share it between threads."""

    def __init__(self, table: LogTable, counters: Counters, *, attempts: int) -> None:
        self._table = table
        self._counters = counters
        self._attempts = attempts
        # More than a bucket has positions for would run over the next bucket, too.
        self._max_events = min(MAX_GROUP_EVENTS, table.buckets.size)
        self._waiting: deque[_Ticket] = deque()
        self._marks: deque[Mark] = deque()
        self._turn = Lock()
        self._place = Place(0, None, 1)
        self._place_is_known = False
        self._pause = _SHORTEST

    def reserve(self, append: Append) -> Reserved:
        """Write the append into the log as intents.

        :raises OperationalError: when the store cannot be reached, saying whether the outcome is
            known; an outcome that is not known may be decided by readers of the log.
        """
        ticket = _Ticket(append)
        self._waiting.append(ticket)
        with self._turn:
            while ticket.result is None:
                self._reserve_group()
        if isinstance(ticket.result, PersistenceError):
            raise ticket.result
        return ticket.result

    def mark(self, reserved: Reserved, *, committed: bool) -> None:
        """Have the outcome written along with a later reservation in the same bucket."""
        self._marks.extend(
            Mark(reserved.bucket, position, committed) for position in reserved.positions
        )

    def _reserve_group(self) -> None:
        contended = self._pause > _SHORTEST
        if contended:
            sleep(uniform(0, self._pause))  # noqa: S311 - rivals must not meet again in step
        group = self._take_group()
        try:
            if contended or not self._place_is_known:
                self._place = self._table.end(self._place)
                self._place_is_known = True
            place = self._place
            marks = self._take_marks(place.bucket)
            instead = self._drive(place, [ticket.append for ticket in group], marks)
        except BaseException as e:
            self._place_is_known = False
            for ticket in group:
                ticket.result = (
                    e
                    if isinstance(e, PersistenceError)
                    else OperationalError(f"Cannot write to the notification log: {e!r}. {UNKNOWN}")
                )
            if isinstance(e, PersistenceError):
                return
            raise
        if instead is not None:
            self._counters.add(Count.RESERVATION_RETRIES)
            self._pause = min(self._pause * _WIDEN, _LONGEST)
            self._place = after(place, instead, self._table.buckets)
            self._waiting.extendleft(reversed(group))
            self._marks.extendleft(reversed(marks))
            return
        self._pause = max(self._pause * _NARROW, _SHORTEST)
        first = place.first
        for ticket in group:
            ticket.result = Reserved(place.bucket, first, len(ticket.append.events))
            first += ticket.result.size
        self._place = after(place, first - 1, self._table.buckets)

    def _drive(self, place: Place, appends: Sequence[Append], marks: Sequence[Mark]) -> int | None:
        steps = reserve_steps(place, appends[0].append_id, attempts=self._attempts)
        step = next(steps)
        while True:
            try:
                step = steps.send(self._take(step, appends, marks))
            except StopIteration as stop:
                head: int | None = stop.value
                return head

    def _take(self, step: Step, appends: Sequence[Append], marks: Sequence[Mark]) -> Reply:
        try:
            if isinstance(step, LookUp):
                return Found(self._table.owner(step.place))
            return self._table.reserve(step.place, appends, marks)
        except DRIVER_ERRORS as e:
            self._counters.add(Count.UNCERTAIN_OUTCOMES)
            return Unanswered(e)

    def _take_group(self) -> list[_Ticket]:
        group: list[_Ticket] = []
        events = size = 0
        while self._waiting:
            append = self._waiting[0].append
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
