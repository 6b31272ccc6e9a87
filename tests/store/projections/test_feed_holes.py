"""The holes of a poller that trusts clocks, each closed: the rows end as the events tell."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import pytest
from eventsourcing.popo import POPOApplicationRecorder

from patientmgmt.queries import queries_of
from projections.assignments import Assignments
from projections.crew import divide
from projections.database import Database
from projections.errors import ReadModelsUnavailableError
from projections.feeds.feed import Feed, aggregate_id
from projections.feeds.log import LogFeed
from projections.feeds.type_view import TypeViewFeed
from projections.freshness import current_as_of
from projections.generations import Generations
from projections.shards import ALL
from projections.sqlite import SQLiteDatabase
from projections.stamps import stamp
from projections.sweeping import Sweeper, last_sweep
from projections.worker import Worker
from read_models import ward_board
from read_models.patient_events import TOPICS
from tests.store.projections.comparing import Hospital, differences
from tests.store.projections.projecting import BOTH, Misbehaving, duties, projection, step, worker
from tests.store.projections.rows import shown, told, versions
from tests.unit.projections.events import admitted, decode, discharged, history, transferred
from tests.unit.projections.notes import NOTES
from tests.unit.projections.type_view import turning

NOON = 1_700_000_000_000


def sweeping(
    database: Database, hospital: Hospital, feed: TypeViewFeed, **options: Any
) -> list[Assignments]:
    return [
        duties(
            database,
            feed,
            model=model,
            truth=hospital.truth,
            sweep_period=timedelta(0),
            **options,
        )
        for model in BOTH
    ]


@pytest.mark.parametrize("late", [11, 30, 60], ids=lambda seconds: f"{seconds} s")
def test_an_admission_of_a_clock_that_is_behind_is_found_by_the_sweep(
    database: Database, late: int
) -> None:
    hospital, patient_id, seconds = Hospital(), uuid4(), [0.0]
    feed = TypeViewFeed(hospital.view, TOPICS, monotonic=lambda: seconds[0])
    hospital.record(admitted(uuid4()), NOON)
    follower = worker(database, feed)
    follower.catch_up()
    seconds[0] = 100.0  # nothing was added for so long that no window is open
    follower.catch_up()
    hospital.record(admitted(patient_id), NOON - 1000 * late)
    follower.catch_up()
    assert versions(database, patient_id) == [0], "the feed alone finds it"
    for each in 4 * sweeping(database, hospital, feed):
        step(each)
    assert differences(database, feed, hospital.truth) == []


def test_a_row_that_the_view_never_shows_is_found_by_the_sweep(database: Database) -> None:
    hospital, patient_id = Hospital(), uuid4()
    hospital.append(admitted(patient_id), transferred(patient_id, 2, "BB"))
    feed = TypeViewFeed(hospital.view, TOPICS)
    for each in 3 * sweeping(database, hospital, feed):
        step(each)
    assert versions(database, patient_id) == [2]
    assert differences(database, feed, hospital.truth) == []


def test_events_that_never_cease_do_not_put_the_sweep_off(sqlite_database: SQLiteDatabase) -> None:
    """Each poll finds something; a sweep that waits for an idle one waits for ever."""
    hospital, patient_id, seconds = Hospital(), uuid4(), count(0.0, 0.2)
    hospital.append(admitted(patient_id))
    feed = TypeViewFeed(hospital.view, TOPICS)
    models = sweeping(sqlite_database, hospital, feed, clock=lambda: next(seconds))
    for n in range(60):
        hospital.record(admitted(uuid4()), NOON + n)
        for each in models:
            step(each)
    assert versions(sqlite_database, patient_id) == [1]
    assert differences(sqlite_database, feed, hospital.truth) == []


@pytest.mark.parametrize("page_size", [1, 2, 3, 7])
def test_a_page_that_is_cut_inside_a_millisecond_loses_nothing(
    sqlite_database: SQLiteDatabase, page_size: int
) -> None:
    hospital = Hospital()
    for _ in range(10):
        for event in history(uuid4(), 3):
            hospital.record(event, NOON)
    feed = TypeViewFeed(hospital.view, TOPICS, page_size=page_size)
    worker(sqlite_database, feed).catch_up()
    assert differences(sqlite_database, feed, hospital.truth) == []


def test_the_first_event_and_types_in_any_order_are_shown(sqlite_database: SQLiteDatabase) -> None:
    hospital, patient_id = Hospital(), uuid4()
    events = [admitted(patient_id), transferred(patient_id, 2, "BB"), discharged(patient_id, 3)]
    hospital.append(*events)
    feed = TypeViewFeed(hospital.view, TOPICS)
    follower = worker(sqlite_database, feed)
    for event in reversed(events):
        hospital.view.show(event, NOON - 1000 * event.originator_version)
        follower.catch_up()
        assert differences(sqlite_database, feed, hospital.truth) == []


@pytest.mark.parametrize("seed", range(5))
def test_who_dies_at_any_call_of_the_database_is_followed_by_somebody_who_ends_right(
    sqlite_database: SQLiteDatabase, seed: int
) -> None:
    chance, deaths = random.Random(seed), [0]

    def dies(original: Any, *args: Any, **kwargs: Any) -> Any:
        late = chance.random() < 0.5
        result = original(*args, **kwargs) if late else None
        if deaths[0] < 50 and chance.random() < 0.2:
            deaths[0] += 1
            raise ReadModelsUnavailableError("The worker died.")
        return result if late else original(*args, **kwargs)

    calls = ("save", "load", "delete", "load_all", "carry_out", "guards")
    dying: Any = Misbehaving(sqlite_database, **dict.fromkeys(calls, dies))
    hospital, patients = Hospital(), [uuid4() for _ in range(6)]
    feed = TypeViewFeed(hospital.view, TOPICS, clock=turning())
    histories = {id_: history(id_, 6) for id_ in patients}
    while any(histories.values()) or deaths[0] < 50:
        if any(histories.values()):
            event = chance.choice([histories[id_][0] for id_ in histories if histories[id_]])
            histories[aggregate_id(event)].remove(event)
            hospital.record(event, NOON + chance.randrange(5_000))
        try:
            worker(dying, feed).catch_up()
        except ReadModelsUnavailableError:
            continue
    worker(sqlite_database, feed).catch_up()
    assert differences(sqlite_database, feed, hospital.truth) == [], f"seed {seed}"
    for id_ in patients:  # what the pages show, by their own queries
        assert shown(queries_of(sqlite_database), id_) == told(history(id_, 6)), f"seed {seed}"


def test_the_pages_of_a_log_are_no_reason_to_say_that_something_is_ahead(
    sqlite_database: SQLiteDatabase,
) -> None:
    """An aggregate's first events are on earlier pages than its last."""
    hospital = Hospital()
    for _ in range(5):
        hospital.append(*history(uuid4(), 6))
    feed = LogFeed(hospital.log, TOPICS)
    follower = projection(sqlite_database, feed)
    follower.catch_up()
    sweeper = Sweeper(follower, sqlite_database, hospital.truth)
    for _ in range(20):
        sweeper.step()
    sweep = last_sweep(sqlite_database.records, follower.generation, ALL)
    assert sweep is not None
    assert (sweep.ended is not None, sweep.checked, sweep.ahead) == (True, 5, 0)


