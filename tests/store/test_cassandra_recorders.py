"""What the recorders on Cassandra do beyond the contract of every store."""

import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import (
    DataError,
    IntegrityError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    StoredEvent,
    Tracking,
)

from eventstore_cassandra import (
    CassandraAggregateRecorder,
    CassandraApplicationRecorder,
    CassandraDatastore,
    CassandraFactory,
    CassandraProcessRecorder,
    Settings,
)
from eventstore_cassandra.append_checks import EVENT_BYTES
from eventstore_cassandra.event_types import FIRST_ALLOCATED


def event(aggregate: UUID, version: int, topic: str = "Happened") -> StoredEvent:
    return StoredEvent(aggregate, version, topic, b"{}")


def test_a_conflict_names_the_aggregate_and_both_versions(
    cassandra_recorder: CassandraApplicationRecorder,
) -> None:
    aggregate = uuid4()
    cassandra_recorder.insert_events([event(aggregate, v) for v in (1, 2, 3)])
    with pytest.raises(IntegrityError, match=f"{aggregate} at version 1, found it at version 3"):
        cassandra_recorder.insert_events([event(aggregate, 2)])


def test_a_version_beyond_the_next_is_a_conflict(
    cassandra_recorder: CassandraApplicationRecorder,
) -> None:
    aggregate = uuid4()
    cassandra_recorder.insert_events([event(aggregate, 1)])
    with pytest.raises(IntegrityError, match="at version 4, found it at version 1"):
        cassandra_recorder.insert_events([event(aggregate, 5)])


def test_events_of_several_aggregates_are_refused_and_none_is_written(
    cassandra_recorder: CassandraApplicationRecorder,
) -> None:
    first, second = uuid4(), uuid4()
    with pytest.raises(ProgrammingError, match="save one at a time"):
        cassandra_recorder.insert_events([event(first, 1), event(second, 1)])
    assert cassandra_recorder.select_events(first) == []
    assert cassandra_recorder.select_events(second) == []


def test_an_append_as_large_as_allowed_is_stored_and_a_larger_one_refused(
    cassandra_recorder: CassandraApplicationRecorder,
) -> None:
    limit = cassandra_recorder.datastore.settings.max_append_bytes - 16 - EVENT_BYTES
    large, larger = (StoredEvent(uuid4(), 1, "Happened", b"x" * n) for n in (limit, limit + 1))
    cassandra_recorder.insert_events([large])
    assert list(cassandra_recorder.select_events(large.originator_id)) == [large]
    with pytest.raises(DataError, match="CASSANDRA_MAX_APPEND_BYTES"):
        cassandra_recorder.insert_events([larger])
    assert cassandra_recorder.select_events(larger.originator_id) == []


def test_text_is_readable_in_the_table_and_other_bytes_stand_beside_it(
    cassandra_recorder: CassandraApplicationRecorder,
) -> None:
    aggregate = uuid4()
    cassandra_recorder.insert_events(
        [StoredEvent(aggregate, 1, "Text", b'{"a":1}'), StoredEvent(aggregate, 2, "Bytes", b"\xff")]
    )
    datastore = cassandra_recorder.datastore
    rows = datastore.session.execute(
        f"SELECT payload, payload_bytes, current_version FROM {datastore.settings.keyspace}.events"
        " WHERE id = %s",
        (aggregate,),
    )
    assert [tuple(row) for row in rows] == [('{"a":1}', None, 2), (None, b"\xff", 2)]


def test_the_type_view_can_be_read_page_by_page(
    cassandra_recorder: CassandraApplicationRecorder,
) -> None:
    topic, aggregate = f"Topic-{uuid4()}", uuid4()
    assert cassandra_recorder.select_events_by_type(topic, limit=10) == []
    written = [event(aggregate, version, topic) for version in range(1, 26)]
    cassandra_recorder.insert_events(written)
    found, place = [], None
    while page := cassandra_recorder.select_events_by_type(topic, gt=place, limit=10):
        assert len(page) <= 10
        place = page[-1][0]
        found += [stored for _, stored in page]
    assert found == written


