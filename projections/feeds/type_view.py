"""A feed over a type view: for each type of event its rows, by the time at which they were saved.

A view's order is that of clocks, so three things need care, and a change here must keep them:

- **Pages.** A page ends anywhere, also between two rows of one millisecond. The next one begins
  behind the last row's whole key (time, version, id), never behind its time alone.
- **Late rows.** A row may become visible after rows with a later time: conditional writes complete
  late, views lag, clocks differ. So once all types have been read to their end, the next poll
  begins a window before each type's last row. All at once: types that took turns at it could keep
  the pages full for ever. What is seen twice is dropped by whoever sequences the events.
- **Types side by side.** While the pages are full, no type runs ahead in time of the one that is
  furthest behind; else a transfer would be seen pages before its admission, and each such gap costs
  a read of the patient's own events.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Protocol
from uuid import UUID

from eventsourcing.persistence import StoredEvent

from projections.feeds.feed import Batch, InvalidCheckpointError

Place = tuple[int, int, UUID | str]
"""A row's place in its type: savetime in milliseconds since the epoch, version, aggregate id."""

PAGE_SIZE = 4000
"""Rows of each type in a page."""
OVERLAP = timedelta(seconds=10)
"""How late a row may become visible without being missed here; see :class:`TypeViewFeed`."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NO_VERSION = 0
_NO_ID = UUID(int=0)


class TypeView(Protocol):
    """What the feed needs of a recorder."""

    def select_events_by_type(
        self, topic: str, *, gt: Place | None = None, limit: int
    ) -> Sequence[tuple[Place, StoredEvent]]:
        """Return rows of one type in the view's order, strictly after ``gt``."""
        ...

    def select_events(self, originator_id: UUID, *, gt: int | None = None) -> Sequence[StoredEvent]:
        """Return the aggregate's events above version ``gt``, in order."""
        ...


class TypeViewFeed:
    """A :class:`~projections.feeds.feed.Feed` of the events with the given stored names.

    Its checkpoint is JSON: for each type the place after which the next poll begins.

    ``overlap`` is the window that is read again. Ten seconds is far above the milliseconds of a
    view's usual lag, and above a conditional write's time-out with the server clocks kept by NTP.
    The danger of a short one: a row that becomes visible later than that stays unseen here until
    a later event of the same aggregate reveals the gap. The cost of a long one: all rows of the
    window are read at each poll, until no row has been added for as long as the window. Clocks of
    servers that differ by more than the window are not covered by any overlap.

    ``monotonic`` is the clock, in seconds, that measures how long nothing was added.
    """

    name = "type_view"

    def __init__(
        self,
        recorder: TypeView,
        topics: Sequence[str],
        *,
        page_size: int = PAGE_SIZE,
        overlap: timedelta = OVERLAP,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._recorder = recorder
        self.topics = topics
        self._page_size = page_size
        self._overlap = overlap
        self._monotonic = monotonic
        self._ends: dict[str, tuple[Place, float]] = {}

    def poll(self, checkpoint: str | None) -> Batch:
        """Return a page of each type after the checkpoint, merged by savetime and version.

        :raises InvalidCheckpointError: when the checkpoint is not of the form described above.
        """
        places = _decode(checkpoint) if checkpoint is not None else {}
        pages = {
            topic: self._recorder.select_events_by_type(
                topic, gt=places.get(topic), limit=self._page_size
            )
            for topic in self.topics
        }
        full = [page for page in pages.values() if len(page) == self._page_size]
        frontier = min((_savetime(page[-1]) for page in full), default=None)
        for topic, page in pages.items():
            kept = [row for row in page if frontier is None or _savetime(row) <= frontier]
            end = kept[-1][0] if kept else places.get(topic)
            if end is not None:
                places[topic] = end if full else self._before(topic, end)
            pages[topic] = kept
        rows = sorted(chain.from_iterable(pages.values()), key=lambda row: row[0][:2])
        return Batch([event for _, event in rows], _encode(places), more=bool(full))

    def earliest(self, checkpoints: Sequence[str]) -> str:
        """Return the earliest place of each type; none for a type that has none in one of them."""
        first, *others = map(_decode, checkpoints)
        common = first.keys() & set[str].intersection(*map(set, others)) if others else first.keys()
        return _encode({t: min(places[t] for places in (first, *others)) for t in common})

    def describe(self, checkpoint: str) -> str:
        """Return a checkpoint in words."""
        places = sorted((place[0], topic) for topic, place in _decode(checkpoint).items())
        return ", ".join(f"{topic} {_moment(savetime)}" for savetime, topic in places) or "nothing"

    def stream(self, aggregate_id: UUID, *, after: int) -> Sequence[StoredEvent]:
        """Return the aggregate's own events above version ``after``, in order."""
        return self._recorder.select_events(aggregate_id, gt=after)

    def _before(self, topic: str, end: Place) -> Place:
        """Return where to begin again once all types have been read to their end.

        Its end is the last row's place, or the beginning of a window without rows, which stays. A
        row dated in the future, by a server whose clock is ahead, must not move the window past
        what the others save now.
        """
        if end[1] == _NO_VERSION:
            return end
        now = int(time.time() * 1000)
        known, since = self._ends.get(topic, (None, 0.0))
        if end != known:
            since = self._monotonic()
            self._ends[topic] = (end, since)
        if self._monotonic() - since >= self._overlap.total_seconds() and end[0] <= now:
            return end
        return (min(end[0], now) - self._overlap // timedelta(milliseconds=1), _NO_VERSION, _NO_ID)


def _savetime(row: tuple[Place, StoredEvent]) -> int:
    return row[0][0]


def _moment(savetime: int) -> str:
    try:
        moment = _EPOCH + savetime * timedelta(milliseconds=1)
    except OverflowError:
        return f"{savetime} ms"
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def _encode(places: Mapping[str, Place]) -> str:
    return json.dumps(
        {topic: [savetime, version, str(id_)] for topic, (savetime, version, id_) in places.items()}
    )


def _decode(checkpoint: str) -> dict[str, Place]:
    try:
        return {
            topic: (int(savetime), int(version), UUID(id_))
            for topic, (savetime, version, id_) in json.loads(checkpoint).items()
        }
    except (ValueError, TypeError, AttributeError, OverflowError):
        raise InvalidCheckpointError(
            checkpoint, 'JSON of the form {"<event name>": [savetime, version, "<id>"]}'
        ) from None
