"""A worker on stores in which things go wrong."""

import logging
import os
import signal
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from threading import Timer
from typing import Any
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import OperationalError, StoredEvent
from eventsourcing.popo import POPOApplicationRecorder

from projections.erasing import erase_patient
from projections.feed import Batch, InvalidCheckpointError
from projections.log_feed import LogFeed
from projections.patient_events import TOPICS
from projections.read_models import ReadModelStore, ReadModelsUnavailableError, RowChange
from projections.sqlite import SQLiteReadModels
from projections.type_view_feed import TypeViewFeed
from projections.worker import Worker
from tests.store.projections.rows import Shown, all_patients, everywhere, rows_of, shown
from tests.store.projections.waiting import running, wait_until
from tests.unit.projections.events import admitted, decode, discharged, history, stored, transferred
from tests.unit.projections.type_view import InMemoryTypeView


def versions(store: ReadModelStore, *patient_ids: UUID) -> list[int]:
    rows = store.rows(patient_ids)
    return [rows[id_].version if id_ in rows else 0 for id_ in patient_ids]


def test_events_that_the_view_shows_in_the_wrong_order_are_applied_in_the_right_one(
    read_models: ReadModelStore,
) -> None:
    view, patient_id = InMemoryTypeView(), uuid4()
    events = history(patient_id, 7)
    for event in events:
        view.record(event, 1_000 - event.originator_version)
    worker = Worker(TypeViewFeed(view, TOPICS, page_size=2), read_models, decode)
    assert worker.catch_up() == 7
    row = read_models.patient(patient_id)
    assert row is not None
    assert (row.version, row.ward) == (7, "W2")
    assert shown(read_models, patient_id) == everywhere(row)


def test_an_event_that_the_view_never_shows_is_read_from_the_patients_own_events(
    sqlite_read_models: SQLiteReadModels,
) -> None:
    view, patient_id = InMemoryTypeView(), uuid4()
    view.append(admitted(patient_id))
    view.record(transferred(patient_id, 2, "BB"), 1_000)
    worker = Worker(TypeViewFeed(view, TOPICS), sqlite_read_models, decode)
    assert worker.catch_up() == 2
    assert view.streams_read == [patient_id]


def test_a_full_page_of_every_type_needs_no_reading_of_single_patients(
    sqlite_read_models: SQLiteReadModels,
) -> None:
    view = InMemoryTypeView()
    for n in range(50):
        patient_id = uuid4()
        for event in history(patient_id, 1 + n % 4):
            view.record(event, 10 * n + event.originator_version)
    Worker(TypeViewFeed(view, TOPICS, page_size=7), sqlite_read_models, decode).catch_up()
    assert view.streams_read == []


def test_while_the_truth_lags_behind_the_view_the_checkpoint_waits(
    sqlite_read_models: SQLiteReadModels, caplog: pytest.LogCaptureFixture
) -> None:
    view, patient_id = InMemoryTypeView(), uuid4()
    view.record(admitted(patient_id), 1_000)
    view.show(discharged(patient_id, 3), 1_002)
    worker = Worker(TypeViewFeed(view, TOPICS), sqlite_read_models, decode)
    assert worker.catch_up() == 1
    assert worker.catch_up() == 0
    assert sqlite_read_models.checkpoint() is None
    [warning] = caplog.messages
    assert warning.startswith(
        f"Event 3 of patient {patient_id} was seen, but the patient's own events end at version 1."
    )
    view.append(transferred(patient_id, 2, "BB"))
    view.append(discharged(patient_id, 3))
    assert worker.catch_up() == 2
    assert sqlite_read_models.checkpoint() is not None


