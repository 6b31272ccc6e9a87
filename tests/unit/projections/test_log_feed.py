from uuid import uuid4

import pytest
from eventsourcing.popo import POPOApplicationRecorder

from projections.feeds.feed import InvalidCheckpointError
from projections.feeds.log import LogFeed
from read_models.patient_events import TOPICS
from tests.unit.projections.events import admitted, discharged, history, stored


def test_events_come_in_the_order_of_the_log() -> None:
    recorder, one, other = POPOApplicationRecorder(), uuid4(), uuid4()
    events = [admitted(one), admitted(other), discharged(one, 2)]
    for event in events:
        recorder.insert_events([event])
    batch = LogFeed(recorder, TOPICS).poll(None)
    assert [(event.originator_id, event.originator_version) for event in batch.events] == [
        (one, 1),
        (other, 1),
        (one, 2),
    ]


def test_the_checkpoint_is_where_the_next_poll_begins() -> None:
    recorder, patient_id = POPOApplicationRecorder(), uuid4()
    recorder.insert_events(history(patient_id, 3))
    feed = LogFeed(recorder, TOPICS, page_size=2)
    first = feed.poll(None)
    second = feed.poll(first.checkpoint)
    last = feed.poll(second.checkpoint)
    versions = [[event.originator_version for event in batch.events] for batch in (first, second)]
    assert versions == [[1, 2], [3]]
    assert (first.more, second.more, last.more) == (True, False, False)
    assert (last.events, last.checkpoint) == ([], second.checkpoint)


def test_events_with_other_names_are_left_out() -> None:
    recorder, patient_id = POPOApplicationRecorder(), uuid4()
    recorder.insert_events([stored(uuid4(), 1, "WardOpened"), admitted(patient_id)])
    [event] = LogFeed(recorder, TOPICS).poll(None).events
    assert event.originator_id == patient_id


def test_an_empty_log_has_a_checkpoint_too() -> None:
    recorder = POPOApplicationRecorder()
    feed = LogFeed(recorder, TOPICS)
    checkpoint = feed.poll(None).checkpoint
    recorder.insert_events([admitted(uuid4())])
    assert len(feed.poll(checkpoint).events) == 1


@pytest.mark.parametrize("checkpoint", ["", "-1", "one", "{}", "\N{SUPERSCRIPT TWO}"])
def test_a_checkpoint_that_is_no_position_is_refused_with_what_to_do(checkpoint: str) -> None:
    with pytest.raises(
        InvalidCheckpointError,
        match=r"expected a position .* Run `patientmgmt projections rebuild`",
    ):
        LogFeed(POPOApplicationRecorder(), TOPICS).poll(checkpoint)


def test_a_log_that_ends_before_the_checkpoint_is_told_with_what_to_do() -> None:
    recorder, other = POPOApplicationRecorder(), POPOApplicationRecorder()
    recorder.insert_events(history(uuid4(), 5))
    other.insert_events(history(uuid4(), 2))
    checkpoint = LogFeed(recorder, TOPICS).poll(None).checkpoint
    for log, end in (other, 2), (POPOApplicationRecorder(), 0):
        with pytest.raises(
            InvalidCheckpointError,
            match=rf"expected .* of at least 5 events, found one of {end}\. .*projections rebuild`",
        ):
            LogFeed(log, TOPICS).poll(checkpoint)


def test_events_with_other_names_count_as_the_log_that_was_seen() -> None:
    recorder = POPOApplicationRecorder()
    recorder.insert_events([admitted(uuid4()), stored(uuid4(), 1, "WardOpened")])
    assert LogFeed(recorder, TOPICS).poll("2").checkpoint == "2"


def test_the_stream_is_the_aggregates_own() -> None:
    recorder, patient_id = POPOApplicationRecorder(), uuid4()
    recorder.insert_events(history(patient_id, 4))
    stream = LogFeed(recorder, TOPICS).stream(patient_id, after=2)
    assert [event.originator_version for event in stream] == [3, 4]
