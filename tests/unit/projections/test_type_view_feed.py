import json
import time
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import StoredEvent
from hypothesis import given, settings
from hypothesis import strategies as st

from projections.feeds.feed import Batch, InvalidCheckpointError
from projections.feeds.type_view import TypeViewFeed
from read_models.patient_events import TOPICS
from tests.unit.projections.events import admitted, discharged, history, transferred
from tests.unit.projections.type_view import InMemoryTypeView, turning

NOON = 1_700_000_000_000
"""Some time in the past, in milliseconds."""


def drain(feed: TypeViewFeed, checkpoint: str | None = None) -> tuple[list[StoredEvent], Batch]:
    """Poll until a page is not full; return all events seen and the last batch."""
    events: list[StoredEvent] = []
    while True:
        batch = feed.poll(checkpoint)
        events += batch.events
        checkpoint = batch.checkpoint
        if not batch.more:
            return events, batch


def test_an_empty_view_shows_nothing() -> None:
    batch = TypeViewFeed(InMemoryTypeView(), TOPICS).poll(None)
    assert (batch.events, batch.more) == ([], False)


def test_events_of_all_types_come_by_time_and_version() -> None:
    view, patient_id = InMemoryTypeView(), uuid4()
    events = [
        admitted(patient_id),
        transferred(patient_id, 2, "BB"),
        discharged(patient_id, 3),
        admitted(patient_id, 4),
    ]
    for event, savetime in zip(events, [NOON, NOON, NOON + 1, NOON + 2], strict=True):
        view.record(event, savetime)
    assert TypeViewFeed(view, TOPICS).poll(None).events == events


def test_other_types_are_not_shown() -> None:
    view = InMemoryTypeView()
    view.record(admitted(uuid4()), NOON)
    assert TypeViewFeed(view, ["PatientDischarged"]).poll(None).events == []


def test_a_page_that_ends_within_a_millisecond_loses_nothing() -> None:
    view = InMemoryTypeView()
    events = [admitted(uuid4()) for _ in range(10)]
    for event in events:
        view.record(event, NOON)
    seen, _ = drain(TypeViewFeed(view, TOPICS, page_size=3))
    assert sorted(seen, key=str) == sorted(events, key=str)


def test_full_pages_ask_for_the_next_poll_at_once() -> None:
    view = InMemoryTypeView()
    for n in range(3):
        view.record(admitted(uuid4()), NOON + n)
    feed = TypeViewFeed(view, TOPICS, page_size=2)
    first = feed.poll(None)
    assert (len(first.events), first.more) == (2, True)
    assert not feed.poll(first.checkpoint).more


def test_no_type_runs_ahead_while_another_fills_its_pages() -> None:
    view, early, late = InMemoryTypeView(), uuid4(), uuid4()
    for n in range(4):
        view.record(admitted(uuid4()), NOON + n)
    view.record(admitted(late), NOON + 50)
    view.record(admitted(early), NOON + 4)
    view.record(discharged(early, 2), NOON + 5)
    view.record(discharged(late, 2), NOON + 60)
    seen: list[UUID | str] = []
    feed, checkpoint = TypeViewFeed(view, TOPICS, page_size=2), None
    while True:
        batch = feed.poll(checkpoint)
        for event in batch.events:
            if event.topic == "PatientDischarged":
                assert event.originator_id in seen
            seen.append(event.originator_id)
        if not batch.more:
            break
        checkpoint = batch.checkpoint
    assert len(seen) == 8


def test_a_row_that_becomes_visible_late_is_found_within_the_overlap() -> None:
    view, late = InMemoryTypeView(), admitted(uuid4())
    view.append(late)
    view.record(admitted(uuid4()), NOON)
    feed = TypeViewFeed(view, TOPICS, overlap=timedelta(seconds=10), clock=turning())
    _, batch = drain(feed)
    view.show(late, NOON - 9_999)
    assert late in feed.poll(batch.checkpoint).events


def test_a_late_row_is_found_after_a_restart_too() -> None:
    view, late = InMemoryTypeView(), admitted(uuid4())
    view.record(admitted(uuid4()), NOON)
    clock = turning()
    _, batch = drain(TypeViewFeed(view, TOPICS, clock=clock))
    view.record(late, NOON - 5_000)
    assert late in TypeViewFeed(view, TOPICS, clock=clock).poll(batch.checkpoint).events


def test_a_late_row_is_found_when_the_last_page_was_just_full() -> None:
    view, late = InMemoryTypeView(), admitted(uuid4())
    view.record(admitted(uuid4()), NOON)
    feed = TypeViewFeed(view, TOPICS, page_size=1, clock=turning())
    _, batch = drain(feed)
    view.record(late, NOON - 5_000)
    seen, _ = drain(feed, batch.checkpoint)
    assert late in seen


