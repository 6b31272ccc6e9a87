from datetime import UTC, datetime
from uuid import uuid4

from eventsourcing.popo import POPOApplicationRecorder

from patientmgmt.queries import queries_of
from projections.database import Database
from projections.emptying import empty
from projections.feeds.log import LogFeed
from projections.freshness import current_as_of, tell
from projections.generations import Generations
from projections.shards import ALL
from projections.stamps import stamp
from read_models.patient_events import TOPICS
from tests.store.projections.projecting import BOTH, checkpoint, projection, worker
from tests.store.projections.rows import NOWHERE, shown, told
from tests.unit.projections.events import history, stored


def test_emptied_read_models_are_filled_again_from_the_first_event(database: Database) -> None:
    recorder, patient_id, bad = POPOApplicationRecorder(), uuid4(), uuid4()
    events = history(patient_id, 6)
    recorder.insert_events([*events, stored(bad, 1, "PatientAdmitted")])
    feed = LogFeed(recorder, TOPICS)
    worker(database, feed).catch_up()
    for _ in range(2):
        empty(database, BOTH)
        assert shown(queries_of(database), patient_id) == NOWHERE
        assert [checkpoint(database, feed, model) for model in BOTH] == [None, None]
        assert projection(database, feed).parking.all() == []
    assert worker(database, feed).catch_up() == 6
    assert shown(queries_of(database), patient_id) == told(events)
    assert [p.aggregate_id for p in projection(database, feed).parking.all()] == [bad]


def test_a_read_model_that_is_not_named_stays(database: Database) -> None:
    recorder, patient_id = POPOApplicationRecorder(), uuid4()
    events = history(patient_id, 2)
    recorder.insert_events(events)
    worker(database, LogFeed(recorder, TOPICS)).catch_up()
    empty(database, BOTH[1:])
    assert shown(queries_of(database), patient_id).patient == told(events).patient
    assert queries_of(database).board.wards() == []


def test_nobody_is_told_that_an_emptied_read_model_is_current_or_unchanged(
    database: Database,
) -> None:
    recorder = POPOApplicationRecorder()
    recorder.insert_events(history(uuid4(), 2))
    worker(database, LogFeed(recorder, TOPICS)).catch_up()
    live = [Generations(database).live(model) for model in BOTH]
    for generation in live:
        tell(database.records, generation, ALL, datetime.now(UTC))
    before = stamp(database.records, live[0])
    empty(database, BOTH[:1])
    assert stamp(database.records, live[0]) != before
    assert current_as_of(database.records, live[0], 1) is None
    assert current_as_of(database.records, live[1], 1) is not None