def test_a_gap_of_a_patient_who_is_erased_is_closed_and_nothing_is_shown(
    read_models: ReadModelStore,
) -> None:
    view, patient_id, other = InMemoryTypeView(), uuid4(), uuid4()
    events = history(patient_id, 3)
    for event in events:
        view.append(event)
    view.show(events[2], 1_002)
    view.erase(patient_id)
    worker = Worker(TypeViewFeed(view, TOPICS), read_models, decode)
    assert worker.catch_up() == 0
    assert read_models.checkpoint() is None
    erase_patient(read_models, patient_id, events, decode)
    assert worker.catch_up() == 0
    assert read_models.checkpoint() is not None
    view.show(events[0], 1_000)
    view.show(events[1], 1_001)
    view.record(admitted(other), 1_003)
    for again in (worker, Worker(TypeViewFeed(view, TOPICS), read_models, decode)):
        again.catch_up()
        assert versions(read_models, other) == [1]
        assert read_models.patient(patient_id) is None
        assert [row.patient_id for row in all_patients(read_models)] == [other]


class ErasedBeforeItIsWritten:
    """A store in which a patient is erased between a worker's reading and its writing."""

    def __init__(self, store: ReadModelStore, erase: Callable[[], None]) -> None:
        self._store = store
        self._erase = erase

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def replace_all(self, changes: Sequence[RowChange]) -> None:
        self._erase()
        self._store.replace_all(changes)


def test_a_patient_who_is_erased_while_a_worker_writes_is_not_shown(
    read_models: ReadModelStore,
) -> None:
    view, patient_id = InMemoryTypeView(), uuid4()
    events = history(patient_id, 7)
    for event in events:
        view.record(event, 1_000 + event.originator_version)
    store: Any = ErasedBeforeItIsWritten(
        read_models, lambda: erase_patient(read_models, patient_id, events, decode)
    )
    Worker(TypeViewFeed(view, TOPICS), store, decode).catch_up()
    assert shown(read_models, patient_id) == Shown(None, [], [])
    assert read_models.checkpoint() is not None


def test_events_that_cannot_be_read_do_not_keep_a_patient_from_being_erased(
    read_models: ReadModelStore,
) -> None:
    patient_id = uuid4()
    recorder = POPOApplicationRecorder()
    events = [admitted(patient_id), transferred(patient_id, 2, "BB")]
    events += [stored(patient_id, 3, "PatientTransferred"), stored(patient_id, 4, "Unheard")]
    recorder.insert_events(events)
    Worker(LogFeed(recorder, TOPICS), read_models, decode).catch_up()
    assert read_models.patient(patient_id) is not None
    erase_patient(read_models, patient_id, events, decode)
    assert shown(read_models, patient_id) == Shown(None, [], [])


def test_an_event_that_cannot_be_shown_holds_back_its_own_patient_only(
    sqlite_read_models: SQLiteReadModels, caplog: pytest.LogCaptureFixture
) -> None:
    recorder, bad, good = POPOApplicationRecorder(), uuid4(), uuid4()
    recorder.insert_events([admitted(bad), stored(bad, 2, "PatientTransferred")])
    recorder.insert_events([discharged(bad, 3), admitted(good)])
    worker = Worker(LogFeed(recorder, TOPICS), sqlite_read_models, decode)
    assert worker.catch_up() == 2
    recorder.insert_events([admitted(bad, 4), transferred(good, 2, "BB")])
    assert worker.catch_up() == 1
    assert versions(sqlite_read_models, bad, good) == [1, 2]
    assert worker.held_back == [bad]
    [record] = caplog.records
    assert (record.levelno, record.__dict__["patient_id"]) == (logging.ERROR, str(bad))
    assert record.getMessage().startswith(
        f"Event 2 of patient {bad}, stored as 'PatientTransferred', cannot be shown: "
        "new_ward: Field required. The read models show this patient as of version 1 until "
    )


def test_a_patient_held_back_with_a_gap_behind_it_holds_up_nobody(
    sqlite_read_models: SQLiteReadModels,
) -> None:
    view, bad, good = InMemoryTypeView(), uuid4(), uuid4()
    view.record(stored(bad, 1, "PatientAdmitted"), 1_000)
    view.show(discharged(bad, 3), 1_002)
    worker = Worker(TypeViewFeed(view, TOPICS), sqlite_read_models, decode)
    assert worker.catch_up() == 0
    view.append(transferred(bad, 2, "BB"))
    view.append(discharged(bad, 3))
    view.record(admitted(good), 1_003)
    assert worker.catch_up() == 1
    assert worker.held_back == [bad]
    assert versions(sqlite_read_models, bad, good) == [0, 1]


