"""Numbers and ids at the edges of what columns hold: answered as by the library's own SQLite."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate
from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    ProgrammingError,
    StoredEvent,
)
from eventsourcing.sqlite import SQLiteApplicationRecorder, SQLiteDatastore

from eventstore_cassandra import (
    CassandraAggregateRecorder,
    CassandraApplicationRecorder,
    CassandraDatastore,
    CassandraSnapshotRecorder,
    Settings,
    create_tables,
)
from eventstore_cassandra.type_view import Place
from tests.store.operations.crafting import keyspace
from tests.store.projections.waiting import wait_until
from tests.store.test_shipped_cases import environment

ALL = [1, 2, 3]
AGGREGATE = UUID("3c4f4a5e-6d2e-4f6b-9c39-2f1c3a0f8c11")
RECORDED = [StoredEvent(AGGREGATE, version, "Happened", b"{}") for version in ALL]
BEYOND_SQLITE = 2**70
"""Python's integers have no end; SQLite's have 64 bits, and its module refuses larger ones."""


@pytest.fixture(scope="module")
def of_three_events(settings: Settings) -> Iterator[CassandraDatastore]:
    """A keyspace in which these three events are the whole log."""
    with keyspace(settings) as datastore:
        create_tables(datastore)
        CassandraApplicationRecorder(datastore).insert_events(RECORDED)
        yield datastore


@pytest.fixture
def on_cassandra(of_three_events: CassandraDatastore) -> CassandraApplicationRecorder:
    return CassandraApplicationRecorder(of_three_events)


@pytest.fixture(params=["sqlite", "cassandra"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ApplicationRecorder]:
    """Both recorders in turn, each with the three events at positions 1 to 3."""
    if request.param == "cassandra":
        yield request.getfixturevalue("on_cassandra")
        return
    datastore = SQLiteDatastore(str(tmp_path / "events"))
    recorder = SQLiteApplicationRecorder(datastore)
    recorder.create_table()
    recorder.insert_events(RECORDED)
    yield recorder
    datastore.close()


class CountsReads(CassandraDatastore):
    reads = 0

    def execute(self, statement: Any, profile: str | None = None) -> Any:
        self.reads += 1
        return super().execute(statement, profile)


def select(recorder: AggregateRecorder, bounds: dict[str, int]) -> list[int]:
    found = recorder.select_events(AGGREGATE, **bounds)  # type: ignore[arg-type]
    return [event.originator_version for event in found]


def positions(recorder: ApplicationRecorder, arguments: tuple[int | None, ...]) -> list[int]:
    found = recorder.select_notifications(*arguments)  # type: ignore[arg-type]
    return [notification.id for notification in found]


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ({"limit": sys.maxsize}, ALL),
        ({"limit": 2**31}, ALL),
        ({"limit": 0}, []),
        ({"limit": -1}, ALL),
        ({"limit": -(2**63)}, ALL),
        ({"lte": 2**31}, ALL),
        ({"lte": sys.maxsize}, ALL),
        ({"lte": -1}, []),
        ({"lte": -(2**40)}, []),
        ({"gt": 2**31 - 1}, []),
        ({"gt": 2**31}, []),
        ({"gt": sys.maxsize}, []),
        ({"gt": -1}, ALL),
        ({"gt": -(2**63)}, ALL),
        ({"gt": -5, "lte": 2**40, "limit": 2**40, "desc": True}, [3, 2, 1]),
    ],
)
def test_a_stream_is_read_between_any_bounds(
    either: ApplicationRecorder, bounds: dict[str, int], expected: list[int]
) -> None:
    assert select(either, bounds) == expected


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ({"limit": BEYOND_SQLITE}, ALL),
        ({"lte": BEYOND_SQLITE}, ALL),
        ({"lte": -BEYOND_SQLITE}, []),
        ({"gt": BEYOND_SQLITE}, []),
        ({"gt": -BEYOND_SQLITE}, ALL),
    ],
)
def test_a_stream_is_read_between_bounds_beyond_sqlite(
    on_cassandra: CassandraApplicationRecorder, bounds: dict[str, int], expected: list[int]
) -> None:
    assert select(on_cassandra, bounds) == expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((sys.maxsize, 1), []),
        ((-5, 2), [1, 2]),
        ((-(2**63), 2), [1, 2]),
        ((None, 2), [1, 2]),
        ((1, 0), []),
        ((1, -1), ALL),
        ((2, -(2**63)), [2, 3]),
        ((1, sys.maxsize), ALL),
        ((1, 10, sys.maxsize), ALL),
        ((1, 10, 0), []),
        ((1, 10, -1), []),
        ((3, 10, 1), []),
    ],
)
def test_notifications_are_read_between_any_bounds(
    either: ApplicationRecorder, arguments: tuple[int | None, ...], expected: list[int]
) -> None:
    assert positions(either, arguments) == expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((2**63, 1), []),
        ((BEYOND_SQLITE, 1), []),
        ((-BEYOND_SQLITE, 10), ALL),
        ((1, BEYOND_SQLITE), ALL),
        ((1, 10, BEYOND_SQLITE), ALL),
        ((1, 10, -BEYOND_SQLITE), []),
    ],
)
def test_notifications_are_read_between_bounds_beyond_sqlite(
    on_cassandra: CassandraApplicationRecorder, arguments: tuple[int, ...], expected: list[int]
) -> None:
    assert positions(on_cassandra, arguments) == expected


@pytest.mark.parametrize("gt", [-5, -BEYOND_SQLITE])
def test_a_subscription_from_before_the_first_position_begins_there(
    on_cassandra: CassandraApplicationRecorder, gt: int
) -> None:
    with on_cassandra.subscribe(gt=gt) as subscription:
        assert [next(subscription).id for _ in ALL] == ALL


@pytest.mark.parametrize("gt", [2**63 - 1, 2**63, BEYOND_SQLITE])
def test_a_subscription_beyond_all_positions_waits(
    of_three_events: CassandraDatastore, gt: int
) -> None:
    datastore = CountsReads(of_three_events.settings)
    recorder = CassandraApplicationRecorder(datastore)
    with ThreadPoolExecutor(1) as pool, recorder.subscribe(gt=gt) as subscription:
        found = pool.submit(lambda: list(subscription))
        datastore.reads = 0
        wait_until(lambda: datastore.reads > 10 or found.done())
        subscription.stop()
        assert found.result() == []
    datastore.close()


@pytest.mark.parametrize("version", [2, 2**31, 2**40, BEYOND_SQLITE])
def test_an_aggregate_is_loaded_at_any_version_there_is_or_at_its_last(
    settings: Settings, version: int
) -> None:
    env = environment(settings) | {"IS_SNAPSHOTTING_ENABLED": "yes"}
    with Application[UUID](env) as application:
        aggregate = Aggregate()
        aggregate.trigger_event(Aggregate.Event)
        application.save(aggregate)
        application.take_snapshot(aggregate.id, version=1)
        assert application.repository.get(aggregate.id, version=version).version == 2


@pytest.mark.parametrize("recorder_class", [CassandraAggregateRecorder, CassandraSnapshotRecorder])
@pytest.mark.parametrize("id_", ["ward-1", str(AGGREGATE), "", "\ud800", 7])
def test_an_id_that_is_no_uuid_is_named_where_ids_are_uuids(
    of_three_events: CassandraDatastore,
    recorder_class: type[CassandraAggregateRecorder | CassandraSnapshotRecorder],
    id_: str,
) -> None:
    recorder = recorder_class(of_three_events)
    with pytest.raises(ProgrammingError, match=r"id as a UUID, found .*ORIGINATOR_ID_TYPE"):
        recorder.select_events(id_)
    with pytest.raises(ProgrammingError, match="id as a UUID"):
        recorder.insert_events([StoredEvent(id_, 1, "Happened", b"{}")])


def test_an_id_that_is_no_text_is_named_where_ids_are_texts(settings: Settings) -> None:
    with keyspace(settings, originator_id_type="text") as datastore:
        create_tables(datastore)
        for recorder in (
            CassandraAggregateRecorder(datastore),
            CassandraSnapshotRecorder(datastore),
        ):
            for id_ in (AGGREGATE, "\ud800"):
                with pytest.raises(ProgrammingError, match=r"id as a text, found .*ORIGINATOR_ID"):
                    recorder.select_events(id_)
        bare = CassandraAggregateRecorder(datastore)
        bare.insert_events([StoredEvent("a", 1, "Happened", b"{}")])
        with pytest.raises(ProgrammingError, match=r"aggregate's id of type str, found .*UUID"):
            bare.select_events_by_type("Happened", gt=(0, 0, AGGREGATE), limit=1)


NIL = UUID(int=0)


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ((-(2**63), 0, NIL), ALL),
        ((-BEYOND_SQLITE, BEYOND_SQLITE, NIL), ALL),
        ((0, -(2**31) - 1, NIL), ALL),
        ((-1, 2**31, NIL), ALL),
        ((2**63 - 1, 0, NIL), []),
        ((2**63 - 1, 2**31, NIL), []),
        ((BEYOND_SQLITE, 0, NIL), []),
    ],
)
def test_the_type_view_is_read_from_any_place(
    on_cassandra: CassandraApplicationRecorder, place: Place, expected: list[int]
) -> None:
    found = on_cassandra.select_events_by_type("Happened", gt=place, limit=10)
    assert [event.originator_version for _, event in found] == expected


def test_a_place_after_all_versions_of_a_moment_is_before_the_next_moment(
    on_cassandra: CassandraApplicationRecorder,
) -> None:
    ((savetime, _, _), _), *_ = on_cassandra.select_events_by_type("Happened", limit=1)
    for moment, expected in ((savetime, []), (savetime - 1, ALL)):
        place = (moment, 2**31, NIL)
        found = on_cassandra.select_events_by_type("Happened", gt=place, limit=10)
        assert [event.originator_version for _, event in found] == expected


@pytest.mark.parametrize(
    ("limit", "expected"),
    [(sys.maxsize, ALL), (BEYOND_SQLITE, ALL), (2, [1, 2]), (0, []), (-1, ALL)],
)
def test_the_type_view_is_read_up_to_any_limit(
    on_cassandra: CassandraApplicationRecorder, limit: int, expected: list[int]
) -> None:
    found = on_cassandra.select_events_by_type("Happened", limit=limit)
    assert [event.originator_version for _, event in found] == expected


def test_a_place_with_an_id_of_another_type_is_named(
    on_cassandra: CassandraApplicationRecorder,
) -> None:
    with pytest.raises(ProgrammingError, match=r"aggregate's id of type UUID, found .*'ward-1'"):
        on_cassandra.select_events_by_type("Happened", gt=(0, 0, "ward-1"), limit=1)
