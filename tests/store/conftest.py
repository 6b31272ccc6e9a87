"""A keyspace of its own for these tests, on a real Cassandra."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import pytest
from eventsourcing.persistence import AggregateRecorder
from eventsourcing.popo import POPOApplicationRecorder
from eventsourcing.sqlite import SQLiteApplicationRecorder, SQLiteDatastore

from eventstore_cassandra import (
    CassandraApplicationRecorder,
    CassandraDatastore,
    Settings,
    Topology,
    create_keyspace,
    create_tables,
)
from tests.conftest import CassandraNode


@pytest.fixture(scope="session")
def settings(cassandra_node: CassandraNode) -> Iterator[Settings]:
    """Settings of a keyspace that has its tables, and is dropped at the end."""
    settings = Settings(
        contact_points=tuple(cassandra_node.contact_points),
        port=cassandra_node.port,
        keyspace=f"store_{uuid4().hex[:12]}",
    )
    datastore = CassandraDatastore(settings)
    create_keyspace(datastore, Topology.single_node())
    create_tables(datastore)
    yield settings
    datastore.session.execute(f"DROP KEYSPACE {settings.keyspace}", timeout=60)
    datastore.close()


@pytest.fixture(scope="session")
def datastore(settings: Settings) -> Iterator[CassandraDatastore]:
    """One connection for all tests that do not break theirs."""
    datastore = CassandraDatastore(settings)
    yield datastore
    datastore.close()


@pytest.fixture
def empty_datastore(settings: Settings) -> Iterator[CassandraDatastore]:
    """A connection to a keyspace in which nothing has been written."""
    datastore = CassandraDatastore(replace(settings, keyspace=f"empty_{uuid4().hex[:12]}"))
    create_keyspace(datastore, Topology.single_node())
    create_tables(datastore)
    yield datastore
    datastore.session.execute(f"DROP KEYSPACE {datastore.settings.keyspace}", timeout=60)
    datastore.close()


@pytest.fixture
def cassandra_recorder(datastore: CassandraDatastore) -> CassandraApplicationRecorder:
    return CassandraApplicationRecorder(datastore)


@pytest.fixture(params=["in-memory", "sqlite", "cassandra"])
def recorder(request: pytest.FixtureRequest) -> Iterator[AggregateRecorder]:
    """Each back end in turn."""
    if request.param == "cassandra":
        yield request.getfixturevalue("cassandra_recorder")
    elif request.param == "in-memory":
        yield POPOApplicationRecorder()
    else:
        sqlite_datastore = SQLiteDatastore(str(request.getfixturevalue("tmp_path") / "events"))
        sqlite_recorder = SQLiteApplicationRecorder(sqlite_datastore)
        sqlite_recorder.create_table()
        yield sqlite_recorder
        sqlite_datastore.close()
