"""A read model's own code fails, or a database refuses: it concerns one aggregate and no other."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from eventsourcing.popo import POPOApplicationRecorder

from projections.cassandra import CassandraDatabase
from projections.change import Change, Guard
from projections.database import Database
from projections.errors import ChangeRefusedError
from projections.feeds.log import LogFeed
from projections.parking import Parked
from projections.projection import Projection
from projections.read_model import ReadModel
from projections.sqlite import SQLiteDatabase
from read_models import patient_list, ward_board
from read_models.patient_events import TOPICS, PatientEvent, read_event
from read_models.patient_list import Patient
from tests.store.projections.looking import notes_of, stand
from tests.store.projections.projecting import Misbehaving, checkpoint, projection, worker
from tests.store.projections.rows import versions
from tests.unit.projections.events import admitted, discharged, stored, transferred
from tests.unit.projections.notes import ENTRIES, NOTES, Entry, Note, on_shelves

LIST = patient_list.MODEL


def failing_fold(before: Patient | None, event: PatientEvent) -> Patient:
    patient = patient_list.fold(before, event)
    if patient.ward == "bad":
        raise TypeError("unsupported operand type(s) for +: 'int' and 'NoneType'")
    return patient


def failing_rows(patient: Patient) -> Iterable[object]:
    if patient.ward == "bad":
        raise KeyError("ward")
    return patient_list.rows(patient)


def unknown_rows(patient: Patient) -> Iterable[object]:
    return [object()] if patient.ward == "bad" else patient_list.rows(patient)


def failing_read(event: Any, payload: Any) -> PatientEvent:
    if payload.get("new_ward") == "bad":
        raise RecursionError
    return read_event(event, payload)


def parked(follower: Projection) -> list[tuple[UUID, int]]:
    return [(p.aggregate_id, p.version) for p in follower.parking.all()]


@pytest.mark.parametrize(
    "model",
    [
        replace(LIST, fold=failing_fold),
        replace(LIST, rows=failing_rows),
        replace(LIST, rows=unknown_rows),
        replace(LIST, read=failing_read),
    ],
    ids=["TypeError in fold", "KeyError in rows", "a row of no table", "RecursionError in read"],
)
def test_a_read_model_whose_own_code_fails_parks_and_kills_nobody(
    sqlite_database: SQLiteDatabase, model: ReadModel[Any, Any]
) -> None:
    recorder, bad, good = POPOApplicationRecorder(), uuid4(), uuid4()
    recorder.insert_events([admitted(bad), admitted(good), transferred(bad, 2, "bad")])
    recorder.insert_events([discharged(bad, 3), discharged(good, 2)])
    feed = LogFeed(recorder, TOPICS)
    follower = projection(sqlite_database, feed, model=model)
    assert follower.catch_up() == 3
    assert versions(sqlite_database, bad, good) == [1, 2]
    assert parked(follower) == [(bad, 2)]
    assert checkpoint(sqlite_database, feed) == "5"


@pytest.mark.parametrize(
    ("error", "told"),
    [(KeyError("ward"), "KeyError"), (ZeroDivisionError(), "ZeroDivisionError")],
    ids=repr,
)
def test_what_kind_of_fault_it_was_is_told(
    sqlite_database: SQLiteDatabase, error: Exception, told: str
) -> None:
    """The words of a KeyError are the key alone, and those of others are none."""

    def fold(before: Patient | None, event: PatientEvent) -> Patient:
        raise error

    recorder = POPOApplicationRecorder()
    recorder.insert_events([admitted(uuid4())])
    follower = projection(
        sqlite_database, LogFeed(recorder, TOPICS), model=replace(LIST, fold=fold)
    )
    follower.catch_up()
    [found] = follower.parking.all()
    assert told in found.error


def test_one_read_models_faults_are_not_anothers(sqlite_database: SQLiteDatabase) -> None:
    recorder, bad = POPOApplicationRecorder(), uuid4()
    recorder.insert_events([admitted(bad, ward="bad")])
    feed = LogFeed(recorder, TOPICS)
    lists = projection(sqlite_database, feed, model=replace(LIST, fold=failing_fold))
    board = projection(sqlite_database, feed, model=ward_board.MODEL)
    assert (lists.catch_up(), board.catch_up()) == (0, 1)
    assert (len(parked(lists)), parked(board)) == (1, [])


def refusing(database: Database, bad: UUID) -> Any:
    """Return a database that will not have a change of one aggregate."""

    def carry_out(original: Callable[[Any], None], changes: Any) -> None:
        if any(change.aggregate_id == bad for change in changes):
            raise ChangeRefusedError("Cassandra refused a request: Key length of 70003.")
        original(changes)

    return Misbehaving(database, carry_out=carry_out)


def test_a_change_that_the_database_refuses_parks_its_aggregate_only(database: Database) -> None:
    recorder, bad, good = POPOApplicationRecorder(), uuid4(), uuid4()
    recorder.insert_events([admitted(bad), admitted(good), discharged(bad, 2)])
    feed = LogFeed(recorder, TOPICS)
    follower = projection(refusing(database, bad), feed)
    assert follower.catch_up() == 1
    assert versions(database, bad, good) == [0, 1]
    [found] = follower.parking.all()
    error = "Cassandra refused a request: Key length of 70003."
    assert found == Parked(bad, 1, "PatientAdmitted", error, found.since)
    assert checkpoint(database, feed) == "3"
    recorder.insert_events([admitted(bad, 3), discharged(good, 2)])
    assert follower.catch_up() == 1
    assert worker(database, feed).catch_up() > 0
    assert versions(database, bad, good) == [3, 2]
    assert follower.parking.all() == []


def noted(note_id: UUID, version: int, shelf: str, title: str = "t") -> Any:
    return stored(note_id, version, "Noted", shelf=shelf, title=title, colour="x")


def follow_notes(
    database: Database, *events: Any, model: ReadModel[Any, Any] = NOTES
) -> Projection:
    recorder = POPOApplicationRecorder()
    for event in events:
        recorder.insert_events([event])
    follower = projection(database, LogFeed(recorder, NOTES.topics), model=model)
    follower.catch_up()
    return follower


def test_a_key_that_is_too_long_for_cassandra_parks_its_aggregate_only(
    cassandra_database: CassandraDatabase,
) -> None:
    bad, good = uuid4(), uuid4()
    follower = follow_notes(
        cassandra_database,
        noted(bad, 1, "A"),
        noted(bad, 2, "A", "x" * 70_000),
        noted(good, 1, "A"),
    )
    assert parked(follower) == [(bad, 1)]
    assert "longer than maximum" in follower.parking.all()[0].error
    stand(notes_of(cassandra_database), on_shelves(good, "A"))


VALUES: dict[str, Callable[[Note], object]] = {
    "a number of 65 bits": lambda note: Entry("g", 1, 2**63, b"k", note.note_id, "x"),
    "half a character": lambda note: Entry("g", 1, 1, b"k", note.note_id, "\ud800"),
    "a text as a number": lambda note: Entry("g", 1, wrong("one"), b"k", note.note_id, "x"),
    "none in the key": lambda note: Entry("g", 1, wrong(None), b"k", note.note_id, "x"),
}


def wrong(value: Any) -> Any:
    """Return a value of another type than it says."""
    return value


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_rows_with_values_that_no_column_has_park_their_aggregate_only(
    database: Database, value: Callable[[Note], object]
) -> None:
    """A bug in a read model, which must not end the worker, nor keep it from going on."""

    def rows(note: Note) -> Iterable[object]:
        return [value(note)] if note.title == "bad" else NOTES.rows(note)

    bad, good = uuid4(), uuid4()
    events = [noted(bad, 1, "A"), noted(bad, 2, "A", "bad"), noted(good, 1, "A")]
    follower = follow_notes(database, *events, model=replace(NOTES, rows=rows))
    assert [p.aggregate_id for p in follower.parking.all()] == [bad]
    assert list(notes_of(database).all_rows(ENTRIES)) == []
    stand(notes_of(database), on_shelves(good, "A"))


def test_what_is_told_of_a_fault_tells_nothing_about_the_patient(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """A state that other code has kept, and a row with a value of the wrong type."""
    old, bad = uuid4(), uuid4()
    state = '{"shelf_mark": "oncology", "title": "Ida Moe"}'
    notes_of(database).carry_out([Change(old, [], [], None, Guard(1, state))])

    def rows(note: Note) -> Iterable[object]:
        return [Entry("g", 1, wrong(note.colour), b"k", note.note_id, note.title)]

    events = [noted(old, 2, "A"), stored(bad, 1, "Noted", shelf="A", title="t", colour="oncology")]
    follower = follow_notes(database, *events, model=replace(NOTES, rows=rows))
    errors = [found.error for found in follower.parking.all()]
    assert len(errors) == 2
    for text in (*errors, *caplog.messages):
        assert "oncology" not in text
        assert "Ida" not in text
