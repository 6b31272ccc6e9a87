"""A worker on a feed that shows events late, twice, in the wrong order, or never."""

from uuid import uuid4

import pytest

from patientmgmt.queries import queries_of
from projections.database import Database
from projections.feeds.type_view import TypeViewFeed
from projections.sqlite import SQLiteDatabase
from read_models.patient_events import TOPICS
from tests.store.projections.projecting import checkpoint, projection, worker
from tests.store.projections.rows import shown, told, versions
from tests.unit.projections.events import admitted, discharged, history, transferred
from tests.unit.projections.type_view import InMemoryTypeView


@pytest.mark.parametrize("page_size", [1, 2, 1_000])
def test_events_that_the_view_shows_in_the_wrong_order_are_applied_in_the_right_one(
    database: Database, page_size: int
) -> None:
    view, patient_id = InMemoryTypeView(), uuid4()
    events = history(patient_id, 7)
    for event in events:
        view.record(event, 1_000 - event.originator_version)
    assert worker(database, TypeViewFeed(view, TOPICS, page_size=page_size)).catch_up() == 7
    assert versions(database, patient_id) == [7]
    assert shown(queries_of(database), patient_id) == told(events)


def test_events_that_are_shown_again_change_nothing(database: Database) -> None:
    view, patient_id = InMemoryTypeView(), uuid4()
    events = history(patient_id, 5)
    for event in events:
        view.record(event, 1_000 + event.originator_version)
    feed = TypeViewFeed(view, TOPICS)
    follower = worker(database, feed)
    assert follower.catch_up() == 5
    for event in events:
        view.show(event, 2_000 + event.originator_version)
    assert follower.catch_up() == 0
    assert worker(database, feed).catch_up() == 0
    assert shown(queries_of(database), patient_id) == told(events)


def test_an_event_that_the_view_never_shows_is_read_from_the_patients_own_events(
    sqlite_database: SQLiteDatabase,
) -> None:
    view, patient_id = InMemoryTypeView(), uuid4()
    view.append(admitted(patient_id))
    view.record(transferred(patient_id, 2, "BB"), 1_000)
    assert projection(sqlite_database, TypeViewFeed(view, TOPICS)).catch_up() == 2
    assert view.streams_read == [patient_id]


def test_a_full_page_of_every_type_needs_no_reading_of_single_patients(
    sqlite_database: SQLiteDatabase,
) -> None:
    view = InMemoryTypeView()
    for n in range(50):
        patient_id = uuid4()
        for event in history(patient_id, 1 + n % 4):
            view.record(event, 10 * n + event.originator_version)
    projection(sqlite_database, TypeViewFeed(view, TOPICS, page_size=7)).catch_up()
    assert view.streams_read == []


def test_while_the_truth_lags_behind_the_view_the_checkpoint_waits_and_others_do_not(
    sqlite_database: SQLiteDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    view, patient_id, other = InMemoryTypeView(), uuid4(), uuid4()
    view.record(admitted(patient_id), 1_000)
    view.show(discharged(patient_id, 3), 1_002)
    feed = TypeViewFeed(view, TOPICS)
    follower = projection(sqlite_database, feed)
    assert follower.catch_up() == 1
    view.record(admitted(other), 1_003)
    assert follower.catch_up() == 1
    assert not follower.step().is_current
    assert checkpoint(sqlite_database, feed) is None
    [warning] = caplog.messages
    assert warning.startswith(
        f"Event 3 of aggregate {patient_id} was seen, but its own events end at version 1."
    )
    view.append(transferred(patient_id, 2, "BB"))
    view.append(discharged(patient_id, 3))
    assert follower.catch_up() == 2
    assert follower.step().is_current
    assert checkpoint(sqlite_database, feed) is not None


def test_a_step_tells_whether_everything_that_could_be_seen_is_shown(
    sqlite_database: SQLiteDatabase,
) -> None:
    view = InMemoryTypeView()
    for n in range(3):
        view.record(admitted(uuid4()), 1_000 + n)
    follower = projection(sqlite_database, TypeViewFeed(view, TOPICS, page_size=2))
    first, second = follower.step(), follower.step()
    assert (first.applied, first.more, first.is_current) == (2, True, False)
    assert (second.applied, second.more, second.is_current) == (1, False, True)


def test_a_worker_goes_on_where_another_one_is_ahead(database: Database) -> None:
    view, patient_id = InMemoryTypeView(), uuid4()
    events = history(patient_id, 4)
    feed = TypeViewFeed(view, TOPICS)
    view.record(events[0], 1_001)
    slow = worker(database, feed)
    assert slow.catch_up() == 1
    for event in events[1:3]:
        view.record(event, 1_000 + event.originator_version)
    assert worker(database, feed).catch_up() == 2
    view.record(events[3], 1_004)
    assert slow.catch_up() == 1
    assert shown(queries_of(database), patient_id) == told(events)
