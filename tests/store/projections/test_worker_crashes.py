"""A worker that is killed between any two steps, and what the next one finds."""

from typing import Any
from uuid import uuid4

import pytest
from eventsourcing.popo import POPOApplicationRecorder

from patientmgmt.queries import queries_of
from projections.database import Database
from projections.errors import ReadModelsUnavailableError
from projections.feeds.feed import InvalidCheckpointError
from projections.feeds.log import LogFeed
from projections.generations import Generations
from read_models import patient_list
from read_models.patient_events import TOPICS
from tests.store.projections.projecting import (
    BOTH,
    Misbehaving,
    checkpoint,
    checkpoints,
    projection,
    worker,
)
from tests.store.projections.rows import shown, told, versions
from tests.unit.projections.events import admitted, history
from tests.unit.projections.notes import NOTES


def dying_before(database: Database, kind: str) -> Any:
    """Return a database whose worker dies before it saves a record of the kind."""

    def save(original: Any, found: str, *args: object, **kwargs: object) -> None:
        if found.startswith(kind):
            raise ReadModelsUnavailableError("The worker died.")
        original(found, *args, **kwargs)

    return Misbehaving(database, save=save)


def test_a_worker_killed_before_its_checkpoint_repeats_the_events_without_effect(
    database: Database,
) -> None:
    recorder, patient_id = POPOApplicationRecorder(), uuid4()
    events = history(patient_id, 7)
    recorder.insert_events(events)
    feed = LogFeed(recorder, TOPICS)
    for model in BOTH:
        with pytest.raises(ReadModelsUnavailableError, match="The worker died"):
            projection(dying_before(database, "checkpoint"), feed, model=model).catch_up()
    assert checkpoint(database, feed) is None
    before = shown(queries_of(database), patient_id)
    assert worker(database, feed).catch_up() == 0
    assert shown(queries_of(database), patient_id) == before == told(events)
    assert checkpoint(database, feed) == "7"


def test_events_that_could_not_be_written_are_not_forgotten(database: Database) -> None:
    recorder, patient_id = POPOApplicationRecorder(), uuid4()
    recorder.insert_events(history(patient_id, 3))
    feed, failures = LogFeed(recorder, TOPICS), [1]

    def fail_once(carry_out: Any, changes: Any) -> None:
        if failures:
            failures.pop()
            raise ReadModelsUnavailableError("The disk is full.")
        carry_out(changes)

    failing: Any = Misbehaving(database, carry_out=fail_once)
    follower = projection(failing, feed)
    with pytest.raises(ReadModelsUnavailableError):
        follower.catch_up()
    assert (checkpoint(database, feed), versions(database, patient_id)) == (None, [0])
    assert follower.catch_up() == 3


def test_an_event_that_could_not_be_parked_is_not_passed_over(database: Database) -> None:
    """Whoever dies between the rows and the parking begins again before both."""
    recorder, bad = POPOApplicationRecorder(), uuid4()
    recorder.insert_events([admitted(bad, name="")])
    feed = LogFeed(recorder, TOPICS)
    with pytest.raises(ReadModelsUnavailableError, match="The worker died"):
        projection(dying_before(database, "parked"), feed).catch_up()
    assert checkpoint(database, feed) is None
    follower = projection(database, feed)
    follower.catch_up()
    assert [p.aggregate_id for p in follower.parking.all()] == [bad]


def test_rows_that_were_deleted_are_noticed_and_written_again(database: Database) -> None:
    recorder, one, other = POPOApplicationRecorder(), uuid4(), uuid4()
    events = history(one, 4)
    recorder.insert_events([*events[:3], admitted(other)])
    feed = LogFeed(recorder, TOPICS)
    follower = projection(database, feed)
    follower.catch_up()
    database.empty(Generations(database).live(patient_list.MODEL))
    checkpoints(database).forget_all()
    recorder.insert_events(events[3:])
    with pytest.raises(
        ReadModelsUnavailableError,
        match=rf"shown of aggregate {one} is behind .*: expected version 3, found 0\.",
    ):
        follower.catch_up()
    assert follower.catch_up() == 5
    assert versions(database, one, other) == [4, 1]


def test_rows_that_another_worker_wrote_are_not_taken_back(database: Database) -> None:
    whole, part, patient_id = POPOApplicationRecorder(), POPOApplicationRecorder(), uuid4()
    events = history(patient_id, 3)
    whole.insert_events(events)
    part.insert_events(events[:2])
    worker(database, LogFeed(whole, TOPICS)).catch_up()
    for model in BOTH:
        checkpoints(database, model).forget_all()
    assert worker(database, LogFeed(part, TOPICS)).catch_up() == 0
    assert shown(queries_of(database), patient_id) == told(events)


def test_a_checkpoint_of_another_feed_ends_a_projection_with_a_sentence(
    database: Database,
) -> None:
    feed = LogFeed(POPOApplicationRecorder(), TOPICS)
    checkpoints(database).save(feed.name, '{"PatientAdmitted": [1, 1, "x"]}')
    with pytest.raises(InvalidCheckpointError, match="expected a position"):
        projection(database, feed).step()


def test_each_feed_and_read_model_and_generation_has_its_own_checkpoint(
    database: Database,
) -> None:
    first = checkpoints(database)
    first.save("log", "7")
    assert (first.load("log"), first.load("type_view")) == ("7", None)
    assert checkpoints(database, NOTES).load("log") is None
    generations = Generations(database)
    generations.switch(generations.begin(patient_list.MODEL))
    assert checkpoints(database).load("log") is None
    assert first.load("log") == "7"


def test_forgotten_checkpoints_let_a_projection_begin_again(database: Database) -> None:
    first = checkpoints(database)
    for feed in ("log", "type_view"):
        first.save(feed, "7")
    first.forget("log")
    assert (first.load("log"), first.load("type_view")) == (None, "7")
    first.forget_all()
    assert first.load("type_view") is None
