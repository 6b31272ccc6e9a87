"""A worker finds what its feed has lost by comparing what there is with what is shown."""

from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
from eventsourcing.persistence import OperationalError
from eventsourcing.popo import POPOApplicationRecorder

from patientmgmt.queries import queries_of
from projections.change import ERASED_VERSION
from projections.crew import divide
from projections.database import Database
from projections.errors import ReadModelsUnavailableError
from projections.feeds.feed import Feed
from projections.feeds.log import LogFeed
from projections.feeds.type_view import TypeViewFeed
from projections.freshness import current_as_of
from projections.generations import Generations
from projections.shards import ALL, Shard
from projections.sqlite import SQLiteDatabase
from projections.sweeping import Sweeper, last_sweep, show_rest
from projections.truth import LogTruth, Page
from projections.worker import Worker
from read_models import ward_board
from read_models.patient_events import TOPICS
from tests.store.projections.comparing import Hospital
from tests.store.projections.projecting import BOTH, Misbehaving, duties, projection, step
from tests.store.projections.rows import shown, told, versions
from tests.store.projections.waiting import running, wait_until
from tests.unit.projections.events import admitted, decode, history
from tests.unit.projections.type_view import InMemoryTypeView


def test_what_the_feed_never_shows_is_found_by_the_sweep_and_shown(database: Database) -> None:
    view, log, patient_id = InMemoryTypeView(), POPOApplicationRecorder(), uuid4()
    events = history(patient_id, 3)
    log.insert_events(events)
    for event in events:
        view.append(event)
    worker = Worker(
        database,
        BOTH,
        TypeViewFeed(view, TOPICS),
        decode,
        truth=LogTruth(log, page_size=2),
        sweep_period=timedelta(0),
    )
    with running(worker):
        wait_until(lambda: shown(queries_of(database), patient_id) == told(events))


def test_what_there_is_to_do_is_looked_up_every_second_and_not_every_round(
    sqlite_database: SQLiteDatabase,
) -> None:
    now = [100.0]
    feed = TypeViewFeed(InMemoryTypeView(), TOPICS)
    followed = duties(sqlite_database, feed, model=ward_board.MODEL, clock=lambda: now[0])
    first = followed.projections()
    loads: list[object] = []
    original = sqlite_database.records.load

    def load(kind: str, name: str) -> str | None:
        loads.append((kind, name))
        return original(kind, name)

    sqlite_database.records.load = load  # type: ignore[method-assign]
    for _ in range(5):
        now[0] += 0.1
        assert followed.projections() == first
    assert loads == []
    now[0] += 1.0
    followed.projections()
    assert loads != []


def test_a_sweep_that_fails_keeps_nothing_from_being_shown_nor_said(
    sqlite_database: SQLiteDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    log, now = POPOApplicationRecorder(), [100.0]
    truth, away = LogTruth(log), [True]

    def page(after: str | None) -> Page:
        if away:
            raise OperationalError("No node has these tokens.")
        return LogTruth.page(truth, after)

    truth.page = page  # type: ignore[method-assign]
    feed, model, records = LogFeed(log, TOPICS), ward_board.MODEL, sqlite_database.records
    followed = duties(sqlite_database, feed, model=model, truth=truth, clock=lambda: now[0])
    for _ in range(3):
        log.insert_events([admitted(uuid4())])
        step(followed)
        now[0] += 2
    live = Generations(sqlite_database).live(model)
    assert len(queries_of(sqlite_database).board.wards()[0].patients) == 3
    assert current_as_of(records, live, 1) is not None
    assert caplog.text.count("The sweep of ward_board goes on in 30 s") == 1
    away.clear()
    now[0] += 30
    for _ in range(3):
        step(followed)
    sweep = last_sweep(records, live, ALL)
    assert sweep is not None
    assert sweep.ended is not None


def test_all_shards_are_swept_however_much_happens_in_one(sqlite_database: SQLiteDatabase) -> None:
    log, seconds = POPOApplicationRecorder(), count(0.0, 0.4)
    live = Generations(sqlite_database).live(ward_board.MODEL)
    feed, records = LogFeed(log, TOPICS), sqlite_database.records
    divide(records, [live], feed, 2)
    busy, calm = Shard.every(2)
    followed = duties(
        sqlite_database,
        feed,
        model=ward_board.MODEL,
        truth=LogTruth(log),
        clock=lambda: next(seconds),
    )
    for id_ in (id_ for id_ in (uuid4() for _ in range(80)) if busy.has(id_)):
        log.insert_events([admitted(id_)])
        step(followed)
    for shard in (busy, calm):
        sweep = last_sweep(records, live, shard)
        assert sweep is not None
        assert sweep.ended is not None


def sweeper(database: Database, hospital: Hospital, feed: Feed) -> Sweeper:
    return Sweeper(projection(database, feed), database, hospital.truth)


def test_a_repair_that_fails_is_done_by_the_next_step(sqlite_database: SQLiteDatabase) -> None:
    hospital, patient_id, fails = Hospital(), uuid4(), [True]
    hospital.append(admitted(patient_id))  # which the view does not show

    def carry_out(original: Any, changes: Any) -> None:
        if fails:
            fails.clear()
            raise ReadModelsUnavailableError("A node did not answer.")
        original(changes)

    failing: Any = Misbehaving(sqlite_database, carry_out=carry_out)
    sweeping = sweeper(failing, hospital, TypeViewFeed(hospital.view, TOPICS))
    sweeping.step()
    with pytest.raises(ReadModelsUnavailableError):
        sweeping.step()
    sweeping.step()
    assert versions(sqlite_database, patient_id) == [1]
    sweep = last_sweep(sqlite_database.records, Generations(sqlite_database).live(BOTH[0]), ALL)
    assert sweep is not None
    assert (sweep.ended is not None, sweep.repaired) == (True, 1)


def test_what_a_worker_has_found_and_not_repaired_is_found_by_the_next(
    sqlite_database: SQLiteDatabase,
) -> None:
    hospital, patient_id = Hospital(), uuid4()
    hospital.append(admitted(patient_id))
    feed = TypeViewFeed(hospital.view, TOPICS)
    sweeper(sqlite_database, hospital, feed).step()
    successor = sweeper(sqlite_database, hospital, feed)
    successor.step()
    assert versions(sqlite_database, patient_id) == [0], "the feed may be about to show it"
    successor.step()
    assert versions(sqlite_database, patient_id) == [1]


def test_who_was_erased_before_the_tables_were_made_is_not_behind(
    sqlite_database: SQLiteDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    hospital, erased = Hospital(), uuid4()
    hospital.append(admitted(uuid4()))
    truth = hospital.truth

    def page(after: str | None) -> Page:
        found = LogTruth.page(truth, after)
        return replace(found, versions={**found.versions, erased: ERASED_VERSION})

    truth.page = page  # type: ignore[method-assign]
    feed = TypeViewFeed(hospital.view, TOPICS)
    sweeping = sweeper(sqlite_database, hospital, feed)
    sweeping.step()
    sweeping.step()
    assert "has shown 1 events" in caplog.text
    assert "for 1 aggregates" in caplog.text
    hospital.view.streams_read.clear()
    assert list(show_rest(projection(sqlite_database, feed), sqlite_database, truth)) == [0]
    assert hospital.view.streams_read == []