def test_an_overlap_longer_than_a_page_is_read_to_its_end() -> None:
    view = InMemoryTypeView()
    for n in range(20):
        view.record(admitted(uuid4()), NOON + n)
    feed = TypeViewFeed(view, TOPICS, page_size=3)
    _, batch = drain(feed)
    new = admitted(uuid4())
    view.record(new, NOON + 20)
    seen, _ = drain(feed, batch.checkpoint)
    assert new in seen


def test_an_overlap_in_which_nothing_is_added_is_not_read_for_ever() -> None:
    view, clock = InMemoryTypeView(), [0.0]
    for n in range(5):
        view.record(admitted(uuid4()), NOON + n)
    feed = TypeViewFeed(
        view,
        TOPICS,
        overlap=timedelta(seconds=10),
        monotonic=lambda: clock[0],
        clock=turning(),
    )
    _, batch = drain(feed)
    clock[0] = 9.9
    batch = feed.poll(batch.checkpoint)
    assert len(batch.events) == 5
    clock[0] = 10.0
    batch = feed.poll(batch.checkpoint)
    view.rows_read = 0
    batch = feed.poll(batch.checkpoint)
    assert (batch.events, view.rows_read) == ([], 0)


def test_the_window_before_the_last_row_of_each_type_is_read_again() -> None:
    view, patient_id = InMemoryTypeView(), uuid4()
    view.record(admitted(patient_id), NOON)
    view.record(transferred(patient_id, 2, "BB"), NOON + 5)
    now, clock = [2_000_000_000.0], [0.0]
    feed = TypeViewFeed(view, TOPICS, monotonic=lambda: clock[0], clock=lambda: now[0])
    _, batch = drain(feed)
    nobody = str(UUID(int=0))
    ends = {
        "PatientAdmitted": [NOON, 1, str(patient_id)],
        "PatientTransferred": [NOON + 5, 2, str(patient_id)],
    }
    assert json.loads(batch.checkpoint) == {
        "after": {
            "PatientAdmitted": [NOON - 10_000, 0, nobody],
            "PatientTransferred": [NOON + 5 - 10_000, 0, nobody],
        },
        "seen": ends,
        "turn": 1_000_000_000,
    }
    clock[0], now[0] = 10.0, now[0] + 2
    batch = feed.poll(batch.checkpoint)
    assert json.loads(batch.checkpoint) == {"after": ends, "seen": {}, "turn": 0}


def test_until_the_next_turn_only_the_tails_of_windows_are_read_again() -> None:
    view, now = InMemoryTypeView(), [2_000_000_000.0]
    for n in range(9):
        view.record(admitted(uuid4()), NOON + 100 * n)
    late, later, new, other = (admitted(uuid4()) for _ in range(4))
    feed = TypeViewFeed(view, TOPICS, clock=lambda: now[0])
    _, batch = drain(feed)
    now[0] += 1.9
    batch = feed.poll(batch.checkpoint)
    assert (len(batch.events), batch.more) == (6, False), "of the last 500 ms"
    view.record(late, NOON + 301)
    view.record(later, NOON - 5_000)
    view.record(new, NOON + 2_000)
    batch = feed.poll(batch.checkpoint)
    assert [late in batch.events, later in batch.events, new in batch.events] == [True, False, True]
    moved = discharged(uuid4(), 2)
    view.record(moved, NOON - 9_000)
    batch = feed.poll(batch.checkpoint)
    assert moved in batch.events, "the first of its type"
    view.record(other, NOON + 1_400)
    batch = feed.poll(batch.checkpoint)
    assert other not in batch.events
    now[0] += 0.1
    batch = feed.poll(batch.checkpoint)
    assert [later in batch.events, other in batch.events] == [True, True]


def test_a_tail_that_fills_a_page_is_read_as_a_part_of_its_window() -> None:
    view, now = InMemoryTypeView(), [2_000_000_000.0]
    view.record(admitted(uuid4()), NOON)
    feed = TypeViewFeed(view, TOPICS, page_size=3, clock=lambda: now[0])
    _, batch = drain(feed)
    late = admitted(uuid4())
    view.record(late, NOON - 5_000)
    many = [admitted(uuid4()) for _ in range(7)]
    for n, event in enumerate(many):
        view.record(event, NOON + n)
    seen, batch = drain(feed, batch.checkpoint)
    assert all(event in seen for event in [late, *many])


def test_a_row_dated_in_the_future_does_not_hide_tails() -> None:
    view, now = InMemoryTypeView(), [2_000_000_000.0]
    view.record(admitted(uuid4()), 2_000_000_000_000 + 3_600_000)
    feed = TypeViewFeed(view, TOPICS, clock=lambda: now[0])
    _, batch = drain(feed)
    event = admitted(uuid4())
    view.record(event, 2_000_000_000_000 - 400)
    assert event in feed.poll(batch.checkpoint).events


