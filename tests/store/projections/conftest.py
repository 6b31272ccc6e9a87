"""The read models on both back ends, empty at the beginning of each test."""

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
from projections.cassandra import CassandraReadModels, create_tables
from projections.read_models import ReadModelStore
from projections.sqlite import SQLiteReadModels
from tests.conftest import CassandraNode

DERIVED_TABLES = ["patients", "patient_list", "ward_board", "wards", "projection_checkpoints"]


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
    create_tables(datastore.session, settings.keyspace)
    CassandraApplicationRecorder(datastore).register_event_types(EVENT_TYPES)
    yield datastore
    datastore.session.execute(f"DROP KEYSPACE {settings.keyspace}", timeout=60)
    datastore.close()


@pytest.fixture
def cassandra_read_models(read_model_datastore: CassandraDatastore) -> CassandraReadModels:
    """The read models in empty tables."""
    keyspace = read_model_datastore.settings.keyspace
    for table in DERIVED_TABLES:
        read_model_datastore.session.execute(f"TRUNCATE {keyspace}.{table}", timeout=60)
    return CassandraReadModels(read_model_datastore.session, keyspace)


@pytest.fixture
def sqlite_read_models(tmp_path: Path) -> Iterator[SQLiteReadModels]:
    """The read models in a new file."""
    store = SQLiteReadModels(tmp_path / "data" / "read-models.sqlite")
    yield store
    store.close()


@pytest.fixture(params=["sqlite", "cassandra"])
def read_models(request: pytest.FixtureRequest) -> ReadModelStore:
    """Each back end in turn."""
    store: ReadModelStore = request.getfixturevalue(f"{request.param}_read_models")
    return store
