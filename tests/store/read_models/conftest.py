"""The two databases of read models, each with empty tables of a read model that a test shows."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from eventstore_cassandra import CassandraDatastore, Settings, Topology, create_keyspace
from projections.cassandra import CassandraDatabase
from projections.database import Database
from projections.generations import Generations
from projections.read_model import ReadModel
from projections.sqlite import SQLiteDatabase
from tests.conftest import CassandraNode
from tests.unit.read_models.stories import Shown

Show = Callable[[ReadModel[Any, Any]], Shown]


@pytest.fixture(scope="session")
def only_read_models(cassandra_node: CassandraNode) -> Iterator[CassandraDatabase]:
    """A keyspace for read models alone, dropped at the end."""
    settings = Settings(
        contact_points=tuple(cassandra_node.contact_points),
        port=cassandra_node.port,
        keyspace=f"shown_{uuid4().hex[:12]}",
    )
    datastore = CassandraDatastore(settings)
    create_keyspace(datastore, Topology.single_node())
    database = CassandraDatabase(datastore.session, settings.keyspace)
    database.create_records()
    yield database
    datastore.session.execute(f"DROP KEYSPACE {settings.keyspace}", timeout=60)
    datastore.close()


@pytest.fixture
def cassandra_database(only_read_models: CassandraDatabase) -> CassandraDatabase:
    return only_read_models


@pytest.fixture
def sqlite_database(tmp_path: Path) -> Iterator[SQLiteDatabase]:
    database = SQLiteDatabase(tmp_path / "read-models.sqlite")
    yield database
    database.close()


@pytest.fixture(params=["sqlite", "cassandra"])
def database(request: pytest.FixtureRequest) -> Database:
    """Each database in turn."""
    database: Database = request.getfixturevalue(f"{request.param}_database")
    return database


@pytest.fixture
def show(database: Database) -> Show:
    """Return a read model with empty tables."""

    def empty(model: ReadModel[Any, Any]) -> Shown:
        generations = Generations(database)
        generations.ensure(model)
        database.empty(generations.live(model))
        return Shown(database, model)

    return empty
