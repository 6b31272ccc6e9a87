"""The loop: waiting out failures, stopping, idling, and several read models on one feed."""

import logging
import os
import signal
from functools import partial
from threading import Timer
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import OperationalError
from eventsourcing.popo import POPOApplicationRecorder

from patientmgmt.queries import Queries, queries_of
from projections.database import Database
from projections.feeds.feed import Batch, InvalidCheckpointError
from projections.feeds.log import LogFeed
from projections.generations import Generations
from projections.sqlite import SQLiteDatabase
from read_models import patient_list
from read_models.patient_events import TOPICS
from tests.store.projections.projecting import (
    BOTH,
    checkpoint,
    checkpoints,
    projection,
    worker,
)
from tests.store.projections.rows import Shown, shown, told, versions
from tests.store.projections.waiting import running, wait_until
from tests.unit.projections.events import admitted, discharged, history


class WatchedFeed(LogFeed):
    """A feed that counts its polls, and whose event store goes away and comes back."""

    reachable = True
    polls = 0

    def poll(self, checkpoint: str | None) -> Batch:
        self.polls += 1
        if not self.reachable:
            raise OperationalError("No node answers.")
        return super().poll(checkpoint)


def test_a_running_worker_shows_what_is_recorded_meanwhile(database: Database) -> None:
    recorder, patient_id = POPOApplicationRecorder(), uuid4()
    events = history(patient_id, 5)
    with running(worker(database, LogFeed(recorder, TOPICS))):
        for number, event in enumerate(events, 1):
            recorder.insert_events([event])
            expected = told(events[:number])
            wait_until(partial(shows, queries_of(database), patient_id, expected))


def shows(queries: Queries, patient_id: UUID, expected: Shown) -> bool:
    return shown(queries, patient_id) == expected


def test_a_running_worker_waits_out_a_failure_and_says_so(
    sqlite_database: SQLiteDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    recorder, patient_id = POPOApplicationRecorder(), uuid4()
    feed = WatchedFeed(recorder, TOPICS)
    with running(worker(sqlite_database, feed)):
        recorder.insert_events([admitted(patient_id)])
        wait_until(lambda: versions(sqlite_database, patient_id) == [1])
        feed.reachable = False
        wait_until(lambda: caplog.text.count("patient_list stands still") > 1)
        recorder.insert_events([discharged(patient_id, 2)])
        feed.reachable = True
        wait_until(lambda: versions(sqlite_database, patient_id) == [2])
    told = [message for message in caplog.messages if "patient_list" in message]
    assert told[0].startswith("The read model patient_list stands still. Trying again in 0.25 s,")
    assert told[1].startswith("The read model patient_list stands still. Trying again in 0.5 s,")
    assert told[1].endswith("Reason: No node answers.")
    assert told[-1] == "The read model patient_list goes on."


def test_a_running_worker_notices_that_its_rows_were_deleted_and_writes_them_again(
    sqlite_database: SQLiteDatabase,
) -> None:
    recorder, one, other = POPOApplicationRecorder(), uuid4(), uuid4()
    recorder.insert_events([*history(one, 3), admitted(other)])
    feed = LogFeed(recorder, TOPICS)
    with running(worker(sqlite_database, feed)):
        wait_until(lambda: checkpoint(sqlite_database, feed) == "4")
        sqlite_database.empty(Generations(sqlite_database).live(patient_list.MODEL))
        checkpoints(sqlite_database).forget_all()
        recorder.insert_events(history(one, 4)[3:])
        wait_until(lambda: versions(sqlite_database, one, other) == [4, 1])


def test_a_checkpoint_of_another_feed_ends_the_worker_with_a_sentence(
    sqlite_database: SQLiteDatabase,
) -> None:
    feed = LogFeed(POPOApplicationRecorder(), TOPICS)
    checkpoints(sqlite_database).save(feed.name, '{"PatientAdmitted": [1, 1, "x"]}')
    with pytest.raises(InvalidCheckpointError, match="expected a position"):
        worker(sqlite_database, feed).run()


def test_an_idle_worker_writes_no_checkpoints(sqlite_database: SQLiteDatabase) -> None:
    recorder = POPOApplicationRecorder()
    recorder.insert_events([admitted(uuid4())])
    feed = LogFeed(recorder, TOPICS)
    follower = worker(sqlite_database, feed)
    follower.catch_up()
    for model in BOTH:
        checkpoints(sqlite_database, model).save(feed.name, "not overwritten")
    follower.catch_up()
    for model in BOTH:
        assert checkpoint(sqlite_database, feed, model) == "not overwritten"


def test_a_signal_handler_may_stop_the_worker_in_its_own_thread(
    sqlite_database: SQLiteDatabase,
) -> None:
    follower = worker(sqlite_database, LogFeed(POPOApplicationRecorder(), TOPICS))
    previous = signal.signal(signal.SIGUSR1, lambda *_: follower.stop())
    timer = Timer(0.1, os.kill, [os.getpid(), signal.SIGUSR1])
    timer.start()
    try:
        follower.run()
    finally:
        timer.join()
        signal.signal(signal.SIGUSR1, previous)


def test_a_worker_stopped_before_it_runs_does_nothing(sqlite_database: SQLiteDatabase) -> None:
    recorder = POPOApplicationRecorder()
    recorder.insert_events([admitted(uuid4())])
    feed = WatchedFeed(recorder, TOPICS)
    follower = worker(sqlite_database, feed)
    follower.stop()
    follower.run()
    assert feed.polls == 0
    assert queries_of(sqlite_database).board.wards() == []


def test_read_models_that_are_not_equally_far_read_each_for_itself(
    sqlite_database: SQLiteDatabase,
) -> None:
    recorder, patient_id = POPOApplicationRecorder(), uuid4()
    events = history(patient_id, 3)
    feed = WatchedFeed(recorder, TOPICS)
    recorder.insert_events(events[:2])
    projection(sqlite_database, feed).catch_up()
    recorder.insert_events(events[2:])
    worker(sqlite_database, feed).catch_up()
    assert shown(queries_of(sqlite_database), patient_id) == told(events)
    for model in BOTH:
        assert versions(sqlite_database, patient_id, model=model) == [3]
        assert checkpoint(sqlite_database, feed, model) == "3"
