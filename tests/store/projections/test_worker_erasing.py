"""A patient is erased while a worker has events of them in memory, or is about to have."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from eventsourcing.persistence import StoredEvent
from eventsourcing.popo import POPOApplicationRecorder

from patientmgmt.queries import queries_of
from projections.database import Database
from projections.erasing import erase_aggregate
from projections.feeds.log import LogFeed
from projections.feeds.type_view import TypeViewFeed
from projections.generations import Generations
from projections.parking import Parking
from read_models import patient_list
from read_models.patient_events import TOPICS
from tests.store.projections.projecting import BOTH, Misbehaving, checkpoint, worker
from tests.store.projections.rows import NOWHERE, all_patients, shown, told, versions
from tests.unit.projections.events import admitted, decode, history, stored, transferred
from tests.unit.projections.type_view import InMemoryTypeView


def erase(database: Database, patient_id: UUID, events: Sequence[StoredEvent]) -> None:
    erase_aggregate(database, BOTH, patient_id, events, decode)


def test_a_gap_of_a_patient_who_is_erased_is_closed_and_nothing_is_shown(
    database: Database,
) -> None:
    view, patient_id, other = InMemoryTypeView(), uuid4(), uuid4()
    events = history(patient_id, 3)
    for event in events:
        view.append(event)
    view.show(events[2], 1_002)
    view.erase(patient_id)
    feed = TypeViewFeed(view, TOPICS)
    follower = worker(database, feed)
    assert follower.catch_up() == 0
    assert checkpoint(database, feed) is None
    erase(database, patient_id, events)
    assert follower.catch_up() == 0
    assert checkpoint(database, feed) is not None
    view.show(events[0], 1_000)
    view.show(events[1], 1_001)
    view.record(admitted(other), 1_003)
    for again in (follower, worker(database, feed)):
        again.catch_up()
        assert versions(database, other) == [1]
        assert shown(queries_of(database), patient_id) == NOWHERE
        assert [row.patient_id for row in all_patients(queries_of(database))] == [other]


def test_a_patient_who_is_erased_while_a_worker_writes_is_not_shown(database: Database) -> None:
    view, patient_id = InMemoryTypeView(), uuid4()
    events = history(patient_id, 7)
    for event in events:
        view.record(event, 1_000 + event.originator_version)

    def erase_first(carry_out: Any, changes: Any) -> None:
        erase(database, patient_id, events)
        carry_out(changes)

    feed = TypeViewFeed(view, TOPICS)
    misbehaving: Any = Misbehaving(database, carry_out=erase_first)
    worker(misbehaving, feed).catch_up()
    assert shown(queries_of(database), patient_id) == NOWHERE
    assert checkpoint(database, feed) is not None


def test_a_patient_may_be_erased_again_with_none_of_the_events_left(database: Database) -> None:
    recorder, patient_id, other = POPOApplicationRecorder(), uuid4(), uuid4()
    events = history(patient_id, 3)
    recorder.insert_events([*events, admitted(other)])
    worker(database, LogFeed(recorder, TOPICS)).catch_up()
    for left in (events, [], []):
        erase(database, patient_id, left)
        assert shown(queries_of(database), patient_id) == NOWHERE
        assert shown(queries_of(database), other) == told([admitted(other)])


def test_what_is_shown_is_erased_even_if_no_events_are_left(database: Database) -> None:
    recorder, patient_id = POPOApplicationRecorder(), uuid4()
    recorder.insert_events(history(patient_id, 3))
    worker(database, LogFeed(recorder, TOPICS)).catch_up()
    erase(database, patient_id, [])
    assert shown(queries_of(database), patient_id) == NOWHERE


def test_events_that_cannot_be_read_do_not_keep_a_patient_from_being_erased(
    database: Database,
) -> None:
    recorder, patient_id = POPOApplicationRecorder(), uuid4()
    events = [admitted(patient_id), transferred(patient_id, 2, "BB")]
    events += [stored(patient_id, 3, "PatientTransferred"), stored(patient_id, 4, "Unheard")]
    recorder.insert_events(events)
    follower = worker(database, LogFeed(recorder, TOPICS))
    follower.catch_up()
    parking = Parking(database, Generations(database).live(patient_list.MODEL))
    assert shown(queries_of(database), patient_id) == told(events[:2])
    assert [parked.aggregate_id for parked in parking.all()] == [patient_id]
    erase(database, patient_id, events)
    assert shown(queries_of(database), patient_id) == NOWHERE
    assert parking.all() == []


def test_a_parked_patient_who_is_erased_is_not_parked_again(database: Database) -> None:
    recorder, patient_id = POPOApplicationRecorder(), uuid4()
    events = [admitted(patient_id), stored(patient_id, 2, "PatientTransferred")]
    recorder.insert_events(events)
    feed = LogFeed(recorder, TOPICS)
    follower = worker(database, feed)
    follower.catch_up()
    erase(database, patient_id, events)
    recorder.insert_events([transferred(patient_id, 3, "BB")])
    for again in (follower, worker(database, feed)):
        again.catch_up()
    parking = Parking(database, Generations(database).live(patient_list.MODEL))
    assert parking.all() == []
    assert shown(queries_of(database), patient_id) == NOWHERE


def test_a_generation_that_is_being_built_is_erased_too(database: Database) -> None:
    recorder, patient_id = POPOApplicationRecorder(), uuid4()
    events = history(patient_id, 3)
    recorder.insert_events(events)
    worker(database, LogFeed(recorder, TOPICS)).catch_up()
    generations = Generations(database)
    building = generations.begin(patient_list.MODEL)
    erase(database, patient_id, events)
    assert database.open(building).guards([patient_id])[patient_id].is_erased
    generations.switch(building)
    assert shown(queries_of(database), patient_id) == NOWHERE
