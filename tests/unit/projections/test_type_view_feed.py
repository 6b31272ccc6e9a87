import json
from uuid import UUID, uuid4

import pytest

from projections.feeds.feed import InvalidCheckpointError
from projections.feeds.type_view import TypeViewFeed
from read_models.patient_events import TOPICS
from tests.unit.projections.events import admitted, discharged, history, transferred
from tests.unit.projections.type_view import InMemoryTypeView, drain

NOON = 1_700_000_000_000
"""Some time in the past, in milliseconds."""


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


def test_the_checkpoint_is_json_with_the_place_of_each_type() -> None:
    view, patient_id = InMemoryTypeView(), uuid4()
    view.record(admitted(patient_id), NOON)
    view.record(admitted(uuid4()), NOON + 1)
    batch = TypeViewFeed(view, TOPICS, page_size=1).poll(None)
    places = {"PatientAdmitted": [NOON, 1, str(patient_id)]}
    assert json.loads(batch.checkpoint) == {"after": places, "seen": {}, "turn": 0, "again": {}}


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
        '{"after": {}, "seen": {}, "turn": 0, "again": {"A": 1}}',
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


def test_the_stream_is_the_aggregates_own() -> None:
    view, patient_id = InMemoryTypeView(), uuid4()
    events = history(patient_id, 4)
    for event in events:
        view.append(event)
    assert TypeViewFeed(view, TOPICS).stream(patient_id, after=2) == events[2:]


def test_the_stream_of_an_aggregate_is_what_comes_after_a_version() -> None:
    view, patient_id = InMemoryTypeView(), uuid4()
    events = history(patient_id, 3)
    for event in events:
        view.append(event)
    feed = TypeViewFeed(view, TOPICS)
    assert [feed.stream(patient_id, after=n) for n in range(4)] == [events[n:] for n in range(4)]


def test_an_aggregate_of_another_application_has_no_stream() -> None:
    view, id_ = InMemoryTypeView(), uuid4()
    view.append(admitted(id_))
    feed = TypeViewFeed(view, ["BedsAdded"])
    assert feed.stream(id_, after=0) == []
