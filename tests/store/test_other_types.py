"""Values of other types than were asked for: told in sentences, never by a bare TypeError."""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from eventsourcing.persistence import ProgrammingError, StoredEvent

from eventstore_cassandra import (
    CassandraApplicationRecorder,
    CassandraDatastore,
    CassandraSnapshotRecorder,
    Settings,
    create_tables,
)
from eventstore_cassandra.operations import erase
from tests.store.operations.crafting import keyspace

KNOWN = uuid4()
READS: list[Callable[[CassandraApplicationRecorder, Any], object]] = [
    lambda recorder, number: recorder.select_events(KNOWN, gt=number),
    lambda recorder, number: recorder.select_events(KNOWN, lte=number),
    lambda recorder, number: recorder.select_events(KNOWN, limit=number),
    lambda recorder, number: recorder.select_notifications(number, 10),
    lambda recorder, number: recorder.select_notifications(1, number),
    lambda recorder, number: recorder.select_notifications(1, 10, number),
    lambda recorder, number: recorder.select_events_by_type("Happened", limit=number),
    lambda recorder, number: recorder.subscribe(gt=number),
    lambda recorder, number: recorder.settle(number),
]


@pytest.mark.parametrize("number", ["1", 1.5, b"1", [1]])
@pytest.mark.parametrize("read", range(len(READS)))
def test_a_bound_that_is_no_whole_number(
    cassandra_recorder: CassandraApplicationRecorder, read: int, number: Any
) -> None:
    with pytest.raises(ProgrammingError, match=r"Expected .* as a whole number, found"):
        READS[read](cassandra_recorder, number)


@pytest.mark.parametrize("place", [("0", 0, KNOWN), (0, "0", KNOWN), (0, None, KNOWN)])
def test_a_place_in_the_type_view_that_is_none(
    cassandra_recorder: CassandraApplicationRecorder, place: Any
) -> None:
    cassandra_recorder.insert_events([StoredEvent(uuid4(), 1, "Happened", b"{}")])
    with pytest.raises(ProgrammingError, match="Expected a place in the type view"):
        cassandra_recorder.select_events_by_type("Happened", gt=place, limit=1)


@pytest.mark.parametrize("number", ["1", 1.5, None])
def test_an_integer_of_an_event_type_that_is_none(
    cassandra_recorder: CassandraApplicationRecorder, number: Any
) -> None:
    with pytest.raises(ProgrammingError, match="event type 'Odd' as a whole number"):
        cassandra_recorder.register_event_types({"Odd": number})


@pytest.mark.parametrize("aggregate", ["ward-1", "", 7, None])
def test_an_id_that_is_no_uuid(datastore: CassandraDatastore, aggregate: Any) -> None:
    for recorder in (CassandraApplicationRecorder(datastore), CassandraSnapshotRecorder(datastore)):
        with pytest.raises(ProgrammingError, match="id as a UUID, found"):
            recorder.select_events(aggregate)
    with pytest.raises(ProgrammingError, match="id as a UUID, found"):
        deque(erase(datastore, aggregate, write=True), maxlen=0)


@pytest.fixture(scope="module")
def of_texts(settings: Settings) -> Iterator[CassandraDatastore]:
    with keyspace(settings, originator_id_type="text") as datastore:
        create_tables(datastore)
        yield datastore


@pytest.mark.parametrize("aggregate", [uuid4(), 7, None, "\ud800"])
def test_an_id_that_is_no_text(of_texts: CassandraDatastore, aggregate: Any) -> None:
    with pytest.raises(ProgrammingError, match="id as a text, found"):
        CassandraApplicationRecorder(of_texts).select_events(aggregate)
    with pytest.raises(ProgrammingError, match="id as a text, found"):
        deque(erase(of_texts, aggregate, write=True), maxlen=0)


@pytest.mark.parametrize("aggregate", ["", "x" * 65_536, "é" * 40_000])
def test_under_a_text_that_cannot_be_an_id_there_is_nothing(
    of_texts: CassandraDatastore, aggregate: str
) -> None:
    assert CassandraApplicationRecorder(of_texts).select_events(aggregate) == []
    assert CassandraSnapshotRecorder(of_texts).select_events(aggregate) == []
    *_, found = steps(of_texts, aggregate)
    assert not found.is_known


def steps(datastore: CassandraDatastore, aggregate: str) -> Iterator[Any]:
    """Yield the steps of an erasure, and then what it came to."""
    result = yield from erase(datastore, aggregate, write=True)
    yield result
