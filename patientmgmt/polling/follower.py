"""What is to be printed next: a page of the feed, put into order."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from eventsourcing.persistence import OperationalError, StoredEvent

from patientmgmt.polling.cursor import Cursor, Progress
from patientmgmt.polling.saved import SavedEvent
from projections.feeds.feed import Feed, aggregate_id
from projections.feeds.type_view import OVERLAP
from projections.sequencer import Gap, Sequencer

logger = logging.getLogger(__name__)

PART = 500
"""Events that are printed before they are noted: what a crash lets come again."""
COMPARED = 20
"""Aggregates, one of which must be in the store: more than are erased one after the other."""


class AnotherStoreError(Exception):
    """The cursor is of another store than the one at the address."""


@dataclass(frozen=True)
class Page:
    """What is to be printed, and to be noted when it was."""

    events: Sequence[SavedEvent]
    versions: Mapping[UUID, int]
    """The last version of each aggregate that is passed on, or will not be printed."""
    checkpoint: str | None
    """Where the feed goes on; None while that is not to be noted."""
    more: bool
    """Whether others are there already."""

    def parts(self, counts: Mapping[str, int]) -> Iterator[tuple[Sequence[SavedEvent], Progress]]:
        """Yield what is to be printed at once, with what is to be noted then.

        :param counts: of events that were printed before.
        """
        for begin in range(0, max(len(self.events), 1), PART):
            part = self.events[begin : begin + PART]
            counts = dict(counts)
            for event in part:
                counts[event.topic] = counts.get(event.topic, 0) + 1
            if begin + PART >= len(self.events):
                yield part, Progress(self.checkpoint, self.versions, counts)
            else:
                versions = {aggregate_id(event): event.originator_version for event in part}
                yield part, Progress(None, versions, counts)


class Follower:
    """Follows a feed of :class:`SavedEvent` from where the cursor is. Let it :meth:`begin` first.

    It owns nothing that cannot be lost: when reading fails, :meth:`begin` goes back to the cursor,
    as after a crash.
    """

    def __init__(
        self, feed: Feed, cursor: Cursor, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._feed = feed
        self._cursor = cursor
        self._monotonic = monotonic
        self._empty: dict[UUID, float] = {}
        """Since when aggregates that were seen have had nothing in their own streams."""
        self._gone: dict[UUID, int] = {}
        """The versions seen of those that were erased before they could be read."""
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
        self._empty.clear()
        self._sequencer = Sequencer(self._printed)
        saved = self._cursor.checkpoint
        # With the whole window, so that who runs once and ends finds what came late, too.
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
        # While an event is missing, a restart has to see again what has told so.
        checkpoint = None if gaps else batch.checkpoint
        return Page(in_time(wanted), versions | self._gone, checkpoint, batch.more)

    def _fill(self, gap: Gap) -> list[StoredEvent]:
        id_ = gap.aggregate_id
        stream = self._feed.stream(id_, after=gap.after)
        if stream:
            self._empty.pop(id_, None)
            return self._sequencer.accept(stream)
        # The view may show a row a moment before the stream does. One that stays empty is of an
        # aggregate that was erased after it had been seen.
        since = self._empty.setdefault(id_, self._monotonic())
        if self._monotonic() - since >= OVERLAP.total_seconds():
            del self._empty[id_]
            self._gone[id_] = gap.seen
            self._sequencer.look_up_again(id_)
        return []

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
