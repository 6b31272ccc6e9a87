"""A type view in memory, whose test decides when a row becomes visible."""

from collections.abc import Callable, Mapping, Sequence
from itertools import count
from uuid import UUID

from eventsourcing.persistence import StoredEvent

from projections.feeds.feed import Batch
from projections.feeds.places import Place
from projections.feeds.type_view import WHOLE, Page, TypeViewFeed


def turning() -> Callable[[], float]:
    """Return a clock by which each poll reads whole windows."""
    seconds = count(2_000_000_000.0, WHOLE.total_seconds())
    return lambda: next(seconds)


class InMemoryTypeView:
    """Rows of each type in the view's order, and the streams behind them."""

    def __init__(self) -> None:
        self._rows: list[tuple[Place, StoredEvent]] = []
        self._streams: dict[UUID, list[StoredEvent]] = {}
        self.rows_read = 0
        self.streams_read: list[UUID] = []

    def append(self, event: StoredEvent) -> None:
        """Record an event, which the view does not show yet."""
        self._streams.setdefault(_id(event), []).append(event)

    def show(self, event: StoredEvent, savetime: int) -> None:
        """Let the view show an event under the given time."""
        self._rows.append(((savetime, event.originator_version, _id(event)), event))
        self._rows.sort(key=lambda row: row[0])

    def hide(self, event: StoredEvent) -> None:
        """Let the view not show an event any more."""
        self._rows = [row for row in self._rows if row[1] is not event]

    def record(self, event: StoredEvent, savetime: int) -> None:
        """Record an event and show it."""
        self.append(event)
        self.show(event, savetime)

    def erase(self, patient_id: UUID) -> None:
        """Take away the patient's stream; the view still shows what it has shown."""
        del self._streams[patient_id]

    def select_events_by_types(
        self, places: Mapping[str, Place | None], *, limit: int
    ) -> Mapping[str, Page]:
        """Return rows of each type, strictly after its place."""
        pages = {topic: self._page(topic, gt)[:limit] for topic, gt in places.items()}
        self.rows_read += sum(map(len, pages.values()))
        return pages

    def _page(self, topic: str, gt: Place | None) -> Page:
        return [row for row in self._rows if row[1].topic == topic and (not gt or row[0] > gt)]

    def select_events(self, originator_id: UUID, *, gt: int | None = None) -> Sequence[StoredEvent]:
        """Return the stream above a version."""
        self.streams_read.append(originator_id)
        stream = sorted(self._streams.get(originator_id, []), key=lambda e: e.originator_version)
        return [event for event in stream if event.originator_version > (gt or 0)]


def _id(event: StoredEvent) -> UUID:
    assert isinstance(event.originator_id, UUID)
    return event.originator_id


def drain(feed: TypeViewFeed, checkpoint: str | None = None) -> tuple[list[StoredEvent], Batch]:
    """Poll until a page is not full; return all events seen and the last batch."""
    events: list[StoredEvent] = []
    while True:
        batch = feed.poll(checkpoint)
        events += batch.events
        checkpoint = batch.checkpoint
        if not batch.more:
            return events, batch
