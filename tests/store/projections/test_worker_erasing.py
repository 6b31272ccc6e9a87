"""A patient is erased while a worker has events of them in memory, or is about to have."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import StoredEvent
from eventsourcing.popo import POPOApplicationRecorder

from patientmgmt.queries import queries_of
from projections.database import Database, Generation
from projections.erasing import NotErasedError, erase_aggregate
from projections.errors import ReadModelsUnavailableError
from projections.feeds.log import LogFeed
from projections.feeds.type_view import TypeViewFeed
from projections.generations import Generations
from projections.parking import Parking
from projections.projection import Projection
from read_models import patient_list, ward_board
from read_models.patient_events import TOPICS
from tests.store.projections.projecting import BOTH, Misbehaving, checkpoint, projection, worker
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


def test_nobody_is_left_in_the_tables_of_rebuilds_that_were_stopped(database: Database) -> None:
    """One had switched and not dropped the tables of before, another one was begun anew."""
    recorder, patient_id = POPOApplicationRecorder(), uuid4()
    events = history(patient_id, 3)
    recorder.insert_events(events)
    feed, generations = LogFeed(recorder, TOPICS), Generations(database)
    projection(database, feed).catch_up()
    switched = generations.begin(patient_list.MODEL)
    generations.switch(switched)
    given_up = generations.begin(patient_list.MODEL)
    for generation in (switched, given_up):
        Projection(generation, feed, database, decode).catch_up()
    generations.begin(patient_list.MODEL, anew=True)
    erase(database, patient_id, events)
    for number in (1, 3):
        with pytest.raises(ReadModelsUnavailableError):
            database.open(Generation(patient_list.MODEL, number)).guards([patient_id])
    for number in (2, 4):
        tables = database.open(Generation(patient_list.MODEL, number))
        assert tables.guards([patient_id])[patient_id].is_erased


@pytest.mark.parametrize("is_live", [True, False])
def test_who_stands_in_tables_of_other_code_is_not_said_to_be_erased(
    database: Database, is_live: bool
) -> None:
    recorder, patient_id = POPOApplicationRecorder(), uuid4()
    events = history(patient_id, 3)
    recorder.insert_events(events)
    feed, generations = LogFeed(recorder, TOPICS), Generations(database)
    worker(database, feed).catch_up()
    other = generations.begin(replace(ward_board.MODEL, version=ward_board.MODEL.version + 1))
    if is_live:
        generations.switch(other)
    with pytest.raises(NotErasedError, match=r"projections rebuild ward_board`\. Then erase again"):
        erase(database, patient_id, events)
    assert versions(database, patient_id) == [3], "it is erased from none, or from all"
    assert generations.switch(generations.begin(ward_board.MODEL))
    erase(database, patient_id, events)
    assert shown(queries_of(database), patient_id) == NOWHERE
