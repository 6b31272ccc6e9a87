"""Rebuilding beside what pages read, and verifying that what they read is what the events tell."""

from collections.abc import Generator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from eventsourcing.popo import POPOApplicationRecorder

from projections.checkpoints import Checkpoints
from projections.crew import divide
from projections.database import Database, Generation
from projections.errors import ReadModelsUnavailableError
from projections.feeds.log import LogFeed
from projections.feeds.type_view import TypeViewFeed
from projections.generations import RECORDED, Generations, LiveTables, OutdatedError
from projections.parking import Parking
from projections.read_model import ReadModel
from projections.rebuilding import OvertakenError, Rebuilding, Rebuilt, rebuild
from projections.sqlite import SQLiteDatabase
from projections.truth import LogTruth
from projections.worker import Worker
from read_models import ward_board
from read_models.patient_events import TOPICS
from read_models.ward_board import ON_WARD, Whereabouts
from tests.store.projections.comparing import Hospital, differences
from tests.store.projections.projecting import BOTH, Misbehaving, duties, projection, step, worker
from tests.store.projections.rows import versions
from tests.unit.projections.events import admitted, decode, history, stored
from tests.unit.projections.notes import NOTES

BOARD = ward_board.MODEL
BOARDS = [BOARD]


class Clock:
    """A clock that moves when somebody waits."""

    now = 0.0

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        """Move on."""
        self.now += seconds


def rebuilding(
    database: Database,
    feed: Any,
    model: ReadModel[Any, Any] = BOARD,
    **options: Any,
) -> Generator[Rebuilding, None, Rebuilt]:
    clock = Clock()
    return rebuild(database, model, feed, decode, clock=clock, pause=clock.wait, **options)


def finish(work: Generator[Rebuilding, None, Rebuilt]) -> Rebuilt:
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]


def log_of(patients: int) -> POPOApplicationRecorder:
    log = POPOApplicationRecorder()
    for _ in range(patients):
        log.insert_events(history(uuid4(), 3))
    return log


def test_rows_deleted_by_hand_are_named_and_brought_back(database: Database) -> None:
    log = log_of(3)
    feed, truth = LogFeed(log, TOPICS), LogTruth(log)
    worker(database, feed).catch_up()
    live = Generations(database).live(BOARD)
    tables = database.open(live)
    row = next(iter(tables.all_rows(ON_WARD)))
    delete(database, live, row)
    [found] = differences(database, feed, truth, BOARDS)
    assert (found.what, found.aggregate_id) == ("missing row", row.patient_id)
    done = finish(rebuilding(database, feed, truth=truth))
    assert (done.generation.number, done.events, done.parked) == (2, 9, 0)
    assert differences(database, feed, truth, BOARDS) == []
    with pytest.raises(ReadModelsUnavailableError):
        database.open(live).guards([row.patient_id])
    for kind in RECORDED:
        assert database.records.load_all(f"{kind}/{live}") == {}
    assert worker(database, feed).catch_up() == 0


def delete(database: Database, live: Generation, row: Any) -> None:
    """Delete a row as somebody with a console does."""
    table = f"{live}_{ON_WARD.name}"
    if isinstance(database, SQLiteDatabase):
        where = f"patient_id = '{row.patient_id}'"
        database._file.execute(f'DELETE FROM "{table}" WHERE {where}')
        return
    keyspace: Any = database._keyspace  # type: ignore[attr-defined]
    query = f"DELETE FROM {keyspace.quoted}.{table} WHERE ward = ? AND name_key = ?"
    query += " AND patient_id = ?"
    keyspace.write([[(query, [row.ward, row.name_key, row.patient_id])]])


def test_a_guard_that_is_no_json_is_told_and_mended(sqlite_database: SQLiteDatabase) -> None:
    log = POPOApplicationRecorder()
    for shelf in "AB":
        log.insert_events([stored(uuid4(), 1, "Noted", shelf=shelf, title="t", colour="x")])
    feed, truth = LogFeed(log, NOTES.topics), LogTruth(log)
    projection(sqlite_database, feed, model=NOTES).catch_up()
    sqlite_database._file.execute("UPDATE notes_1_guards SET state = '{'")
    found = differences(sqlite_database, feed, truth, [NOTES])
    assert {difference.what for difference in found} >= {"wrong state"}
    finish(rebuilding(sqlite_database, feed, NOTES))
    assert differences(sqlite_database, feed, truth, [NOTES]) == []


def louder(patient: Whereabouts | None, event: Any) -> Whereabouts:
    after = ward_board.fold(patient, event)
    return replace(after, name=after.name.upper())