def test_an_event_that_was_held_back_is_tried_again_after_a_restart(
    sqlite_read_models: SQLiteReadModels,
) -> None:
    recorder, encrypted, good = POPOApplicationRecorder(), uuid4(), uuid4()
    recorder.insert_events([admitted(encrypted), admitted(good), discharged(encrypted, 2)])

    def without_key(event: StoredEvent) -> Mapping[str, Any]:
        if event.originator_id == encrypted:
            raise ValueError("The event cannot be decrypted.")
        return decode(event)

    assert Worker(LogFeed(recorder, TOPICS), sqlite_read_models, without_key).catch_up() == 1
    assert Worker(LogFeed(recorder, TOPICS), sqlite_read_models, decode).catch_up() == 2
    assert versions(sqlite_read_models, encrypted, good) == [2, 1]


class CheckpointsAreLost(SQLiteReadModels):
    """A store whose worker dies each time between the rows and the checkpoint."""

    def save_checkpoint(self, checkpoint: str) -> None:
        raise ReadModelsUnavailableError("The worker died.")


def test_a_worker_killed_before_its_checkpoint_repeats_the_events_without_effect(
    tmp_path: Path,
) -> None:
    recorder, patient_id = POPOApplicationRecorder(), uuid4()
    recorder.insert_events(history(patient_id, 7))
    path = tmp_path / "read-models.sqlite"
    with closing(CheckpointsAreLost(path)) as store:
        with pytest.raises(ReadModelsUnavailableError):
            Worker(LogFeed(recorder, TOPICS), store, decode).catch_up()
        before = shown(store, patient_id)
    with closing(SQLiteReadModels(path)) as store:
        assert Worker(LogFeed(recorder, TOPICS), store, decode).catch_up() == 0
        assert shown(store, patient_id) == before
        assert store.checkpoint() == "7"


class RowsAreLostOnce(SQLiteReadModels):
    """A store that fails at the first write."""

    failed = False

    def replace_all(self, changes: Sequence[RowChange]) -> None:
        if not self.failed:
            self.failed = True
            raise ReadModelsUnavailableError("The disk is full.")
        super().replace_all(changes)


def test_events_that_could_not_be_written_are_not_forgotten(tmp_path: Path) -> None:
    recorder, patient_id = POPOApplicationRecorder(), uuid4()
    recorder.insert_events(history(patient_id, 3))
    with closing(RowsAreLostOnce(tmp_path / "read-models.sqlite")) as store:
        worker = Worker(LogFeed(recorder, TOPICS), store, decode)
        with pytest.raises(ReadModelsUnavailableError):
            worker.catch_up()
        assert worker.catch_up() == 3


class FeedThatCanFail(LogFeed):
    """A feed whose event store goes away and comes back."""

    reachable = True

    def poll(self, checkpoint: str | None) -> Batch:
        if not self.reachable:
            raise OperationalError("No node answers.")
        return super().poll(checkpoint)


