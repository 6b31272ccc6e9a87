"""A feed over a type view: for each type of event its rows, by the time at which they were saved.

A view's order is that of clocks, so three things need care, and a change here must keep them:

- **Pages.** A page ends anywhere, also between two rows of one millisecond. The next one begins
  behind the last row's whole key (time, version, id), never behind its time alone.
- **Late rows.** A row may become visible after rows with a later time: conditional writes complete
  late, views lag, clocks differ. So once all types have been read to their end, the next polls
  begin a window before each type's last row: every two seconds with the whole window, of ten
  seconds, and in between with its tail, where nearly all late rows are. All types at once: types
  that took turns at it could keep the pages full for ever. What is seen twice is dropped by whoever
  sequences the events.
- **Types side by side.** While the pages are full, no type runs ahead in time of the one that is
  furthest behind; else a transfer would be seen pages before its admission, and each such gap costs
  a read of the patient's own events.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any, Protocol
from uuid import UUID

from eventsourcing.persistence import StoredEvent

from projections.feeds.feed import Batch, InvalidCheckpointError, ours

Place = tuple[int, int, UUID | str]
"""A row's place in its type: savetime in milliseconds since the epoch, version, aggregate id."""
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
_NO_VERSION = 0
_NO_ID = UUID(int=0)


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


@dataclass(frozen=True)
class _Checkpoint:
    """Where each type is to be read from."""

    after: Mapping[str, Place] = field(default_factory=dict)
    """Behind it; a type that has none is read from its beginning. While a window is open it is the
    window's beginning."""
    seen: Mapping[str, Place] = field(default_factory=dict)
    """The last row seen; none while no window is open."""
    turn: int = 0
    """When all windows were last read as a whole, in units of ``WHOLE`` since the epoch, so that
    all who read in it are at the same place; 0 while none is open."""


class TypeViewFeed:
    """A :class:`~projections.feeds.feed.Feed` of the events with the given stored names.

    Its checkpoint is JSON: for each type the place after which the next poll begins, and while
    windows are open the last places seen and when the windows were last read.

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
        before = _decode(checkpoint) if checkpoint is not None else _Checkpoint()
        if before.seen and before.turn == self._turn():
            tails = {topic: self._begin(end, TAIL) for topic, end in before.seen.items()}
            pages = self._pages({**tails, **_later(before.after, tails)})
            if not any(map(self._is_full, pages.values())):
                return _batch(pages, replace(before, seen=_ends(pages, before.seen)), more=False)
        pages = self._pages(before.after)
        full = [page for page in pages.values() if self._is_full(page)]
        if full:
            frontier = min(_savetime(page[-1]) for page in full)
            for topic, page in pages.items():
                pages[topic] = [row for row in page if _savetime(row) <= frontier]
            return _batch(pages, _Checkpoint(_ends(pages, before.after)), more=True)
        seen = _ends(pages, before.after)
        after = {topic: self._window(topic, end) for topic, end in seen.items()}
        if after == seen:
            return _batch(pages, _Checkpoint(seen), more=False)
        return _batch(pages, _Checkpoint(after, seen, self._turn()), more=False)

    def earliest(self, checkpoints: Sequence[str]) -> str:
        """Return the earliest place of each type; none for a type that has none in one of them."""
        found = [_decode(checkpoint).after for checkpoint in checkpoints]
        common = set.intersection(*map(set, found))
        return _encode(_Checkpoint({t: min(places[t] for places in found) for t in common}))

    def describe(self, checkpoint: str) -> str:
        """Return a checkpoint in words."""
        found = _decode(checkpoint)
        places = sorted((place[0], topic) for topic, place in (found.seen or found.after).items())
        return ", ".join(f"{topic} {_moment(savetime)}" for savetime, topic in places) or "nothing"

    def stream(self, aggregate_id: UUID, *, after: int) -> Sequence[StoredEvent]:
        """Return the aggregate's own events above version ``after``, in order."""
        events = self._recorder.select_events(aggregate_id, gt=after)
        return ours(events, self.topics, after=after)

    def _pages(self, places: Mapping[str, Place]) -> dict[str, Page]:
        after = {topic: places.get(topic) for topic in self.topics}
        return dict(self._recorder.select_events_by_types(after, limit=self._page_size))

    def _is_full(self, page: Page) -> bool:
        return len(page) == self._page_size

    def _turn(self) -> int:
        return int(self._clock() / WHOLE.total_seconds())

    def _window(self, topic: str, end: Place) -> Place:
        """Return where to begin again once all types have been read to their end.

        Its end is the last row's place, or the beginning of a window without rows, which stays. A
        row dated in the future, by a server whose clock is ahead, must not end the window before
        what the others save now.
        """
        if end[1] == _NO_VERSION:
            return end
        now = int(self._clock() * 1000)
        known, since = self._ends.get(topic, (None, 0.0))
        if end != known:
            since = self._monotonic()
            self._ends[topic] = (end, since)
        if self._monotonic() - since >= self._overlap.total_seconds() and end[0] <= now:
            return end
        return self._begin(end, self._overlap)

    def _begin(self, end: Place, window: timedelta) -> Place:
        """Return the beginning of a window before a row, or before now if that is earlier."""
        now = int(self._clock() * 1000)
        return (min(end[0], now) - window // timedelta(milliseconds=1), _NO_VERSION, _NO_ID)


def _later(places: Mapping[str, Place], others: Mapping[str, Place]) -> dict[str, Place]:
    return {topic: max(place, others.get(topic, place)) for topic, place in places.items()}


def _ends(pages: Mapping[str, Page], places: Mapping[str, Place]) -> dict[str, Place]:
    """Return the place of each type's last row, or that of before if there is none behind it."""
    last = {topic: page[-1][0] for topic, page in pages.items() if page}
    return {**places, **_later(last, places)}


def _batch(pages: Mapping[str, Page], checkpoint: _Checkpoint, *, more: bool) -> Batch:
    rows = sorted(chain.from_iterable(pages.values()), key=lambda row: row[0][:2])
    return Batch([event for _, event in rows], _encode(checkpoint), more)


def _savetime(row: tuple[Place, StoredEvent]) -> int:
    return row[0][0]


def _moment(savetime: int) -> str:
    try:
        moment = _EPOCH + savetime * timedelta(milliseconds=1)
    except OverflowError:
        return f"{savetime} ms"
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def _encode(checkpoint: _Checkpoint) -> str:
    return json.dumps(
        {
            "after": _listed(checkpoint.after),
            "seen": _listed(checkpoint.seen),
            "turn": checkpoint.turn,
        }
    )


def _listed(places: Mapping[str, Place]) -> dict[str, tuple[int, int, str]]:
    return {topic: (place[0], place[1], str(place[2])) for topic, place in places.items()}


def _decode(checkpoint: str) -> _Checkpoint:
    try:
        found = json.loads(checkpoint)
        return _Checkpoint(_places(found["after"]), _places(found["seen"]), int(found["turn"]))
    except (ValueError, TypeError, AttributeError, KeyError, OverflowError):
        raise InvalidCheckpointError(
            checkpoint,
            'JSON of the form {"after": {"<event name>": [savetime, version, "<id>"]}, "seen": '
            '{the same}, "turn": number}',
        ) from None


def _places(listed: Mapping[str, Sequence[Any]]) -> dict[str, Place]:
    return {
        topic: (int(savetime), int(version), UUID(id_))
        for topic, (savetime, version, id_) in listed.items()
    }
