"""Keyspaces and tables may have names that are words of CQL's own."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cassandra.query import BoundStatement
from eventsourcing.persistence import Tracking

from eventstore_cassandra import (
    CassandraDatastore,
    CassandraViewRecorder,
    Settings,
    Topology,
    create_keyspace,
)
from eventstore_cassandra.operations import finish, rebuild_log, status, verify
from patientmgmt.domain.commands import AdmitPatient
from patientmgmt.environment import CASSANDRA
from patientmgmt.initialise import initialise_cassandra
from patientmgmt.runtime import open_runtime
from tests.store.projections.waiting import wait_until


def drop(datastore: CassandraDatastore) -> None:
    cql = datastore.in_keyspace("DROP KEYSPACE IF EXISTS {keyspace}")
    datastore.session.execute(cql, timeout=60)


@pytest.fixture(params=["table", "batch", "token"])
def reserved(request: pytest.FixtureRequest, settings: Settings) -> Iterator[CassandraDatastore]:
    datastore = CassandraDatastore(replace(settings, keyspace=request.param))
    drop(datastore)
    yield datastore
    drop(datastore)
    datastore.close()


def test_a_keyspace_may_be_named_like_a_word_of_cql(reserved: CassandraDatastore) -> None:
    create_keyspace(reserved, Topology.single_node())
    create_keyspace(reserved, Topology.single_node())
    query = "SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name = %s"
    assert reserved.session.execute(query, [reserved.settings.keyspace]).one()


@pytest.fixture
def in_order(settings: Settings, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of the whole system in a keyspace `order`, written in capitals."""
    datastore = CassandraDatastore(replace(settings, keyspace="ORDER"))
    drop(datastore)
    env = {
        "PERSISTENCE_MODULE": CASSANDRA,
        "PATIENTMGMT_DATA": str(tmp_path),
        "CASSANDRA_CONTACT_POINTS": ",".join(settings.contact_points),
        "CASSANDRA_PORT": str(settings.port),
        "CASSANDRA_KEYSPACE": "ORDER",
    }
    try:
        assert initialise_cassandra(env, Topology.single_node()) == "order"
        assert initialise_cassandra(env, Topology.single_node()) == "order"
        yield env
    finally:
        drop(datastore)
        datastore.close()


class Numbers(CassandraViewRecorder):
    columns = "kind text, number int"
    key = "kind"

    def set(self, number: int, tracking: Tracking) -> None:
        insert = "INSERT INTO {table} (view_name, kind, number) VALUES (?, 'a', ?)"

        def change() -> list[BoundStatement]:
            return [self.statement(insert, [self.view_name, number])]

        self.write(tracking, change)

    def rows(self) -> list[dict[str, Any]]:
        return self.select("SELECT number FROM {table} WHERE view_name = ?", [self.view_name])


class Select(Numbers):
    table = "select"


class NumbersInCapitals(Numbers):
    table = "Numbers"


class QuotedNumbers(Numbers):
    table = '"Numbers"'


def test_the_whole_system_runs_in_a_keyspace_named_order(
    in_order: dict[str, str], settings: Settings
) -> None:
    with open_runtime(in_order) as runtime:
        patient: UUID = runtime.application.admit(
            AdmitPatient(name="Ann Example", age=34, ward="Ward 1")
        ).patient_id
        worker = runtime.worker()

        def is_shown() -> bool:
            worker.catch_up()
            return runtime.queries.patients.patient(patient) is not None

        wait_until(is_shown)
        assert [ward.name for ward in runtime.queries.board.wards()] == ["Ward 1"]
    datastore = CassandraDatastore(replace(settings, keyspace="order"))
    assert finish(verify(datastore)).is_sound
    assert finish(rebuild_log(datastore, write=True)).appended == 0
    assert status(datastore).keyspace == "order"
    for number, view_class in enumerate([Select, NumbersInCapitals, QuotedNumbers], 1):
        view = view_class(datastore)
        view.create_table()
        view.set(number, Tracking("upstream", 1))
        assert [row["number"] for row in view.rows()] == [number]
    query = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = 'order'"
    tables = {row.table_name for row in datastore.session.execute(query)}
    assert {"select", "numbers", "Numbers"} <= tables
    datastore.close()