def test_writers_in_step_give_one_integer_to_a_topic_and_no_integer_twice(
    datastore: CassandraDatastore,
) -> None:
    topics = [f"Topic-{uuid4()}" for _ in range(6)]
    registries = [CassandraAggregateRecorder(datastore).event_types for _ in range(6)]

    def allocate(shift: int) -> dict[str, int]:
        order = topics[shift:] + topics[:shift]
        return {topic: registries[shift].type_of(topic) for topic in order}

    with ThreadPoolExecutor(len(registries)) as pool:
        allocations = list(pool.map(allocate, range(len(registries))))
    assert all(allocation == allocations[0] for allocation in allocations)
    assert len(set(allocations[0].values())) == len(topics)
    assert min(allocations[0].values()) >= FIRST_ALLOCATED


def test_integers_from_1000_up_cannot_be_chosen(
    cassandra_recorder: CassandraApplicationRecorder,
) -> None:
    with pytest.raises(ProgrammingError, match="from 0 to 999"):
        cassandra_recorder.register_event_types({"Chosen": 2_000_000})


def test_without_the_log_appends_have_no_positions_and_notifications_are_refused(
    empty_datastore: CassandraDatastore,
) -> None:
    datastore = CassandraDatastore(replace(empty_datastore.settings, notification_log=False))
    bare, aggregate = CassandraApplicationRecorder(datastore), uuid4()
    assert bare.insert_events([event(aggregate, 1)]) is None
    assert list(bare.select_events(aggregate)) == [event(aggregate, 1)]
    for ask in (
        lambda: bare.select_notifications(1, 10),
        bare.max_notification_id,
        bare.subscribe,
    ):
        with pytest.raises(NotSupportedError, match="CASSANDRA_NOTIFICATION_LOG=no"):
            ask()
    datastore.close()


def test_a_process_recorder_refuses_before_the_first_event(datastore: CassandraDatastore) -> None:
    recorder = CassandraProcessRecorder(datastore)
    tracking, aggregate = Tracking("upstream", 1), uuid4()
    with pytest.raises(NotSupportedError, match="process applications cannot run on it"):
        recorder.max_tracking_id("upstream")
    with pytest.raises(NotSupportedError, match="process applications cannot run on it"):
        recorder.insert_tracking(tracking)
    with pytest.raises(NotSupportedError, match="process applications cannot run on it"):
        recorder.insert_events([event(aggregate, 1)], tracking=tracking)
    assert recorder.select_events(aggregate) == []


def test_small_packets_are_not_held_back(datastore: CassandraDatastore) -> None:
    sockets = [pool._connection._socket for pool in datastore.session.get_pools()]
    assert sockets
    for connected in sockets:
        assert connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_wrong_contact_point_is_named(settings: Settings) -> None:
    nowhere = replace(settings, contact_points=("127.0.0.99",), connect_timeout=2.0)
    with pytest.raises(OperationalError, match=r"127\.0\.0\.99.*CASSANDRA_CONTACT_POINTS"):
        CassandraDatastore(nowhere)


def test_a_host_name_that_does_not_resolve_is_named(settings: Settings) -> None:
    with pytest.raises(OperationalError, match=r"no-such-host\.invalid"):
        CassandraDatastore(replace(settings, contact_points=("no-such-host.invalid",)))


def test_a_data_centre_that_does_not_exist_is_an_error(settings: Settings) -> None:
    with pytest.raises(OperationalError, match=r"no node of the data centre.*LOCAL_DATACENTER"):
        CassandraDatastore(replace(settings, local_datacenter="nowhere"))


def test_a_factory_connects_when_it_is_first_asked_for_a_recorder(settings: Settings) -> None:
    nowhere = {"CASSANDRA_CONTACT_POINTS": "127.0.0.99", "CASSANDRA_CONNECT_TIMEOUT": "2"}
    factory = CassandraFactory(nowhere)
    with pytest.raises(OperationalError):
        factory.application_recorder()
    factory.close()


def test_a_topic_that_is_no_recorder_is_refused(settings: Settings) -> None:
    factory = CassandraFactory(
        {
            "CASSANDRA_CONTACT_POINTS": ",".join(settings.contact_points),
            "CASSANDRA_PORT": str(settings.port),
            "CASSANDRA_KEYSPACE": settings.keyspace,
            "APPLICATION_RECORDER_TOPIC": "uuid:UUID",
        }
    )
    with pytest.raises(ProgrammingError, match="a subclass of CassandraApplicationRecorder"):
        factory.application_recorder()
    factory.close()
