"""A view in one partition processes each notification exactly once, whatever gets in between."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import uuid4

import pytest
from cassandra.query import BoundStatement
from eventsourcing.persistence import (
    IntegrityError,
    OperationalError,
    ProgrammingError,
    Tracking,
)

from eventstore_cassandra import CassandraDatastore, Settings
from tests.store.views.event_counters import EventCounters
from tests.store.views.lossy import LossyDatastore

Open = Callable[[CassandraDatastore], EventCounters]


@pytest.fixture
def open_view(datastore: CassandraDatastore) -> Open:
    """Opens one and the same view, which is empty, on the given connection."""

    class OneView(EventCounters):
        view_name = f"view-{uuid4()}"

    OneView(datastore).create_table()
    return OneView


@pytest.fixture
def lossy(settings: Settings) -> Iterator[Callable[[dict[int, str]], LossyDatastore]]:
    opened: list[LossyDatastore] = []

    def connect(losses: dict[int, str]) -> LossyDatastore:
        opened.append(LossyDatastore(replace(settings, view_patience=0.01), losses))
        return opened[-1]

    yield connect
    for datastore in opened:
        datastore.close()


@pytest.mark.parametrize("losses", [{1: "request"}, {1: "answer"}, {1: "request", 2: "answer"}])
@pytest.mark.parametrize("processed_before", [0, 1])
def test_an_event_whose_write_is_lost_is_counted_once(
    open_view: Open,
    datastore: CassandraDatastore,
    lossy: Callable[[dict[int, str]], LossyDatastore],
    losses: dict[int, str],
    processed_before: int,
) -> None:
    for position in range(1, processed_before + 1):
        open_view(datastore).incr_created_event_counter(Tracking("upstream", position))
    view = open_view(lossy(losses))
    view.incr_created_event_counter(Tracking("upstream", processed_before + 1))
    assert view.get_created_event_counter() == processed_before + 1
    assert view.max_tracking_id("upstream") == processed_before + 1
    view.incr_created_event_counter(Tracking("upstream", processed_before + 2))
    assert view.get_created_event_counter() == processed_before + 2


def test_a_write_that_stays_unanswered_is_an_error_and_processing_can_go_on(
    open_view: Open, settings: Settings, lossy: Callable[[dict[int, str]], LossyDatastore]
) -> None:
    view = open_view(lossy(dict.fromkeys(range(1, settings.append_attempts + 1), "request")))
    with pytest.raises(OperationalError, match="goes on where it was"):
        view.incr_created_event_counter(Tracking("upstream", 1))
    assert view.max_tracking_id("upstream") is None
    view.incr_created_event_counter(Tracking("upstream", 1))
    assert view.get_created_event_counter() == 1


def test_of_two_processes_on_one_upstream_each_event_is_counted_by_one(
    open_view: Open, datastore: CassandraDatastore
) -> None:
    def process(view: EventCounters) -> int:
        counted = 0
        for position in range(1, 31):
            try:
                view.incr_created_event_counter(Tracking("upstream", position))
            except IntegrityError:
                continue
            counted += 1
        return counted

    views = [open_view(datastore) for _ in range(2)]
    with ThreadPoolExecutor(len(views)) as pool:
        counted = list(pool.map(process, views))
    # One that is overtaken is refused what the other has counted.
    assert sum(counted) == views[0].get_created_event_counter() == 30
    assert views[0].max_tracking_id("upstream") == 30


def test_several_upstreams_can_share_a_view_and_overwrite_nothing(
    open_view: Open, datastore: CassandraDatastore
) -> None:
    def process(upstream: str) -> None:
        view = open_view(datastore)
        for position in range(1, 21):
            view.incr_subsequent_event_counter(Tracking(upstream, position))

    upstreams = ["first", "second", "third"]
    with ThreadPoolExecutor(len(upstreams)) as pool:
        list(pool.map(process, upstreams))
    view = open_view(datastore)
    assert view.get_subsequent_event_counter() == 60
    assert [view.max_tracking_id(upstream) for upstream in upstreams] == [20, 20, 20]


def test_an_event_that_changes_no_row_is_tracked(
    open_view: Open, datastore: CassandraDatastore
) -> None:
    view = open_view(datastore)
    view.insert_tracking(Tracking("upstream", 7))
    with pytest.raises(IntegrityError, match="below 7, found it at 7"):
        open_view(datastore).insert_tracking(Tracking("upstream", 7))
    assert view.get_created_event_counter() == 0


def test_rows_of_another_partition_are_refused_and_nothing_is_written(
    open_view: Open, datastore: CassandraDatastore
) -> None:
    view = open_view(datastore)

    def elsewhere() -> list[BoundStatement]:
        insert = "INSERT INTO {table} (view_name, kind, number) VALUES (?, ?, ?)"
        return [view.statement(insert, ["another", "created", 1])]

    with pytest.raises(ProgrammingError, match="multiple partitions"):
        view.write(Tracking("upstream", 1), elsewhere)
    assert view.max_tracking_id("upstream") is None


def test_with_one_writer_an_event_costs_one_conditional_batch_and_no_serial_read(
    open_view: Open, lossy: Callable[[dict[int, str]], LossyDatastore]
) -> None:
    datastore = lossy({})
    view = open_view(datastore)
    for position in range(1, 6):
        view.incr_created_event_counter(Tracking("upstream", position))
    assert (datastore.writes, datastore.serial_reads) == (5, 1)


def test_a_view_without_its_table_says_so(datastore: CassandraDatastore) -> None:
    class NoTable(EventCounters):
        table = "never_created"

    with pytest.raises(ProgrammingError, match="never_created"):
        NoTable(datastore).max_tracking_id("upstream")
