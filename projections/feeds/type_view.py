"""A feed over a type view: for each type of event its rows, by the time at which they were saved.

A view's order is that of clocks, so four things need care, and a change here must keep them:

- **Pages.** A page ends anywhere, also between two rows of one millisecond. The next one begins
  behind the last row's whole key (time, version, id), never behind its time alone.
- **Late rows.** A row may become visible after rows with a later time: conditional writes complete
  late, views lag, clocks differ. So once all types have been read to their end, the next polls
  begin a window before each type's last row: every two seconds with the whole window, of ten
  seconds, and in between with its tail, where nearly all late rows are. All types at once: types
  that took turns at it could keep the pages full for ever. What is seen twice is dropped by whoever
  sequences the events.
- **Full pages.** While the pages are full no window is open, and a poller may go away for long.
  Before a row that is older than a window nothing comes late any more. Where younger ones were
  passed, the first window at the end begins.
- **Types side by side.** While the pages are full, no type runs ahead in time of the one that is
  furthest behind; else a transfer would be seen pages before its admission, and each such gap costs
  a read of the patient's own events.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Protocol
from uuid import UUID

from eventsourcing.persistence import StoredEvent

from projections.feeds.feed import Batch, ours
from projections.feeds.places import NO_VERSION, Checkpoint, Place, Places, before, earlier, later

Page = Sequence[tuple[Place, StoredEvent]]
"""Rows of one type."""

PAGE_SIZE = 4000
"""Rows of each type in a page."""
OVERLAP = timedelta(seconds=10)
"""How late a row may become visible without being missed here; see :class:`TypeViewFeed`."""
TAIL = timedelta(milliseconds=500)
"""How late a row may become visible and yet be found at the next poll."""
WHOLE = timedelta(seconds=2)
"""From one reading of whole windows to the next; what is later than the tail is found then."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class TypeView(Protocol):
    """What the feed needs of a recorder."""

    def select_events_by_types(
        self, places: Mapping[str, Place | None], *, limit: int
    ) -> Mapping[str, Page]:
        """Return rows of each type in the view's order, at most so many, strictly after a place."""
        ...

    def select_events(self, originator_id: UUID, *, gt: int | None = None) -> Sequence[StoredEvent]:
        """Return the aggregate's events above version ``gt``, in order."""
        ...


