"""Carrying out the steps of ``combine_steps.py`` for the groups of one process, and its pauses."""

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from uuid import uuid4

from eventstore_cassandra.append import Applied, Unanswered
from eventstore_cassandra.counters import Count, Counters
from eventstore_cassandra.errors import DRIVER_ERRORS, UNFIT_VALUES, describe, nothing_written
from eventstore_cassandra.notification_log.combine_steps import (
    Announce,
    Combine,
    Combined,
    Find,
    Look,
    Reply,
    Step,
    Wait,
    Withdraw,
    combine_steps,
)
from eventstore_cassandra.notification_log.driving import drive
from eventstore_cassandra.notification_log.lobby import Group
from eventstore_cassandra.notification_log.lobby_table import LobbyTable
from eventstore_cassandra.notification_log.marks import Marks
from eventstore_cassandra.notification_log.pace import Pace
from eventstore_cassandra.notification_log.reserve_steps import CANNOT_WRITE, Place
from eventstore_cassandra.notification_log.table import LogEntry, LogTable, Mark
from eventstore_cassandra.waiting import Waiting

logger = logging.getLogger(__name__)

LARGE = 16 * 1024
"""Bytes of state in a group, above which it does not stay in the lobby once it was served."""
MUCH = 256 * 1024
"""Bytes of state in a lobby, above which only those read it whose turn it is."""


class Combining:
    """Of one process; for one thread at a time: whoever leads."""

    def __init__(
        self,
        lobby: LobbyTable,
        marks: Marks,
        table: LogTable,
        counters: Counters,
        *,
        attempts: int,
        waiting: Waiting,
    ) -> None:
        self._lobby = lobby
        self._marks = marks
        self._table = table
        self._counters = counters
        self._attempts = attempts
        self._waits = waiting
        self._process = uuid4()
        self._number = 0
        self._pace = Pace()
        self._size = 0
        """Bytes of state in the lobby when it was read last."""

    @property
    def is_due(self) -> bool:
        """Whether groups are to be announced, since others were met lately."""
        return self._pace.is_contended

    def lost(self) -> None:
        """Take note of a race that was lost."""
        self._pace.lost()

    def pause(self) -> None:
        """Give others, of this process and of others, a little time."""
        self._waits.sleep_between(*self._pace.pause())

    def reserve(self, entries: list[LogEntry], place: Place) -> Combined:
        """Announce a group of appends, and see to it that it is served.

        Errors are those of :func:`combine_steps`.
        """
        appends = [entry.header() for entry in entries]
        events = [event for entry in entries for event in entry.events]
        group = Group(self._process, self._number, appends, events)
        before = self._number
        steps = combine_steps(
            group,
            place,
            self._next_number,
            self._table.buckets,
            attempts=self._attempts,
            is_eager=self._size <= MUCH,
        )
        result = drive(steps, lambda step: self._take(step, group), self._waits)
        active = sum(number > before for number in result.announced.values()) - 1
        self._pace.combined(result, active=active)
        if group.size > LARGE:
            self._take_out(result.bucket, group)
        return result

    def _take_out(self, bucket: int, group: Group) -> None:
        """Take out what is of no use any more, and what others would have to read for minutes."""
        try:
            self._lobby.delete(bucket, replace(group, number=self._number))
        except DRIVER_ERRORS as e:
            logger.debug("An announcement stays until it vanishes: %s", describe(e))

    def _next_number(self, at_least: int) -> int:
        self._number = max(self._number + 1, at_least)
        return self._number

    def _take(self, step: Step, group: Group) -> Reply:
        try:
            match step:
                case Wait():
                    self.pause()
                    return None
                case Look(with_groups=with_groups):
                    lobby = self._lobby.look(step)
                    if with_groups:
                        self._size = sum(each.size for each in lobby.groups)
                    return lobby
                case Withdraw():
                    return self._lobby.withdraw(step)
                case Find(place):
                    # What was announced in the bucket before is void.
                    self._take_out(place.bucket - 1, group)
                    with nothing_written(CANNOT_WRITE):
                        return self._table.end(place)
                case Announce(bucket):
                    began = self._waits.now()
                    reply = self._with_marks(bucket, partial(self._lobby.announce, step))
                    self._pace.announced(self._waits.now() - began)
                    return reply
                case Combine(place):
                    reply = self._with_marks(place.bucket, partial(self._lobby.combine, step))
                    if not isinstance(reply, Applied):
                        self._counters.add(Count.RESERVATION_RETRIES)
                    return reply
        except (*DRIVER_ERRORS, *UNFIT_VALUES) as e:
            self._counters.add(Count.UNCERTAIN_OUTCOMES)
            return Unanswered(e)

    def _with_marks(self, bucket: int, write: Callable[[list[Mark]], Reply]) -> Reply:
        """Have marks written along; they wait again if that is not so."""
        marks = self._marks.take(bucket)
        reply: Reply = None
        try:
            reply = write(marks)
        finally:
            if not isinstance(reply, Applied):
                self._marks.put_back(marks)
        return reply
