"""What is to be printed next: a page of the feed, put into order."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from eventsourcing.persistence import OperationalError, StoredEvent

from patientmgmt.polling.cursor import Cursor, Progress
from patientmgmt.polling.saved import SavedEvent
from projections.feeds.feed import Feed, aggregate_id
from projections.sequencer import Gap, Sequencer

logger = logging.getLogger(__name__)

COMPARED = 20
"""Aggregates, one of which must be in the store: more than are erased one after the other."""


class AnotherStoreError(Exception):
    """The cursor is of another store than the one at the address."""


@dataclass(frozen=True)
class Page:
    """What is to be printed, and to be noted when it was."""

    events: Sequence[SavedEvent]
    progress: Progress
    more: bool
    """Whether others are there already."""


class Follower:
    """Follows a feed of :class:`SavedEvent` from where the cursor is. Let it :meth:`begin` first.

    It owns nothing that cannot be lost: when reading fails, :meth:`begin` goes back to the cursor,
    as after a crash.
    """

    def __init__(self, feed: Feed, cursor: Cursor) -> None:
        self._feed = feed
        self._cursor = cursor
        self._gone: dict[UUID, int] = {}
        """The versions seen of aggregates that were erased before they could be read."""
        self._reported: set[UUID] = set()
        self._sequencer = Sequencer(self._printed)
        self._place: str | None = None

    def begin(self) -> None:
        """Begin where the cursor is, after a look at whether it is of this store.

        :raises AnotherStoreError: when it is not.
        :raises PersistenceError: when the store cannot be read.
        """
        latest = self._cursor.latest(COMPARED)
        if latest and not any(self._feed.stream(id_, after=v - 1) for id_, v in latest):
            id_, version = latest[0]
            raise AnotherStoreError(
                f"The cursor is not of this store: expected aggregate {id_} at version {version}, "
                "which was printed, found none. Is it the right address, or was an older backup "
                "put back? Nothing was printed, and the cursor is as it was."
            )
        self._gone.clear()
        self._sequencer = Sequencer(self._printed)
        saved = self._cursor.checkpoint
        # Its beginning: who comes shortly after another would be shown the window's tail alone.
        self._place = None if saved is None else self._feed.earliest([saved])

    def poll(self) -> Page:
        """Return the next page, which is the last one if it has no events and there are no more.

        It must be printed and noted in the cursor before the next one.

        :raises PersistenceError: when the events cannot be read.
        """
        self._gone.clear()  # they are in the cursor
        batch = self._feed.poll(self._place)
        released = self._sequencer.accept(batch.events)
        for gap in self._sequencer.gaps:
            released += self._fill(gap)
        self._place = batch.checkpoint
        gaps = self._sequencer.gaps
        self._report(gaps)
        versions = {aggregate_id(event): event.originator_version for event in released}
        wanted = [event for event in released if event.topic in self._feed.topics]
        counts = dict(self._cursor.counts)
        for event in wanted:
            counts[event.topic] = counts.get(event.topic, 0) + 1
        # While an event is missing, a restart has to see again what has told so.
        checkpoint = None if gaps else batch.checkpoint
        progress = Progress(checkpoint=checkpoint, versions=versions | self._gone, counts=counts)
        return Page(in_time(wanted), progress, batch.more)

    def _fill(self, gap: Gap) -> list[StoredEvent]:
        stream = self._feed.stream(gap.aggregate_id, after=gap.after)
        if not stream:  # it was erased after it had been seen
            self._gone[gap.aggregate_id] = gap.seen
            self._sequencer.look_up_again(gap.aggregate_id)
        return self._sequencer.accept(stream)

    def _printed(self, ids: Sequence[UUID]) -> Mapping[UUID, int]:
        printed = self._cursor.versions(ids)
        return {**printed, **{id_: self._gone[id_] for id_ in ids if id_ in self._gone}}

    def _report(self, gaps: Sequence[Gap]) -> None:
        for gap in gaps:
            if gap.aggregate_id not in self._reported:
                logger.warning(
                    "Aggregate %s: version %d was seen, but the aggregate's own stream goes on at "
                    "no version %d. What is missing is asked for again with each poll.",
                    gap.aggregate_id,
                    gap.seen,
                    gap.after + 1,
                )
        self._reported = {gap.aggregate_id for gap in gaps}


def in_time(released: Sequence[StoredEvent]) -> Sequence[SavedEvent]:
    """Return events that are in order within each aggregate by the times of their saving as well.

    Clocks of servers differ. So one with an earlier time than its predecessor's stays behind that.

    :raises OperationalError: for an event without its time, which no feed of saved ones has.
    """
    latest: dict[UUID, int] = {}
    timed: list[tuple[int, SavedEvent]] = []
    for event in released:
        if not isinstance(event, SavedEvent):
            raise OperationalError(f"Expected an event with its time, found {event!r}.")
        id_ = aggregate_id(event)
        latest[id_] = max(event.savetime, latest.get(id_, event.savetime))
        timed.append((latest[id_], event))
    return [event for _, event in sorted(timed, key=lambda each: each[0])]