class TypeViewFeed:
    """A :class:`~projections.feeds.feed.Feed` of the events with the given stored names.

    Its checkpoint is JSON: for each type the place after which the next poll begins; while
    windows are open the last places seen and when the windows were last read; and before that,
    where they have to begin at the latest.

    ``overlap`` is the window that is read again. Ten seconds is far above the milliseconds of a
    view's usual lag, and above a conditional write's time-out with the server clocks kept by NTP.
    The danger of a short one: a row that becomes visible later than that stays unseen here until
    a later event of the same aggregate reveals the gap, or a sweep comes by. The cost of a long
    one: all rows of the window are read every two seconds, until no row has been added for as long
    as the window. Clocks of servers that differ by more than the window are not covered by any
    overlap.

    ``monotonic`` is the clock, in seconds, that measures how long nothing was added; ``clock`` is
    that of the calendar, in seconds since the epoch.
    """

    name = "type_view"
    lateness = TAIL

    def __init__(
        self,
        recorder: TypeView,
        topics: Sequence[str],
        *,
        page_size: int = PAGE_SIZE,
        overlap: timedelta = OVERLAP,
        monotonic: Callable[[], float] = time.monotonic,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._recorder = recorder
        self.topics = topics
        self._page_size = page_size
        self._overlap = overlap
        self._monotonic = monotonic
        self._clock = clock
        self._ends: dict[str, tuple[Place, float]] = {}

    def poll(self, checkpoint: str | None) -> Batch:
        """Return a page of each type after the checkpoint, merged by savetime and version.

        :raises InvalidCheckpointError: when the checkpoint is not of the form described above.
        """
        saved = Checkpoint.decode(checkpoint) if checkpoint is not None else Checkpoint()
        if saved.seen and saved.turn == self._turn():
            tails = {topic: self._begin(end, TAIL) for topic, end in saved.seen.items()}
            pages = self._pages({**tails, **later(saved.after, tails)})
            if not any(map(self._is_full, pages.values())):
                return _batch(pages, replace(saved, seen=_ends(pages, saved.seen)), more=False)
        pages = self._pages(saved.after)
        full = [page for page in pages.values() if self._is_full(page)]
        if full:
            frontier = min(_savetime(page[-1]) for page in full)
            for topic, page in pages.items():
                pages[topic] = [row for row in page if _savetime(row) <= frontier]
            after = _ends(pages, saved.after)
            again = {**self._passed(after), **saved.again}
            return _batch(pages, Checkpoint(after, again=again), more=True)
        seen = _ends(pages, saved.after)
        windows = {topic: self._window(topic, end) for topic, end in seen.items()}
        after = earlier(windows, saved.again)
        if after == seen:
            return _batch(pages, Checkpoint(seen), more=False)
        return _batch(pages, Checkpoint(after, seen, self._turn()), more=False)

    def earliest(self, checkpoints: Sequence[str]) -> str:
        """Return the earliest place of each type; none for a type that has none in one of them."""
        decoded = map(Checkpoint.decode, checkpoints)
        found = [earlier(each.after, each.again) for each in decoded]
        common = set.intersection(*map(set, found))
        return Checkpoint({t: min(places[t] for places in found) for t in common}).encode()

    def describe(self, checkpoint: str) -> str:
        """Return a checkpoint in words."""
        found = Checkpoint.decode(checkpoint)
        places = sorted((place[0], topic) for topic, place in (found.seen or found.after).items())
        return ", ".join(f"{topic} {_moment(savetime)}" for savetime, topic in places) or "nothing"

    def stream(self, aggregate_id: UUID, *, after: int) -> Sequence[StoredEvent]:
        """Return the aggregate's own events above version ``after``, in order."""
        events = self._recorder.select_events(aggregate_id, gt=after)
        return ours(events, self.topics, after=after)

    def _pages(self, places: Places) -> dict[str, Page]:
        after = {topic: places.get(topic) for topic in self.topics}
        return dict(self._recorder.select_events_by_types(after, limit=self._page_size))

    def _is_full(self, page: Page) -> bool:
        return len(page) == self._page_size

    def _turn(self) -> int:
        return int(self._clock() / WHOLE.total_seconds())

    def _passed(self, places: Places) -> dict[str, Place]:
        """Return where others may become visible before rows that are passed, if they are young."""
        young = before(self._now() - _milliseconds(self._overlap))
        return {topic: young for topic, place in places.items() if place > young}

    def _window(self, topic: str, end: Place) -> Place:
        """Return where to begin again once all types have been read to their end.

        Its end is the last row's place, or the beginning of a window without rows, which stays. A
        row dated in the future, by a server whose clock is ahead, must not end the window before
        what the others save now.
        """
        if end[1] == NO_VERSION:
            return end
        known, since = self._ends.get(topic, (None, 0.0))
        if end != known:
            since = self._monotonic()
            self._ends[topic] = (end, since)
        if self._monotonic() - since >= self._overlap.total_seconds() and end[0] <= self._now():
            return end
        return self._begin(end, self._overlap)

    def _begin(self, end: Place, window: timedelta) -> Place:
        """Return the beginning of a window before a row, or before now if that is earlier."""
        return before(min(end[0], self._now()) - _milliseconds(window))

    def _now(self) -> int:
        return int(self._clock() * 1000)


def _milliseconds(length: timedelta) -> int:
    return length // timedelta(milliseconds=1)


def _ends(pages: Mapping[str, Page], places: Places) -> dict[str, Place]:
    """Return the place of each type's last row, or that of before if there is none behind it."""
    last = {topic: page[-1][0] for topic, page in pages.items() if page}
    return {**places, **later(last, places)}


def _batch(pages: Mapping[str, Page], checkpoint: Checkpoint, *, more: bool) -> Batch:
    rows = sorted(chain.from_iterable(pages.values()), key=lambda row: row[0][:2])
    return Batch([event for _, event in rows], checkpoint.encode(), more)


def _savetime(row: tuple[Place, StoredEvent]) -> int:
    return row[0][0]


def _moment(savetime: int) -> str:
    try:
        moment = _EPOCH + savetime * timedelta(milliseconds=1)
    except OverflowError:
        return f"{savetime} ms"
    return f"{moment:%Y-%m-%d %H:%M:%S}"