def test_what_is_ahead_of_an_older_backup_is_counted_once(sqlite_database: SQLiteDatabase) -> None:
    before, after, patient_id = Hospital(), Hospital(), uuid4()
    before.append(*history(patient_id, 6))
    after.append(*history(patient_id, 5))
    follower = projection(sqlite_database, LogFeed(before.log, TOPICS))
    follower.catch_up()
    restored = projection(sqlite_database, LogFeed(after.log, TOPICS))
    sweeper = Sweeper(restored, sqlite_database, after.truth)
    for _ in range(5):
        sweeper.step()
    sweep = last_sweep(sqlite_database.records, follower.generation, ALL)
    assert sweep is not None
    assert sweep.ahead > 0


def test_a_clock_that_was_set_back_does_not_stop_the_sweeps(
    sqlite_database: SQLiteDatabase,
) -> None:
    hospital, patient_id = Hospital(), uuid4()
    now = [datetime(2036, 1, 1, tzinfo=UTC)]
    feed = TypeViewFeed(hospital.view, TOPICS)
    follower = projection(sqlite_database, feed)
    sweeper = Sweeper(follower, sqlite_database, hospital.truth, clock=lambda: now[0])
    sweeper.step()
    now[0] = datetime(2026, 1, 1, tzinfo=UTC)
    hospital.append(admitted(patient_id))
    for _ in range(3):
        sweeper.step()
    assert versions(sqlite_database, patient_id) == [1]


def test_rare_events_move_the_checkpoint_of_a_long_log_page_by_page() -> None:
    log, wanted = POPOApplicationRecorder(), admitted(uuid4())
    for _ in range(5):
        log.insert_events(history(uuid4(), 4))
    log.insert_events([wanted])
    feed = LogFeed(log, ["Nothing"], page_size=3)
    batch, pages = feed.poll(None), 1
    assert (batch.checkpoint, batch.more) == ("3", True)
    while batch.more:
        batch, pages = feed.poll(batch.checkpoint), pages + 1
    assert (batch.checkpoint, pages) == ("21", 8)


