"""Late rows: windows that are read again, as a whole or in their tails, and when they close."""

import json
from datetime import timedelta
from uuid import UUID, uuid4

from projections.feeds.type_view import TypeViewFeed
from read_models.patient_events import TOPICS
from tests.unit.projections.events import admitted, discharged, transferred
from tests.unit.projections.type_view import InMemoryTypeView, drain, turning

NOON = 1_700_000_000_000
"""Some time in the past, in milliseconds."""


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
        "again": {},
    }
    clock[0], now[0] = 10.0, now[0] + 2
    batch = feed.poll(batch.checkpoint)
    assert json.loads(batch.checkpoint) == {"after": ends, "seen": {}, "turn": 0, "again": {}}


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
    view, quiet, now = InMemoryTypeView(), [0.0], [2_000_000_000.0]
    view.record(admitted(uuid4()), 2_000_000_000_000 + 3_600_000)
    feed = TypeViewFeed(view, TOPICS, monotonic=lambda: quiet[0], clock=lambda: now[0])
    _, batch = drain(feed)
    quiet[0], now[0] = 100.0, now[0] + 100
    _, batch = drain(feed, batch.checkpoint)
    event = admitted(uuid4())
    view.record(event, 2_000_000_100_000)
    assert event in feed.poll(batch.checkpoint).events
    now[0] += 2
    assert event in feed.poll(batch.checkpoint).events, "also when the window is read as a whole"


def test_a_window_from_which_all_rows_have_gone_stays_where_it_is() -> None:
    view, event = InMemoryTypeView(), admitted(uuid4())
    view.record(event, NOON)
    feed = TypeViewFeed(view, TOPICS, clock=turning())
    _, batch = drain(feed)
    view.hide(event)
    for _ in range(3):
        batch = feed.poll(batch.checkpoint)
        [place] = json.loads(batch.checkpoint)["after"].values()
        assert place[0] == NOON - 10_000
    view.show(event, NOON)
    assert event in feed.poll(batch.checkpoint).events


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
    assert json.loads(batch.checkpoint) == {"after": places, "seen": {}, "turn": 0, "again": {}}
    assert batch.more is False


def test_young_rows_that_full_pages_passed_are_where_the_first_window_begins() -> None:
    """Also for another poller, much later, when the last row is far from them."""
    view, now = InMemoryTypeView(), [NOON / 1000]
    for n in range(4):
        view.record(admitted(uuid4()), NOON - 10_002 + n)
    feed = TypeViewFeed(view, TOPICS, page_size=2, clock=lambda: now[0])
    old = feed.poll(None)
    assert json.loads(old.checkpoint)["again"] == {}, "nothing comes before these any more"
    young = feed.poll(old.checkpoint)
    begin = {"PatientAdmitted": [NOON - 10_000, 0, str(UUID(int=0))]}
    assert json.loads(young.checkpoint)["again"] == begin
    assert json.loads(feed.earliest([young.checkpoint]))["after"] == begin

    now[0] += 3_600
    late = admitted(uuid4())
    view.record(late, NOON - 9_999)
    for n in range(3):
        view.record(admitted(uuid4()), NOON + 3_600_000 + n)
    feed = TypeViewFeed(view, TOPICS, page_size=2, clock=lambda: now[0])
    batch = feed.poll(young.checkpoint)
    assert (batch.more, json.loads(batch.checkpoint)["again"]) == (True, begin), "the earlier one"
    seen, batch = drain(feed, batch.checkpoint)
    assert late not in seen
    assert json.loads(batch.checkpoint)["after"] == begin
    assert json.loads(batch.checkpoint)["again"] == {}
    now[0] += 2
    seen, batch = drain(feed, batch.checkpoint)
    assert late in seen


def test_a_checkpoint_of_before_the_places_of_young_rows_is_read() -> None:
    view = InMemoryTypeView()
    view.record(admitted(uuid4()), NOON)
    feed = TypeViewFeed(view, TOPICS)
    assert len(feed.poll('{"after": {}, "seen": {}, "turn": 0}').events) == 1