def test_a_running_worker_waits_out_a_failure_and_says_so(
    sqlite_read_models: SQLiteReadModels, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    recorder, patient_id = POPOApplicationRecorder(), uuid4()
    feed = FeedThatCanFail(recorder, TOPICS)
    with running(Worker(feed, sqlite_read_models, decode)):
        recorder.insert_events([admitted(patient_id)])
        wait_until(lambda: versions(sqlite_read_models, patient_id) == [1])
        feed.reachable = False
        wait_until(lambda: len(caplog.messages) > 1)
        recorder.insert_events([discharged(patient_id, 2)])
        feed.reachable = True
        wait_until(lambda: versions(sqlite_read_models, patient_id) == [2])
    assert caplog.messages[0].startswith("The read models stand still. Trying again in 0.25 s,")
    assert caplog.messages[1].startswith("The read models stand still. Trying again in 0.5 s,")
    assert caplog.messages[1].endswith("Reason: No node answers.")
    assert caplog.messages[-1] == "The read models go on."


def test_a_running_worker_notices_that_its_rows_were_deleted_and_writes_them_again(
    sqlite_read_models: SQLiteReadModels, tmp_path: Path
) -> None:
    recorder, one, other = POPOApplicationRecorder(), uuid4(), uuid4()
    recorder.insert_events([*history(one, 3), admitted(other)])
    with running(Worker(LogFeed(recorder, TOPICS), sqlite_read_models, decode)):
        wait_until(lambda: sqlite_read_models.checkpoint() == "4")
        with closing(sqlite3.connect(tmp_path / "data" / "read-models.sqlite")) as connection:
            connection.executescript("DELETE FROM patients; DELETE FROM projection_checkpoints;")
        recorder.insert_events(history(one, 4)[3:])
        wait_until(lambda: versions(sqlite_read_models, one, other) == [4, 1])


def test_a_worker_goes_on_where_another_one_is_ahead(sqlite_read_models: SQLiteReadModels) -> None:
    recorder, patient_id = POPOApplicationRecorder(), uuid4()
    events = history(patient_id, 4)
    recorder.insert_events(events[:1])
    slow = Worker(LogFeed(recorder, TOPICS), sqlite_read_models, decode)
    assert slow.catch_up() == 1
    recorder.insert_events(events[1:3])
    assert Worker(LogFeed(recorder, TOPICS), sqlite_read_models, decode).catch_up() == 2
    recorder.insert_events(events[3:])
    assert slow.catch_up() == 1
    assert versions(sqlite_read_models, patient_id) == [4]


def test_a_checkpoint_of_another_feed_ends_the_worker_with_a_sentence(
    sqlite_read_models: SQLiteReadModels,
) -> None:
    sqlite_read_models.save_checkpoint('{"PatientAdmitted": [1, 1, "x"]}')
    worker = Worker(LogFeed(POPOApplicationRecorder(), TOPICS), sqlite_read_models, decode)
    with pytest.raises(InvalidCheckpointError, match="expected a position"):
        worker.run()


def test_an_idle_worker_writes_nothing(sqlite_read_models: SQLiteReadModels) -> None:
    recorder = POPOApplicationRecorder()
    recorder.insert_events([admitted(uuid4())])
    worker = Worker(LogFeed(recorder, TOPICS), sqlite_read_models, decode)
    worker.catch_up()
    sqlite_read_models.save_checkpoint("not overwritten")
    worker.catch_up()
    assert sqlite_read_models.checkpoint() == "not overwritten"


def test_a_signal_handler_may_stop_the_worker_in_its_own_thread(
    sqlite_read_models: SQLiteReadModels,
) -> None:
    worker = Worker(LogFeed(POPOApplicationRecorder(), TOPICS), sqlite_read_models, decode)
    previous = signal.signal(signal.SIGUSR1, lambda *_: worker.stop())
    timer = Timer(0.1, os.kill, [os.getpid(), signal.SIGUSR1])
    timer.start()
    try:
        worker.run()
    finally:
        timer.join()
        signal.signal(signal.SIGUSR1, previous)


def test_a_worker_stopped_before_it_runs_does_nothing(sqlite_read_models: SQLiteReadModels) -> None:
    recorder = POPOApplicationRecorder()
    recorder.insert_events([admitted(uuid4())])
    worker = Worker(LogFeed(recorder, TOPICS), sqlite_read_models, decode)
    worker.stop()
    worker.run()
    assert sqlite_read_models.wards() == []


def test_rows_written_by_another_worker_are_not_taken_back(
    sqlite_read_models: SQLiteReadModels,
) -> None:
    recorder, patient_id = POPOApplicationRecorder(), uuid4()
    recorder.insert_events(history(patient_id, 2))
    ahead = rows_of(patient_id, ["AA", "BB", "CC"])
    sqlite_read_models.replace_all([RowChange(ahead)])
    assert Worker(LogFeed(recorder, TOPICS), sqlite_read_models, decode).catch_up() == 0
    assert sqlite_read_models.patient(patient_id) == ahead[-1]
