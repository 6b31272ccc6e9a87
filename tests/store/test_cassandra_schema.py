"""What the init command makes, and that it can be run again."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import pytest
from eventsourcing.persistence import ProgrammingError

from eventstore_cassandra import (
    CassandraAggregateRecorder,
    CassandraDatastore,
    CassandraFactory,
    Settings,
    Topology,
    create_keyspace,
    create_tables,
)


@pytest.fixture
def fresh(settings: Settings) -> Iterator[CassandraDatastore]:
    """A connection for a keyspace that is not there yet."""
    datastore = CassandraDatastore(replace(settings, keyspace=f"Schema_{uuid4().hex[:12]}"))
    yield datastore
    datastore.session.execute(f"DROP KEYSPACE IF EXISTS {datastore.settings.keyspace}", timeout=60)
    datastore.close()


def columns(datastore: CassandraDatastore, table: str) -> dict[str, tuple[str, str]]:
    rows = datastore.session.execute(
        "SELECT column_name, type, kind FROM system_schema.columns"
        " WHERE keyspace_name = %s AND table_name = %s",
        (datastore.settings.keyspace, table),
    )
    return {row.column_name: (row.type, row.kind) for row in rows}


def replication(datastore: CassandraDatastore) -> dict[str, str]:
    row = datastore.session.execute(
        "SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = %s",
        (datastore.settings.keyspace,),
    ).one()
    return {key: value.rpartition(".")[2] for key, value in row.replication.items()}


def test_the_events_table_has_the_originals_columns_and_four_more(
    datastore: CassandraDatastore,
) -> None:
    assert columns(datastore, "events") == {
        "id": ("uuid", "partition_key"),
        "version": ("int", "clustering"),
        "savetime": ("timestamp", "clustering"),
        "type": ("int", "regular"),
        "payload": ("text", "regular"),
        "current_version": ("int", "static"),
        "payload_bytes": ("blob", "regular"),
        "append_id": ("uuid", "regular"),
        "barred": ("map<uuid, text>", "static"),
        "erased": ("timestamp", "static"),
    }


def test_the_type_view_is_keyed_as_the_originals(datastore: CassandraDatastore) -> None:
    found = columns(datastore, "events_by_type")
    assert {name: kind for name, (_, kind) in found.items()} == {
        "type": "partition_key",
        "savetime": "clustering",
        "version": "clustering",
        "id": "clustering",
        "payload": "regular",
        "payload_bytes": "regular",
    }


@pytest.mark.parametrize(
    ("topology", "expected"),
    [
        (Topology.single_node(), {"class": "SimpleStrategy", "replication_factor": "1"}),
        (Topology.single_datacenter(), {"class": "SimpleStrategy", "replication_factor": "3"}),
        (
            Topology.several_datacenters({"datacenter1": 1}),
            {"class": "NetworkTopologyStrategy", "datacenter1": "1"},
        ),
    ],
    ids=["single node", "single data centre", "several data centres"],
)
def test_a_keyspace_gets_the_topology_that_is_asked_for(
    fresh: CassandraDatastore, topology: Topology, expected: dict[str, str]
) -> None:
    create_keyspace(fresh, topology)
    assert replication(fresh) == expected


def test_creating_again_changes_nothing(fresh: CassandraDatastore) -> None:
    create_keyspace(fresh, Topology.single_node())
    create_tables(fresh)
    before = columns(fresh, "events")
    create_keyspace(fresh, Topology.single_datacenter())
    create_tables(fresh)
    assert columns(fresh, "events") == before
    assert replication(fresh)["replication_factor"] == "1"


ONE, THREE = Topology.single_node(), Topology.single_datacenter()


@pytest.mark.parametrize(
    ("there", "asked_for", "is_told"), [(ONE, ONE, False), (ONE, THREE, True), (THREE, ONE, False)]
)
def test_whoever_asks_for_copies_that_are_not_there_is_told(
    fresh: CassandraDatastore,
    caplog: pytest.LogCaptureFixture,
    there: Topology,
    asked_for: Topology,
    is_told: bool,
) -> None:
    create_keyspace(fresh, there)
    create_keyspace(fresh, asked_for)
    told = [record.getMessage() for record in caplog.records if "and left it" in record.msg]
    assert len(told) == is_told
    for sentence in told:
        assert "'replication_factor': '3'}, found" in sentence
        assert "'replication_factor': '1'}, and left it" in sentence


def test_a_replication_that_the_cluster_does_not_know_is_told_as_such(
    fresh: CassandraDatastore,
) -> None:
    somewhere = Topology.several_datacenters({"Atlantis": 3})
    with pytest.raises(ProgrammingError, match=r"Cannot create the keyspace: .*Atlantis"):
        create_keyspace(fresh, somewhere)


def test_a_recorder_without_tables_names_the_command_that_makes_them(
    fresh: CassandraDatastore,
) -> None:
    with pytest.raises(ProgrammingError, match="patientmgmt init"):
        CassandraAggregateRecorder(fresh)


def test_tables_are_made_at_start_only_where_that_is_asked_for(fresh: CassandraDatastore) -> None:
    create_keyspace(fresh, Topology.single_node())
    settings = fresh.settings
    factory = CassandraFactory(
        {
            "CASSANDRA_CONTACT_POINTS": ",".join(settings.contact_points),
            "CASSANDRA_PORT": str(settings.port),
            "CASSANDRA_KEYSPACE": settings.keyspace,
            "CREATE_TABLE": "yes",
        }
    )
    try:
        assert factory.application_recorder().select_events(uuid4()) == []
    finally:
        factory.close()