def test_the_overlap_opens_again_with_the_next_event() -> None:
    view, clock, late = InMemoryTypeView(), [0.0], admitted(uuid4())
    view.record(admitted(uuid4()), NOON)
    feed = TypeViewFeed(view, TOPICS, monotonic=lambda: clock[0], clock=turning())
    _, batch = drain(feed)
    clock[0] = 100.0
    _, batch = drain(feed, batch.checkpoint)
    view.record(admitted(uuid4()), NOON + 60_000)
    _, batch = drain(feed, batch.checkpoint)
    view.record(late, NOON + 55_000)
    assert late in feed.poll(batch.checkpoint).events


def test_a_row_dated_in_the_future_hides_nothing_that_is_saved_now() -> None:
    view, clock = InMemoryTypeView(), [0.0]
    now = int(time.time() * 1000)
    view.record(admitted(uuid4()), now + 3_600_000)
    feed = TypeViewFeed(view, TOPICS, monotonic=lambda: clock[0])
    _, batch = drain(feed)
    clock[0] = 100.0
    _, batch = drain(feed, batch.checkpoint)
    event = admitted(uuid4())
    view.record(event, now)
    assert event in feed.poll(batch.checkpoint).events


def test_the_checkpoint_is_json_with_the_place_of_each_type() -> None:
    view, patient_id = InMemoryTypeView(), uuid4()
    view.record(admitted(patient_id), NOON)
    view.record(admitted(uuid4()), NOON + 1)
    batch = TypeViewFeed(view, TOPICS, page_size=1).poll(None)
    places = {"PatientAdmitted": [NOON, 1, str(patient_id)]}
    assert json.loads(batch.checkpoint) == {"after": places, "seen": {}, "turn": 0}


@pytest.mark.parametrize(
    "checkpoint",
    [
        "",
        "17",
        "[]",
        "{}",
        '{"after": {"PatientAdmitted": 3}, "seen": {}, "turn": 0}',
        '{"after": {"A": [1, 2, "x"]}, "seen": {}, "turn": 0}',
        '{"after": {"A": [Infinity, 2, "x"]}, "seen": {}, "turn": 0}',
        '{"after": {}, "seen": {"A": [1, 2]}, "turn": 0}',
        '{"after": {}, "seen": {}, "turn": "now"}',
        '{"after": {}, "seen": {}}',
    ],
)
def test_a_checkpoint_of_another_form_is_refused_with_what_to_do(checkpoint: str) -> None:
    feed = TypeViewFeed(InMemoryTypeView(), TOPICS)
    with pytest.raises(
        InvalidCheckpointError,
        match=r"JSON of the form .* \[savetime, .* Run `patientmgmt projections rebuild`",
    ) as raised:
        feed.poll(checkpoint)
    assert f"found {checkpoint!r:.80}" in str(raised.value)


def test_a_checkpoint_is_described_by_the_last_row_seen_of_each_type() -> None:
    view, now = InMemoryTypeView(), [2_000_000_000.0]
    feed = TypeViewFeed(view, TOPICS, clock=lambda: now[0])
    assert feed.describe(feed.poll(None).checkpoint) == "nothing"
    view.record(admitted(uuid4()), NOON)
    view.record(discharged(uuid4(), 2), NOON - 86_400_000)
    said = "PatientDischarged 2023-11-13 22:13:20, PatientAdmitted 2023-11-14 22:13:20"
    assert feed.describe(feed.poll(None).checkpoint) == said, "with windows open"
    full = TypeViewFeed(view, TOPICS, page_size=1).poll(None)
    assert feed.describe(full.checkpoint) == "PatientDischarged 2023-11-13 22:13:20"


def test_a_row_beyond_the_calendar_is_described_by_its_number() -> None:
    view = InMemoryTypeView()
    view.record(admitted(uuid4()), 10**15)
    batch = TypeViewFeed(view, TOPICS).poll(None)
    assert TypeViewFeed(view, TOPICS).describe(batch.checkpoint) == f"PatientAdmitted {10**15} ms"


def test_a_row_of_just_now_closes_its_window_when_nothing_follows_for_as_long() -> None:
    view, clock, patient_id = InMemoryTypeView(), [1.0], uuid4()
    view.record(admitted(patient_id), NOON)
    feed = TypeViewFeed(
        view, TOPICS, monotonic=lambda: clock[0], clock=lambda: NOON / 1000, page_size=9
    )
    batch = feed.poll(None)
    assert json.loads(batch.checkpoint)["after"]["PatientAdmitted"][0] == NOON - 10_000
    assert batch.more is False
    clock[0] = 11.0
    batch = TypeViewFeed.poll(feed, json.dumps({**json.loads(batch.checkpoint), "turn": 0}))
    places = {"PatientAdmitted": [NOON, 1, str(patient_id)]}
    assert json.loads(batch.checkpoint) == {"after": places, "seen": {}, "turn": 0}
    assert batch.more is False


def test_the_stream_is_the_aggregates_own() -> None:
    view, patient_id = InMemoryTypeView(), uuid4()
    events = history(patient_id, 4)
    for event in events:
        view.append(event)
    assert TypeViewFeed(view, TOPICS).stream(patient_id, after=2) == events[2:]


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
