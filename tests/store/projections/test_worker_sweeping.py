"""A worker finds what its feed has lost by comparing what there is with what is shown."""

from datetime import timedelta
from uuid import uuid4

from eventsourcing.popo import POPOApplicationRecorder

from patientmgmt.queries import queries_of
from projections.assignments import Assignments
from projections.database import Database
from projections.feeds.type_view import TypeViewFeed
from projections.sqlite import SQLiteDatabase
from projections.truth import LogTruth
from projections.worker import Worker
from read_models.patient_events import TOPICS
from tests.store.projections.projecting import BOTH
from tests.store.projections.rows import shown, told
from tests.store.projections.waiting import running, wait_until
from tests.unit.projections.events import decode, history
from tests.unit.projections.type_view import InMemoryTypeView


def test_what_the_feed_never_shows_is_found_by_the_sweep_and_shown(database: Database) -> None:
    view, log, patient_id = InMemoryTypeView(), POPOApplicationRecorder(), uuid4()
    events = history(patient_id, 3)
    log.insert_events(events)
    for event in events:
        view.append(event)
    duties = Assignments(
        database,
        BOTH,
        TypeViewFeed(view, TOPICS),
        decode,
        truth=LogTruth(log, page_size=2),
        sweep_period=timedelta(0),
    )
    with running(Worker(duties)):
        wait_until(lambda: shown(queries_of(database), patient_id) == told(events))


def test_what_there_is_to_do_is_looked_up_every_second_and_not_every_round(
    sqlite_database: SQLiteDatabase,
) -> None:
    now = [100.0]
    feed = TypeViewFeed(InMemoryTypeView(), TOPICS)
    duties = Assignments(sqlite_database, BOTH, feed, decode, clock=lambda: now[0])
    first = duties.projections()
    loads: list[object] = []
    original = sqlite_database.records.load

    def load(kind: str, name: str) -> str | None:
        loads.append((kind, name))
        return original(kind, name)

    sqlite_database.records.load = load  # type: ignore[method-assign]
    for _ in range(5):
        now[0] += 0.1
        assert duties.projections() == first
    assert loads == []
    now[0] += 1.0
    duties.projections()
    assert loads != []
