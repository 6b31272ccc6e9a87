"""The two databases of read models, with empty tables at the beginning of each test."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from eventstore_cassandra import (
    CassandraApplicationRecorder,
    CassandraDatastore,
    Settings,
    Topology,
    create_keyspace,
)
from eventstore_cassandra import create_tables as create_event_tables
from patientmgmt.domain.events import EVENT_TYPES
from patientmgmt.runtime import MODELS, create_tables
from projections.cassandra import CassandraDatabase
from projections.database import Database, Generation
from projections.generations import Generations
from projections.sqlite import SQLiteDatabase
from tests.conftest import CassandraNode
from tests.unit.projections.notes import NOTES

FIRST = [Generation(model, 1) for model in (*MODELS.values(), NOTES)]
"""The generations that are made once; tests may make more."""


@pytest.fixture(scope="session")
def read_model_datastore(cassandra_node: CassandraNode) -> Iterator[CassandraDatastore]:
    """A keyspace with the tables of events and of read models, dropped at the end."""
    settings = Settings(
        contact_points=tuple(cassandra_node.contact_points),
        port=cassandra_node.port,
        keyspace=f"read_models_{uuid4().hex[:12]}",
    )
    datastore = CassandraDatastore(settings)
    create_keyspace(datastore, Topology.single_node())
    create_event_tables(datastore)
    database = CassandraDatabase(datastore.session, settings.keyspace)
    database.create_records()
    create_all(database)
    CassandraApplicationRecorder(datastore).register_event_types(EVENT_TYPES)
    yield datastore
    datastore.session.execute(f"DROP KEYSPACE {settings.keyspace}", timeout=60)
    datastore.close()


@pytest.fixture
def cassandra_database(read_model_datastore: CassandraDatastore) -> CassandraDatabase:
    """The read models in the keyspace."""
    session, keyspace = read_model_datastore.session, read_model_datastore.settings.keyspace
    database = CassandraDatabase(session, keyspace)
    tables = derived_tables(read_model_datastore)
    for generation in FIRST:
        if any(has_rows(read_model_datastore, name) for name in of(generation, tables)):
            database.empty(generation)
    firsts = {name for generation in FIRST for name in of(generation, tables)}
    for name in set(tables) - firsts - {"projection_records"}:
        session.execute(f"DROP TABLE {keyspace}.{name}", timeout=60)
    session.execute(f"TRUNCATE {keyspace}.projection_records", timeout=60)
    create_all(database)
    return database


@pytest.fixture
def sqlite_path(tmp_path: Path) -> Path:
    """Where the file of ``sqlite_database`` is."""
    return tmp_path / "data" / "read-models.sqlite"


@pytest.fixture
def sqlite_database(sqlite_path: Path) -> Iterator[SQLiteDatabase]:
    """The read models in a new file."""
    database = SQLiteDatabase(sqlite_path)
    create_all(database)
    yield database
    database.close()


@pytest.fixture(params=["sqlite", "cassandra"])
def database(request: pytest.FixtureRequest) -> Database:
    """Each database in turn."""
    database: Database = request.getfixturevalue(f"{request.param}_database")
    return database


def create_all(database: Database) -> None:
    """Make the tables of all read models that tests know."""
    create_tables(database)
    Generations(database).ensure(NOTES)


def derived_tables(datastore: CassandraDatastore) -> list[str]:
    """Return the tables of read models that there are in the keyspace."""
    found = datastore.session.execute(
        "SELECT table_name FROM system_schema.tables WHERE keyspace_name = %s",
        [datastore.settings.keyspace],
    )
    ours = CassandraDatabase.tables_of([*MODELS.values(), NOTES])
    return [name for (name,) in found if ours.fullmatch(name)]


def of(generation: Generation, tables: list[str]) -> list[str]:
    """Return those of the tables that are the generation's."""
    return [name for name in tables if name.startswith(f"{generation}_")]


def has_rows(datastore: CassandraDatastore, table: str) -> bool:
    """Return whether there is a row in a table."""
    query = f"SELECT * FROM {datastore.settings.keyspace}.{table} LIMIT 1"
    return datastore.session.execute(query).one() is not None
