"""Events that cannot be shown are parked, and nothing waits for them but their own aggregate."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import StoredEvent
from eventsourcing.popo import POPOApplicationRecorder

from patientmgmt.queries import queries_of
from projections.database import Database
from projections.feeds.log import LogFeed
from projections.feeds.type_view import TypeViewFeed
from projections.folding import Decode
from projections.generations import Generations
from projections.parking import Parked, Parking
from projections.sqlite import SQLiteDatabase
from read_models import patient_list
from read_models.patient_events import TOPICS
from tests.store.projections.projecting import Misbehaving, checkpoint, projection, worker
from tests.store.projections.rows import shown, told, versions
from tests.unit.projections.events import admitted, decode, discharged, stored, transferred
from tests.unit.projections.type_view import InMemoryTypeView


def parked(database: Database) -> list[Parked]:
    """Return what is parked of the patient list."""
    live = Generations(database).live(patient_list.MODEL)
    return [*Parking(database, live).all()]


def unreadable(patient_id: UUID, version: int) -> StoredEvent:
    return stored(patient_id, version, "PatientTransferred")


def test_an_event_that_cannot_be_shown_is_parked_and_told(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    recorder, bad = POPOApplicationRecorder(), uuid4()
    recorder.insert_events([admitted(bad), unreadable(bad, 2)])
    began = datetime.now(UTC)
    assert projection(database, LogFeed(recorder, TOPICS)).catch_up() == 1
    reason = (
        f"Event 2 of patient {bad}, stored as 'PatientTransferred', cannot be shown: "
        "new_ward: Field required."
    )
    [found] = parked(database)
    assert began <= found.since <= datetime.now(UTC)
    assert found == Parked(bad, 2, "PatientTransferred", reason, found.since)
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert (record.__dict__["aggregate_id"], record.__dict__["version"]) == (str(bad), 2)
    assert record.getMessage() == (
        f"{reason} The read model patient_list shows this aggregate as of version 1; others go on. "
        "See `patientmgmt projections parked`."
    )


def test_others_go_on_and_the_checkpoint_is_not_held_back(database: Database) -> None:
    recorder, bad, good = POPOApplicationRecorder(), uuid4(), uuid4()
    recorder.insert_events([admitted(bad), unreadable(bad, 2), discharged(bad, 3), admitted(good)])
    feed = LogFeed(recorder, TOPICS)
    follower = projection(database, feed)
    assert follower.catch_up() == 2
    assert follower.step().is_current
    assert checkpoint(database, feed) == "4"
    assert versions(database, bad, good) == [1, 1]


def test_a_further_event_of_it_does_not_show_it_either(database: Database) -> None:
    recorder, bad, good = POPOApplicationRecorder(), uuid4(), uuid4()
    recorder.insert_events([admitted(bad), unreadable(bad, 2), discharged(bad, 3), admitted(good)])
    feed = LogFeed(recorder, TOPICS)
    follower = projection(database, feed)
    follower.catch_up()
    [before] = parked(database)
    for version in (4, 5):
        recorder.insert_events([admitted(bad, version), transferred(good, version - 2, "BB")])
        assert follower.catch_up() == 1
        assert versions(database, bad, good) == [1, version - 2]
        assert checkpoint(database, feed) == str(2 * version - 2)
        assert parked(database) == [before]


def test_after_a_restart_it_waits_still_and_since_then(database: Database) -> None:
    recorder, bad = POPOApplicationRecorder(), uuid4()
    recorder.insert_events([admitted(bad), unreadable(bad, 2), discharged(bad, 3)])
    feed = LogFeed(recorder, TOPICS)
    projection(database, feed).catch_up()
    before = parked(database)
    assert projection(database, feed).catch_up() == 0
    assert (parked(database), versions(database, bad)) == (before, [1])
    recorder.insert_events([admitted(bad, 4)])
    assert projection(database, feed).catch_up() == 0
    assert (parked(database), versions(database, bad)) == (before, [1])


def test_one_of_which_nothing_can_be_shown_is_parked_too(database: Database) -> None:
    recorder, bad = POPOApplicationRecorder(), uuid4()
    recorder.insert_events([stored(bad, 1, "PatientAdmitted"), discharged(bad, 2)])
    follower = projection(database, LogFeed(recorder, TOPICS))
    assert follower.catch_up() == 0
    recorder.insert_events([admitted(bad, 3)])
    assert follower.catch_up() == 0
    assert [(p.version, p.topic) for p in parked(database)] == [(1, "PatientAdmitted")]
    assert versions(database, bad) == [0]


def without_key(*encrypted: UUID) -> Any:
    def decode_others(event: StoredEvent) -> Mapping[str, Any]:
        if event.originator_id in encrypted:
            raise ValueError("The event cannot be decrypted.")
        return decode(event)

    return decode_others


def test_after_a_restart_with_a_program_that_can_read_it_it_is_shown_to_its_last_event(
    database: Database,
) -> None:
    recorder, bad, good = POPOApplicationRecorder(), uuid4(), uuid4()
    events = [admitted(bad), transferred(bad, 2, "BB"), discharged(bad, 3)]
    recorder.insert_events([events[0], admitted(good), *events[1:]])
    feed = LogFeed(recorder, TOPICS)
    assert worker(database, feed, without_key(bad)).catch_up() == 1
    assert [p.error for p in parked(database)] == ["The event cannot be decrypted."]
    assert worker(database, feed).catch_up() == 0
    assert versions(database, bad, good) == [3, 1]
    assert parked(database) == []
    assert shown(queries_of(database), bad) == told(events)


def test_it_may_be_shown_again_while_the_worker_runs(database: Database) -> None:
    recorder, bad, worse, good = POPOApplicationRecorder(), uuid4(), uuid4(), uuid4()
    recorder.insert_events([admitted(bad), discharged(bad, 2), admitted(good)])
    recorder.insert_events([unreadable(worse, 1)])
    feed = LogFeed(recorder, TOPICS)
    follower = projection(database, feed, without_key(bad))
    follower.catch_up()
    operator = projection(database, feed)
    assert operator.show_again([bad, worse, good, uuid4()]) == 2
    assert versions(database, bad, worse, good) == [2, 0, 1]
    assert [p.aggregate_id for p in parked(database)] == [worse]
    assert operator.show_again([bad]) == 0
    recorder.insert_events([discharged(good, 2)])
    assert follower.catch_up() == 1


def test_one_that_becomes_readable_is_shown_with_its_next_event(database: Database) -> None:
    recorder, bad = POPOApplicationRecorder(), uuid4()
    recorder.insert_events([admitted(bad), discharged(bad, 2)])
    keys: list[UUID] = []

    def decode_with_keys(event: StoredEvent) -> Mapping[str, Any]:
        if event.originator_id not in keys:
            raise ValueError("The event cannot be decrypted.")
        return decode(event)

    follower = projection(database, LogFeed(recorder, TOPICS), decode_with_keys)
    assert follower.catch_up() == 0
    keys.append(bad)
    recorder.insert_events([admitted(bad, 3)])
    assert follower.catch_up() == 3
    assert (parked(database), versions(database, bad)) == ([], [3])


def test_one_that_another_worker_shows_is_parked_no_more(sqlite_database: SQLiteDatabase) -> None:
    """An old and a new program at work at once, as while a new release is rolled out."""
    recorder, bad = POPOApplicationRecorder(), uuid4()
    feed = LogFeed(recorder, TOPICS)
    new = projection(sqlite_database, feed)
    new.catch_up()
    recorder.insert_events([admitted(bad)])
    projection(sqlite_database, feed, without_key(bad)).catch_up()
    assert len(parked(sqlite_database)) == 1
    assert new.catch_up() == 1
    assert parked(sqlite_database) == []


def without_versions(*unknown: int) -> Decode:
    def decode_others(event: StoredEvent) -> Mapping[str, Any]:
        if event.originator_version in unknown:
            raise ValueError("The event cannot be decrypted.")
        return decode(event)

    return decode_others


def test_a_program_that_can_show_one_event_more_parks_the_next(database: Database) -> None:
    recorder, bad = POPOApplicationRecorder(), uuid4()
    recorder.insert_events([admitted(bad), transferred(bad, 2, "BB"), discharged(bad, 3)])
    feed = LogFeed(recorder, TOPICS)
    projection(database, feed, without_versions(2)).catch_up()
    assert [p.version for p in parked(database)] == [2]
    assert projection(database, feed, without_versions(3)).show_again([bad]) == 1
    assert [p.version for p in parked(database)] == [3]


def test_who_forgets_one_that_is_shown_does_not_forget_the_next_of_the_same_patient(
    database: Database,
) -> None:
    """A page looks at what is parked while a newer program shows it and parks what follows."""
    recorder, bad = POPOApplicationRecorder(), uuid4()
    recorder.insert_events([admitted(bad), transferred(bad, 2, "BB"), discharged(bad, 3)])
    feed = LogFeed(recorder, TOPICS)
    projection(database, feed, without_versions(2)).catch_up()

    def show_one_first(guards: Any, ids: Any) -> Any:
        projection(database, feed, without_versions(3)).show_again([bad])
        return guards(ids)

    racing: Any = Misbehaving(database, guards=show_one_first)
    parked(racing)
    assert versions(database, bad) == [2]
    assert [p.version for p in parked(database)] == [3]


def test_a_retry_does_not_forget_what_a_worker_parks_meanwhile(database: Database) -> None:
    recorder, bad = POPOApplicationRecorder(), uuid4()
    recorder.insert_events([admitted(bad), transferred(bad, 2, "BB")])
    feed = LogFeed(recorder, TOPICS)
    old = projection(database, feed, without_versions(2, 3))
    old.catch_up()

    def and_then_another(carry_out: Any, changes: Any) -> None:
        carry_out(changes)
        recorder.insert_events([discharged(bad, 3)])
        old.catch_up()

    racing: Any = Misbehaving(database, carry_out=and_then_another)
    assert projection(racing, feed).show_again([bad]) == 1
    assert [p.version for p in parked(database)] == [3]


def test_a_parked_patient_with_a_gap_behind_it_holds_up_nobody(
    sqlite_database: SQLiteDatabase,
) -> None:
    view, bad, good = InMemoryTypeView(), uuid4(), uuid4()
    view.record(stored(bad, 1, "PatientAdmitted"), 1_000)
    view.show(discharged(bad, 3), 1_002)
    feed = TypeViewFeed(view, TOPICS)
    follower = projection(sqlite_database, feed)
    assert follower.catch_up() == 0
    view.append(transferred(bad, 2, "BB"))
    view.append(discharged(bad, 3))
    view.record(admitted(good), 1_003)
    assert follower.catch_up() == 1
    assert [p.aggregate_id for p in parked(sqlite_database)] == [bad]
    assert versions(sqlite_database, bad, good) == [0, 1]
    assert checkpoint(sqlite_database, feed) is not None


def test_each_generation_has_its_own_parking(sqlite_database: SQLiteDatabase) -> None:
    recorder, bad = POPOApplicationRecorder(), uuid4()
    recorder.insert_events([unreadable(bad, 1)])
    projection(sqlite_database, LogFeed(recorder, TOPICS)).catch_up()
    other = Generations(sqlite_database).begin(patient_list.MODEL)
    assert Parking(sqlite_database, other).all() == []
    assert Parking(sqlite_database, replace(other, number=1)).all() != []
