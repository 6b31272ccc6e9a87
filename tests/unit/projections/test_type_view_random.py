"""Rows that become visible in any order and at any time within a window: each of them is seen."""

from uuid import uuid4

from eventsourcing.persistence import StoredEvent
from hypothesis import given, settings
from hypothesis import strategies as st

from projections.feeds.type_view import TypeViewFeed
from read_models.patient_events import TOPICS
from tests.unit.projections.events import history
from tests.unit.projections.type_view import InMemoryTypeView, drain

NOON = 1_700_000_000_000
"""Some time in the past, in milliseconds."""


@settings(deadline=None)
@given(
    savetimes=st.lists(st.integers(0, 6), min_size=1, max_size=30),
    page_size=st.integers(1, 5),
    data=st.data(),
)
def test_every_row_is_seen_whatever_the_times_pages_and_arrivals(
    savetimes: list[int], page_size: int, data: st.DataObject
) -> None:
    """Rows of three types become visible in any order within the overlap, between the polls."""
    rows = [(history(uuid4(), 4)[n % 4], NOON + 300 * t) for n, t in enumerate(savetimes)]
    rows = data.draw(st.permutations(rows))
    view = InMemoryTypeView()
    now = [2_000_000_000.0]
    feed, checkpoint = TypeViewFeed(view, TOPICS, page_size=page_size, clock=lambda: now[0]), None
    seen: list[StoredEvent] = []
    for event, savetime in rows:
        view.record(event, savetime)
        now[0] += data.draw(st.sampled_from([0.0, 0.5, 2.0]))
        batch = feed.poll(checkpoint)
        seen += batch.events
        checkpoint = batch.checkpoint
    now[0] += 2.0
    events, batch = drain(feed, checkpoint)
    now[0] += 2.0
    seen += events + drain(feed, batch.checkpoint)[0]
    assert {id(event) for event, _ in rows} <= {id(event) for event in seen}


@settings(deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(0, 60_000), st.integers(0, 9_999)), max_size=30),
    pauses=st.lists(st.sampled_from([0.1, 1.0, 3.0, 30.0]), max_size=40),
    page_size=st.integers(1, 4),
)
def test_every_row_that_is_late_by_less_than_a_window_is_seen(
    rows: list[tuple[int, int]], pauses: list[float], page_size: int
) -> None:
    """Some pollers follow each other, each of one poll, with pauses; pages may be full for long."""
    view, now = InMemoryTypeView(), NOON / 1000
    coming = [(saved + late, saved, history(uuid4(), 4)[saved % 4]) for saved, late in rows]
    coming.sort(key=lambda row: row[:2])
    checkpoint, seen, shown = None, list[StoredEvent](), 0
    for pause in [*pauses, 100.0, *[2.0] * 100]:
        now += pause
        while shown < len(coming) and coming[shown][0] <= now * 1000 - NOON:
            _, saved, event = coming[shown]
            view.record(event, NOON + saved)
            shown += 1
        feed = TypeViewFeed(view, TOPICS, page_size=page_size, clock=lambda at=now: at)  # type: ignore[misc]
        batch = feed.poll(checkpoint)
        seen += batch.events
        checkpoint = batch.checkpoint
    assert {id(event) for _, _, event in coming} <= {id(event) for event in seen}
