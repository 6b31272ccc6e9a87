"""A keyspace for aggregates whose ids are texts: the library's cases, applications, operations."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import uuid4

import pytest
from eventsourcing.application import Application
from eventsourcing.domain import BaseAggregate, CanInitAggregate, CanMutateAggregate, event
from eventsourcing.persistence import AggregateRecorder, ProgrammingError, StoredEvent
from eventsourcing.tests import persistence

from eventstore_cassandra import (
    CassandraAggregateRecorder,
    CassandraApplicationRecorder,
    CassandraDatastore,
    CassandraSnapshotRecorder,
    Settings,
    create_tables,
)
from eventstore_cassandra.operations import finish, rebuild_log, status, verify
from tests.store.operations.crafting import keyspace
from tests.store.test_shipped_cases import environment


@pytest.fixture
def texts(settings: Settings) -> Iterator[CassandraDatastore]:
    """An empty keyspace for ids that are texts."""
    with keyspace(settings, originator_id_type="text") as datastore:
        create_tables(datastore)
        yield datastore


class _WithTexts:
    datastore: CassandraDatastore

    @pytest.fixture(autouse=True)
    def _connect(self, texts: CassandraDatastore) -> None:
        self.datastore = texts

    def new_originator_id(self) -> str:
        return f"ward-{uuid4()}"


class TestAggregateRecorder(_WithTexts, persistence.AggregateRecorderTestCase):
    def create_recorder(self) -> AggregateRecorder:
        return CassandraAggregateRecorder(self.datastore)


class TestSnapshotRecorder(_WithTexts, persistence.AggregateRecorderTestCase):
    def create_recorder(self) -> AggregateRecorder:
        return CassandraSnapshotRecorder(self.datastore)


class TestApplicationRecorder(
    _WithTexts, persistence.ApplicationRecorderTestCase[CassandraApplicationRecorder]
):
    def create_recorder(self) -> CassandraApplicationRecorder:
        return CassandraApplicationRecorder(self.datastore)

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class Ward(BaseAggregate[str]):
    @dataclass(frozen=True)
    class Event(CanMutateAggregate[str]):
        originator_id: str
        originator_version: int
        timestamp: datetime

    @dataclass(frozen=True)
    class Opened(Event, CanInitAggregate[str]):
        originator_topic: str
        name: str

    @dataclass(frozen=True)
    class BedsAdded(Event):
        number: int

    @event(Opened)
    def __init__(self, name: str) -> None:
        self.name = name
        self.beds = 0

    @staticmethod
    def create_id(name: str) -> str:
        return f"ward-{name}"

    @event(BedsAdded)
    def add_beds(self, number: int) -> None:
        self.beds += number


def test_an_application_whose_aggregates_have_texts_for_ids(texts: CassandraDatastore) -> None:
    env = environment(texts.settings) | {"ORIGINATOR_ID_TYPE": "text"}
    with Application[str](env) as wards:
        ward = Ward("Kardiologie")
        ward.add_beds(3)
        wards.save(ward)
    with Application[str](env) as wards:
        found: Ward = wards.repository.get("ward-Kardiologie")
        assert (found.id, found.beds) == ("ward-Kardiologie", 3)
        ids = [n.originator_id for n in wards.recorder.select_notifications(1, 10)]
        assert ids == ["ward-Kardiologie"] * 2


def test_operations_and_the_type_view_know_texts(texts: CassandraDatastore) -> None:
    def happened(id_: str, version: int) -> StoredEvent:
        return StoredEvent(id_, version, "Happened", b"{}")

    CassandraAggregateRecorder(texts).insert_events([happened("b", 1), happened("b", 2)])
    recorder = CassandraApplicationRecorder(texts)
    recorder.insert_events([happened("a", 1)])
    assert {finding.count for finding in finish(verify(texts)).findings} == {2}
    assert finish(rebuild_log(texts, write=True)).appended == 2
    assert finish(verify(texts)).is_sound
    assert status(texts).head == 3

    (place, first), *_ = recorder.select_events_by_type("Happened", limit=1)
    rest = recorder.select_events_by_type("Happened", gt=place, limit=10)
    assert sorted(e.originator_id for e in (first, *(e for _, e in rest))) == ["a", "b", "b"]


@pytest.mark.parametrize("id_", [uuid4(), ""], ids=["a UUID", "an empty text"])
def test_an_id_that_is_no_text_is_refused(texts: CassandraDatastore, id_: object) -> None:
    recorder = CassandraApplicationRecorder(texts)
    with pytest.raises(ProgrammingError, match="Expected the aggregate's id as a text"):
        recorder.insert_events([StoredEvent(id_, 1, "Happened", b"{}")])  # type: ignore[arg-type]
    assert recorder.max_notification_id() is None


@pytest.mark.parametrize("wanted", ["text", None])
def test_a_keyspace_keeps_the_type_of_ids_that_it_was_created_with(
    texts: CassandraDatastore, wanted: str | None
) -> None:
    created = CassandraDatastore(replace(texts.settings, originator_id_type=wanted))
    create_tables(created)
    CassandraAggregateRecorder(created).insert_events([StoredEvent("a", 1, "Happened", b"")])
    created.close()
    other = CassandraDatastore(replace(texts.settings, originator_id_type="uuid"))
    try:
        for use in (CassandraAggregateRecorder, CassandraSnapshotRecorder, create_tables):
            with pytest.raises(ProgrammingError, match=r"ORIGINATOR_ID_TYPE: expected text.*uuid"):
                use(other)
    finally:
        other.close()


def test_a_creation_that_was_cut_short_goes_on_with_the_same_type_of_ids_only(
    texts: CassandraDatastore,
) -> None:
    texts.session.execute(f"TRUNCATE {texts.settings.keyspace}.schema_version", timeout=60)
    other = CassandraDatastore(replace(texts.settings, originator_id_type="uuid"))
    with pytest.raises(ProgrammingError, match="ORIGINATOR_ID_TYPE: expected text"):
        create_tables(other)
    other.close()
    create_tables(texts)