def test_corrected_code_takes_effect_by_a_rebuild_and_until_then_others_go_on(
    sqlite_database: SQLiteDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    log = log_of(2)
    feed, truth = LogFeed(log, TOPICS), LogTruth(log)
    worker(sqlite_database, feed).catch_up()
    corrected = replace(BOARD, fold=louder, version=2)
    other, late = BOTH[0], uuid4()
    log.insert_events([admitted(late)])
    models = [corrected, other]
    with pytest.raises(OutdatedError, match="Run `patientmgmt projections rebuild ward_board`"):
        LiveTables(sqlite_database, corrected).tables()
    follower = Worker(sqlite_database, models, feed, decode)
    follower.catch_up()
    assert versions(sqlite_database, late, model=other) == [1]
    assert versions(sqlite_database, late, model=BOARD) == [0]
    assert "Until then it stands still; others go on." in caplog.text
    finish(rebuilding(sqlite_database, feed, corrected))
    assert differences(sqlite_database, feed, truth, models) == []
    names = {row.name for row in LiveTables(sqlite_database, corrected).tables().all_rows(ON_WARD)}
    assert names == {"IDA MOE"}


def test_an_interrupted_rebuild_goes_on_where_it_was(sqlite_database: SQLiteDatabase) -> None:
    log = log_of(4)
    feed = LogFeed(log, TOPICS, page_size=2)
    worker(sqlite_database, feed).catch_up()
    work = rebuilding(sqlite_database, feed)
    for _ in range(3):
        progress = next(work)
    work.close()
    assert (progress.events, Generations(sqlite_database).live(BOARD).number) == (6, 1)
    done = finish(rebuilding(sqlite_database, feed))
    assert (done.events, done.generation.number) == (6, 2)
    assert differences(sqlite_database, feed, LogTruth(log), BOARDS) == []


@pytest.mark.parametrize("checkpoint", ["nonsense", "999"])
def test_a_building_generation_whose_checkpoint_is_broken_is_begun_anew(
    sqlite_database: SQLiteDatabase, checkpoint: str
) -> None:
    log = log_of(2)
    feed = LogFeed(log, TOPICS)
    building = Generations(sqlite_database).begin(BOARD)
    Checkpoints(sqlite_database.records, building).save(feed.name, checkpoint)
    done = finish(rebuilding(sqlite_database, feed))
    assert (done.generation.number, done.events) == (3, 6)
    assert differences(sqlite_database, feed, LogTruth(log), BOARDS) == []


def test_of_two_rebuilds_at_once_one_is_told_that_the_other_came_before(
    sqlite_database: SQLiteDatabase,
) -> None:
    log = log_of(3)
    feed = LogFeed(log, TOPICS, page_size=2)
    one, other = rebuilding(sqlite_database, feed), rebuilding(sqlite_database, feed)
    for work in (one, other, one):
        next(work)
    finish(other)
    with pytest.raises(OvertakenError, match="Another rebuild of ward_board has come before"):
        finish(one)
    assert differences(sqlite_database, feed, LogTruth(log), BOARDS) == []


def test_what_only_a_sweep_had_found_is_there_when_pages_change_over(
    sqlite_database: SQLiteDatabase,
) -> None:
    hospital, lost = Hospital(), uuid4()
    hospital.append(admitted(lost))
    feed = TypeViewFeed(hospital.view, TOPICS)
    projection(sqlite_database, feed, model=BOARD).show_again([lost])
    work = rebuilding(sqlite_database, feed, truth=hospital.truth)
    while True:
        assert versions(sqlite_database, lost, model=BOARD) == [1]
        try:
            next(work)
        except StopIteration:
            break
    assert versions(sqlite_database, lost, model=BOARD) == [1]
    assert differences(sqlite_database, feed, hospital.truth, BOARDS) == []


def test_commands_that_never_cease_do_not_keep_a_rebuild_from_ending(
    sqlite_database: SQLiteDatabase,
) -> None:
    log = log_of(3)
    feed = LogFeed(log, TOPICS)
    for steps, _ in enumerate(rebuilding(sqlite_database, feed)):
        log.insert_events([admitted(uuid4())])
        assert steps < 100, "it does not end"
    worker(sqlite_database, feed).catch_up()
    assert differences(sqlite_database, feed, LogTruth(log), BOARDS) == []


def test_pages_never_see_a_half_made_board(sqlite_database: SQLiteDatabase) -> None:
    log = log_of(6)
    feed = LogFeed(log, TOPICS, page_size=2)
    worker(sqlite_database, feed).catch_up()
    live = LiveTables(sqlite_database, BOARD, clock=lambda: next(ticks))
    ticks = iter(float(n) for n in range(1000))
    complete = set(live.tables().all_rows(ON_WARD))
    work = rebuilding(sqlite_database, feed)
    while True:
        assert set(live.tables().all_rows(ON_WARD)) == complete
        try:
            next(work)
        except StopIteration:
            break
    assert set(live.tables().all_rows(ON_WARD)) == complete
    assert live.generation().number == 2


def test_a_pause_at_the_moment_of_the_switch_does_not_undo_the_rebuild(
    sqlite_database: SQLiteDatabase,
) -> None:
    log = log_of(2)
    feed = LogFeed(log, TOPICS)
    generations = Generations(sqlite_database)
    paused: list[bool] = []

    def replaced(original: Any, *args: Any, **kwargs: Any) -> Any:
        if '"building":null' in str(args[3]) and not paused:
            paused.append(True)
            generations.pause(BOARD, paused=True)
        return original(*args, **kwargs)

    racing: Any = Misbehaving(sqlite_database, replace=replaced)
    assert finish(rebuilding(racing, feed)).generation.number == 2
    assert paused
    assert generations.to_follow(BOARD) is None
    assert generations.live(BOARD).number == 2


def test_workers_of_three_shards_go_on_where_the_rebuild_was(
    sqlite_database: SQLiteDatabase,
) -> None:
    log = log_of(5)
    feed, generations = LogFeed(log, TOPICS), Generations(sqlite_database)
    made = [generations.live(model) for model in BOTH]
    divide(sqlite_database.records, made, feed, 3)
    worker(sqlite_database, feed).catch_up()
    finish(rebuilding(sqlite_database, feed))
    steps = [s for model in BOTH for s in step(duties(sqlite_database, feed, model=model))]
    assert len(steps) == 6
    assert all(step.is_current and not step.applied and not step.more for step in steps)
    assert differences(sqlite_database, feed, LogTruth(log)) == []


def test_an_older_backup_of_the_events_is_told_and_mended(sqlite_database: SQLiteDatabase) -> None:
    before, after, patient_id = log_of(1), POPOApplicationRecorder(), uuid4()
    before.insert_events(history(patient_id, 6))
    after.insert_events(history(patient_id, 5))
    worker(sqlite_database, LogFeed(before, TOPICS)).catch_up()
    feed, truth = LogFeed(after, TOPICS), LogTruth(after)
    found = differences(sqlite_database, feed, truth, BOARDS)
    assert ("ahead", patient_id) in [(d.what, d.aggregate_id) for d in found]
    assert [d.what for d in found if d.aggregate_id != patient_id] == ["row too many"]
    for model in BOTH:
        finish(rebuilding(sqlite_database, feed, model))
    assert differences(sqlite_database, feed, truth) == []


def test_a_disk_that_is_full_ends_a_rebuild_with_a_sentence_and_it_goes_on_later(
    sqlite_database: SQLiteDatabase,
) -> None:
    log = log_of(200)
    feed = LogFeed(log, TOPICS, page_size=10)
    worker(sqlite_database, feed).catch_up()
    file = sqlite_database._file
    work = rebuilding(sqlite_database, feed)
    next(work)
    [(pages,)] = file.select("PRAGMA page_count")
    file.select(f"PRAGMA max_page_count = {pages + 1}")
    with pytest.raises(ReadModelsUnavailableError, match=r"is full.*that the disk has room"):
        finish(work)
    assert Generations(sqlite_database).live(BOARD).number == 1
    assert differences(sqlite_database, feed, LogTruth(log), BOARDS) == []
    file.select("PRAGMA max_page_count = 100000")
    assert finish(rebuilding(sqlite_database, feed)).events < 600
    assert differences(sqlite_database, feed, LogTruth(log), BOARDS) == []


def test_a_payload_that_is_no_json_and_a_name_that_nobody_knows_are_parked_and_told(
    sqlite_database: SQLiteDatabase,
) -> None:
    log, broken, unknown, good = POPOApplicationRecorder(), uuid4(), uuid4(), uuid4()
    log.insert_events([replace(admitted(broken), state=b"{no json")])
    log.insert_events([admitted(unknown), stored(unknown, 2, "PatientVanished")])
    log.insert_events([admitted(good)])
    feed = LogFeed(log, [*TOPICS, "PatientVanished"])
    finish(rebuilding(sqlite_database, feed))
    live = Generations(sqlite_database).live(BOARD)
    parked = {p.aggregate_id: p.version for p in Parking(sqlite_database, live).all()}
    assert parked == {broken: 1, unknown: 2}
    assert versions(sqlite_database, good, unknown, model=BOARD) == [1, 1]
    found = differences(sqlite_database, feed, LogTruth(log), BOARDS)
    assert [(d.what, d.aggregate_id) for d in found] == [("parked", broken), ("parked", unknown)]


def test_a_table_that_the_code_no_longer_has_goes_with_its_generation(database: Database) -> None:
    log = log_of(1)
    feed = LogFeed(log, TOPICS)
    worker(database, feed).catch_up()
    smaller = replace(BOARD, version=2, tables=BOARD.tables[:1], rows=only_on_wards)
    old = Generations(database).live(BOARD)
    finish(rebuilding(database, feed, smaller))
    for table in BOARD.tables:
        with pytest.raises(ReadModelsUnavailableError):
            list(database.open(old).all_rows(table))
    assert differences(database, feed, LogTruth(log), [smaller]) == []


def only_on_wards(patient: Whereabouts) -> list[object]:
    return [row for row in ward_board.rows(patient) if isinstance(row, ward_board.OnWard)]