def test_how_current_something_is_stays_said_while_it_has_more_to_read(
    sqlite_database: SQLiteDatabase,
) -> None:
    hospital, seconds = Hospital(), [0.0]
    feed = LogFeed(hospital.log, TOPICS, page_size=2)
    model, records = ward_board.MODEL, sqlite_database.records
    followed = duties(sqlite_database, feed, model=model, clock=lambda: seconds[0])
    step(followed)
    live = Generations(sqlite_database).live(model)
    before = current_as_of(records, live, 1)
    assert before is not None
    hospital.append(*history(uuid4(), 4))
    seconds[0] = 10.0
    step(followed)
    assert current_as_of(records, live, 1) == before
    Generations(sqlite_database).pause(model, paused=True)
    for seconds[0] in (20.0, 30.0):
        step(followed)
    assert current_as_of(records, live, 1) == before, "it is as current as it was"


def test_a_read_model_without_tables_keeps_no_other_from_going_on(
    sqlite_database: SQLiteDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    hospital, patient_id = Hospital(), uuid4()
    hospital.append(admitted(patient_id))
    feed = LogFeed(hospital.log, TOPICS)
    models = [replace(NOTES, name="unmade"), *BOTH]
    Worker(sqlite_database, models, feed, decode).catch_up()
    assert differences(sqlite_database, feed, hospital.truth) == []
    assert "unmade has no tables yet. Run `patientmgmt init`." in caplog.text


def test_a_read_model_whose_tables_were_dropped_keeps_no_other_from_going_on(
    sqlite_database: SQLiteDatabase,
) -> None:
    hospital, patient_id = Hospital(), uuid4()
    hospital.append(admitted(patient_id))
    feed = LogFeed(hospital.log, TOPICS)
    sqlite_database.drop(Generations(sqlite_database).live(BOTH[0]))
    with pytest.raises(ReadModelsUnavailableError, match="no such table"):
        worker(sqlite_database, feed).catch_up()
    assert differences(sqlite_database, feed, hospital.truth, BOTH[1:]) == []


def test_who_died_before_leaving_a_stamp_is_followed_by_somebody_who_leaves_one(
    sqlite_database: SQLiteDatabase,
) -> None:
    hospital = Hospital()
    hospital.append(admitted(uuid4()))
    feed = LogFeed(hospital.log, TOPICS)
    live = Generations(sqlite_database).live(ward_board.MODEL)
    before = ""

    def save(original: Any, kind: str, *args: Any, **kwargs: Any) -> None:
        nonlocal before
        if kind.startswith("stamp") and versions(
            sqlite_database, *ids(hospital), model=ward_board.MODEL
        ) == [1]:
            before = stamp(sqlite_database.records, live)
            raise ReadModelsUnavailableError("The worker died.")
        original(kind, *args, **kwargs)

    dying: Any = Misbehaving(sqlite_database, save=save)
    with pytest.raises(ReadModelsUnavailableError):
        projection(dying, feed, model=ward_board.MODEL).catch_up()
    assert before
    projection(sqlite_database, feed, model=ward_board.MODEL).catch_up()
    assert stamp(sqlite_database.records, live) != before


def ids(hospital: Hospital) -> list[UUID]:
    return [aggregate_id(e) for e in hospital.log.select_notifications(1, 100)]


@pytest.mark.parametrize("feed_name", ["log", "type_view"])
def test_dividing_anew_and_changing_feeds_to_and_fro_lose_nothing(
    sqlite_database: SQLiteDatabase, feed_name: str
) -> None:
    hospital, seconds = Hospital(), count()
    log, view = LogFeed(hospital.log, TOPICS), TypeViewFeed(hospital.view, TOPICS)
    feeds: list[Feed] = [log, view] if feed_name == "log" else [view, log]
    for shards, feed in zip((1, 3, 2, 1, 3), (*feeds, *feeds, feeds[0]), strict=True):
        generations = [Generations(sqlite_database).live(model) for model in BOTH]
        divide(sqlite_database.records, generations, feed, shards)
        for _ in range(3):
            for event in history(uuid4(), 3):
                hospital.record(event, NOON + 100 * next(seconds))
        worker(sqlite_database, feed).catch_up()
        assert differences(sqlite_database, feed, hospital.truth) == []
