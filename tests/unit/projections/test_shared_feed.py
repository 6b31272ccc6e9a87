"""Who asks a shared feed from one place at one time shares the reading, and what comes of it."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from uuid import uuid4

import pytest
from eventsourcing.persistence import OperationalError
from eventsourcing.popo import POPOApplicationRecorder

from projections.feeds.feed import Batch
from projections.feeds.log import LogFeed
from projections.feeds.shared import SHARED, SharedFeed
from read_models.patient_events import TOPICS
from tests.unit.projections.events import admitted, discharged

PATIENCE = 20


class WatchedFeed(LogFeed):
    """A feed that tells where it was read from, and holds readings up."""

    def __init__(self, recorder: POPOApplicationRecorder, topics: Sequence[str]) -> None:
        super().__init__(recorder, topics)
        self.read_from: list[str | None] = []
        self.may_go_on = Event()
        self.may_go_on.set()
        self.is_away = False

    def poll(self, checkpoint: str | None) -> Batch:
        self.read_from.append(checkpoint)
        assert self.may_go_on.wait(PATIENCE)
        if self.is_away:
            raise OperationalError("No node answers.")
        return super().poll(checkpoint)


def test_a_reading_is_shared_from_its_beginning_for_a_while_and_then_made_anew() -> None:
    recorder, patient_id, now = POPOApplicationRecorder(), uuid4(), [100.0]
    recorder.insert_events([admitted(patient_id)])
    feed = WatchedFeed(recorder, TOPICS)
    shared = SharedFeed(feed, clock=lambda: now[0])
    first = shared.poll(None)
    recorder.insert_events([discharged(patient_id, 2)])
    now[0] += SHARED * 0.9
    assert shared.poll(None) is first
    assert [e.originator_version for e in shared.poll(first.checkpoint).events] == [2]
    now[0] += SHARED * 0.2
    assert [e.originator_version for e in shared.poll(None).events] == [1, 2]
    assert feed.read_from == [None, "1", None]
    shared.read_anew()
    shared.poll(None)
    assert len(feed.read_from) == 4


def test_a_reading_is_shared_for_no_longer_than_is_said() -> None:
    now = [0.0]
    feed = WatchedFeed(POPOApplicationRecorder(), TOPICS)
    shared = SharedFeed(feed, clock=lambda: now[0])
    shared.poll(None)
    now[0] = SHARED
    shared.poll(None)
    assert len(feed.read_from) == 2


def test_a_clock_that_was_set_back_keeps_nobody_from_reading_anew() -> None:
    now = [100.0]
    feed = WatchedFeed(POPOApplicationRecorder(), TOPICS)
    shared = SharedFeed(feed, clock=lambda: now[0])
    shared.poll(None)
    now[0] = 50.0
    shared.poll(None)
    assert len(feed.read_from) == 2


def test_who_comes_while_somebody_reads_waits_for_what_comes_of_it() -> None:
    recorder = POPOApplicationRecorder()
    recorder.insert_events([admitted(uuid4())])
    feed = WatchedFeed(recorder, TOPICS)
    feed.may_go_on.clear()
    shared = SharedFeed(feed, clock=lambda: 0.0)
    with ThreadPoolExecutor(4) as pool:
        polls = [pool.submit(shared.poll, None) for _ in range(4)]
        feed.may_go_on.set()
        batches = [poll.result(PATIENCE) for poll in polls]
    assert [len(batch.events) for batch in batches] == [1] * 4
    assert feed.read_from == [None]


def test_what_a_reading_fails_with_is_told_to_all_who_wait_for_it() -> None:
    feed = WatchedFeed(POPOApplicationRecorder(), TOPICS)
    feed.is_away = True
    shared = SharedFeed(feed, clock=lambda: 0.0)
    for _ in range(2):
        with pytest.raises(OperationalError, match="No node answers"):
            shared.poll(None)
    assert feed.read_from == [None]


def test_the_rest_is_the_feeds_own() -> None:
    recorder, patient_id = POPOApplicationRecorder(), uuid4()
    recorder.insert_events([admitted(patient_id), discharged(patient_id, 2)])
    feed = WatchedFeed(recorder, TOPICS)
    shared = SharedFeed(feed)
    assert [e.originator_version for e in shared.stream(patient_id, after=1)] == [2]
    assert (shared.name, shared.topics) == (feed.name, feed.topics)
    assert shared.earliest(["7", "3"]) == "3"
    assert shared.describe("3") == feed.describe("3")
    assert (shared.lateness - feed.lateness).total_seconds() == SHARED
