"""A store to look after, with small buckets; empty for each test."""

from collections.abc import Iterator

import pytest

from eventstore_cassandra import CassandraDatastore, Settings, create_tables
from tests.store.operations.crafting import Store, keyspace

BUCKET_SIZE = 10


@pytest.fixture(scope="package")
def small_buckets(settings: Settings) -> Iterator[CassandraDatastore]:
    """A keyspace for all of these tests, since making one takes seconds."""
    with keyspace(settings, log_bucket_size=BUCKET_SIZE) as datastore:
        create_tables(datastore)
        yield datastore


@pytest.fixture
def texts(settings: Settings) -> Iterator[CassandraDatastore]:
    """An empty keyspace for ids that are texts."""
    with keyspace(settings, originator_id_type="text") as datastore:
        create_tables(datastore)
        yield datastore


@pytest.fixture
def store(small_buckets: CassandraDatastore) -> Store:
    for table in ("events", "notification_log", "snapshots"):
        name = f"{small_buckets.settings.keyspace}.{table}"
        small_buckets.session.execute(f"TRUNCATE {name}", timeout=60)
    return Store(small_buckets)
