"""``verify`` finds what is wrong, and takes nothing that is right for wrong."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import IntegrityError

from eventstore_cassandra.append import Append
from eventstore_cassandra.operations import Check, Report, finish, verify
from eventstore_cassandra.operations.inventory import open_inventory
from eventstore_cassandra.operations.second_looks import SecondLooks
from eventstore_cassandra.shared_settings import change_settings
from tests.store.operations.crafting import Store, events


def verify_while(store: Store, stage: str, happens: Callable[[], object]) -> Report:
    """Verify; when the first step of the stage has been taken, let something happen."""
    operation = verify(store.datastore)
    while next(operation).stage != stage:
        pass
    happens()
    return finish(operation)


def test_an_empty_store_is_sound(store: Store) -> None:
    report = store.verify()
    assert report.is_sound
    assert (report.aggregates, report.events, report.positions) == (0, 0, 0)


def test_a_store_is_sound_with_appends_of_all_sizes_in_several_buckets(store: Store) -> None:
    for size in (1, 2, 9, 10, 1, 8):
        store.recorder.insert_events(events(uuid4(), *range(1, size + 1)))
    report = store.verify()
    assert report.is_sound
    assert (report.aggregates, report.events, report.view_rows, report.positions) == (6, 31, 31, 31)


def test_appends_that_lost_or_are_pending_are_no_findings(store: Store) -> None:
    aggregate = uuid4()
    store.recorder.insert_events(events(aggregate, 1))
    store.reserve(Append(events(aggregate, 2)))
    store.without_log.insert_events(events(aggregate, 2))
    store.reserve(store.append_of(aggregate, 2), mark=True)
    store.reserve(Append(events(aggregate, 3)))
    store.reserve(Append(events(aggregate, 2)), mark=False)
    assert store.findings() == {}


def test_an_event_that_was_written_while_the_log_was_off_is_missing(store: Store) -> None:
    aggregate = uuid4()
    store.recorder.insert_events(events(uuid4(), 1))
    store.without_log.insert_events(events(aggregate, 1, 2))
    (finding,) = store.verify().findings
    assert finding.check is Check.MISSING_IN_LOG
    assert finding.count == 2
    assert finding.first == [f"{aggregate} version 1", f"{aggregate} version 2"]


def test_an_event_that_the_log_says_was_aborted_is_missing(store: Store) -> None:
    aggregate = uuid4()
    store.without_log.insert_events(events(aggregate, 1))
    store.reserve(store.append_of(aggregate, 1), mark=False)
    assert store.findings() == {"MISSING_IN_LOG": 1}


def test_an_event_that_has_two_positions_is_found(store: Store) -> None:
    aggregate = uuid4()
    store.recorder.insert_events(events(aggregate, 1))
    store.reserve(store.append_of(aggregate, 1))
    assert store.findings() == {"TWICE_IN_LOG": 1}


def test_an_event_behind_a_later_version_is_found(store: Store) -> None:
    aggregate = uuid4()
    for version in (1, 2, 3):
        store.without_log.insert_events(events(aggregate, version))
    for version in (1, 3, 2):
        store.reserve(store.append_of(aggregate, version))
    (finding,) = store.verify().findings
    assert finding.check is Check.OUT_OF_ORDER
    assert finding.first == [f"{aggregate} version 2"]


def test_a_row_that_is_marked_as_an_event_and_is_none_is_found(store: Store) -> None:
    store.reserve(Append(events(uuid4(), 1)), mark=True)
    assert store.findings() == {"UNFOUNDED": 1}


@pytest.mark.parametrize("lost", [2, 12, 13], ids=["in a bucket", "at an edge", "at the end"])
def test_positions_without_a_row_are_found(store: Store, lost: int) -> None:
    for _ in range(13):
        store.recorder.insert_events(events(uuid4(), 1))
    bucket = (lost - 1) // 10
    query = "DELETE FROM {keyspace}.notification_log WHERE bucket = ? AND last = ? IF EXISTS"
    store.cql(query, bucket, lost)
    report = store.verify()
    assert {finding.check for finding in report.findings} == {Check.HOLES, Check.MISSING_IN_LOG}
    (holes,) = [finding for finding in report.findings if finding.check is Check.HOLES]
    assert (holes.count, holes.first) == (1, [f"position {lost}"])


def test_a_current_version_that_is_not_the_last_events_is_found(store: Store) -> None:
    aggregate = uuid4()
    store.recorder.insert_events(events(aggregate, 1, 2))
    store.recorder.insert_events(events(uuid4(), 1))
    query = "UPDATE {keyspace}.events SET current_version = 9 WHERE id = ? IF current_version = 2"
    store.cql(query, aggregate)
    (finding,) = store.verify().findings
    assert finding.check is Check.CURRENT_VERSION
    assert finding.first == [f"{aggregate} version 2"]


def test_a_version_that_is_left_out_or_there_twice_is_found(store: Store) -> None:
    number = store.event_types.type_of("Happened")
    for versions in ([1, 3], [1, 1]):
        aggregate = uuid4()
        for version in versions:
            store.insert_like_the_original(aggregate, version, type_=number)
    assert store.findings()["VERSIONS"] == 2


# The server keeps the view, and takes no writes to it; so a copy is what gets harmed here.


def test_what_the_view_lacks_is_found(store: Store) -> None:
    store.recorder.insert_events(events(uuid4(), 1, 2))
    with open_inventory() as inventory:
        finish(inventory.read_truth(store.datastore))
        finish(inventory.read_view(store.datastore))
        assert inventory.count("not_in_view") == 0
        inventory.database.execute("DELETE FROM type_view WHERE version = 2")
        assert inventory.count("not_in_view") == 1


def test_what_the_view_had_not_yet_is_looked_for_again(store: Store) -> None:
    store.recorder.insert_events(events(uuid4(), 1, 2))
    with open_inventory() as inventory:
        finish(inventory.read_truth(store.datastore))
        finish(SecondLooks(store.datastore, inventory).at_the_view())
        assert inventory.count("not_in_view") == 0
        assert inventory.count("type_view") == 2


def test_what_only_the_view_has_is_found_unless_it_is_younger(store: Store) -> None:
    store.recorder.insert_events(events(uuid4(), 1, 2))
    with open_inventory() as inventory:
        finish(inventory.read_view(store.datastore))
        inventory.database.execute(
            "INSERT INTO type_view SELECT id, version + 5, savetime, type FROM type_view"
        )
        assert inventory.count("only_in_view") == 4
        finish(SecondLooks(store.datastore, inventory).at_the_view())
        assert inventory.count("only_in_view") == 2


@pytest.mark.parametrize(
    "stage",
    ["Reading the aggregates", "Reading the type view", "Reading the notification log"],
)
def test_events_that_are_written_meanwhile_are_no_findings(store: Store, stage: str) -> None:
    aggregates = [uuid4() for _ in range(15)]

    def write(version: int) -> None:
        for aggregate in aggregates:
            store.recorder.insert_events(events(aggregate, version))

    write(1)
    write(2)
    assert verify_while(store, stage, lambda: write(3)).is_sound


def test_a_name_that_is_given_meanwhile_is_no_finding(store: Store) -> None:
    aggregate, name = uuid4(), uuid4()
    number = store.event_types.type_of("Happened")
    store.recorder.insert_events(events(uuid4(), 1))
    store.insert_like_the_original(aggregate, 1, type_=number)

    def rebuild() -> None:
        ((savetime,),) = store.cql("SELECT savetime FROM {keyspace}.events WHERE id = ?", aggregate)
        store.cql(
            "UPDATE {keyspace}.events SET append_id = ?"
            " WHERE id = ? AND version = 1 AND savetime = ? IF append_id = null",
            name,
            aggregate,
            savetime,
        )
        store.reserve(Append(events(aggregate, 1), name), mark=True)

    report = verify_while(store, "Reading the notification log", rebuild)
    assert [finding.check for finding in report.findings] == [Check.CURRENT_VERSION]


def test_a_store_under_load_is_sound(store: Store) -> None:
    stop = Event()
    shared = [uuid4(), uuid4()]

    def write(aggregate: UUID) -> int:
        version = 0
        while not stop.is_set():
            try:
                store.recorder.insert_events(events(aggregate, version + 1))
                version += 1
            except IntegrityError:
                version = len(store.recorder.select_events(aggregate))
        return version

    with ThreadPoolExecutor(4) as pool:
        writers = [pool.submit(write, aggregate) for aggregate in shared * 2]
        try:
            reports = [store.verify() for _ in range(2)]
        finally:
            stop.set()
        assert all(writer.result() for writer in writers)
    assert [report.findings for report in reports] == [[], []]
    assert store.findings() == {}


def test_the_log_is_left_out_where_the_keyspace_has_none(store: Store) -> None:
    store.without_log.insert_events(events(uuid4(), 1))
    assert not store.verify().is_sound
    change_settings(store.datastore, {"notification_log": "no"})
    try:
        report = store.verify()
    finally:
        change_settings(store.datastore, {"notification_log": "yes"})
    assert report.is_sound
    assert (report.events, report.positions) == (1, None)
