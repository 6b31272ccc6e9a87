"""Another program that writes into the keyspace of the servers, with types of each test's own."""

from collections.abc import Iterator
from itertools import count
from uuid import uuid4

import pytest

from eventstore_cassandra import CassandraApplicationRecorder, CassandraDatastore, Settings
from tests.services.clients.other_program import OtherProgram

_INTEGERS = count(100)


@pytest.fixture(scope="session")
def datastore(shared_cassandra_env: dict[str, str]) -> Iterator[CassandraDatastore]:
    """A connection to the keyspace that the servers share."""
    env = shared_cassandra_env
    settings = Settings(
        contact_points=tuple(env["CASSANDRA_CONTACT_POINTS"].split(",")),
        port=int(env["CASSANDRA_PORT"]),
        keyspace=env["CASSANDRA_KEYSPACE"],
    )
    datastore = CassandraDatastore(settings)
    yield datastore
    datastore.close()


@pytest.fixture
def writer(datastore: CassandraDatastore) -> OtherProgram:
    """Another program, with types of which there are no events yet."""
    name = uuid4().hex[:8]
    topics = {
        f"{kind}-{name}": next(_INTEGERS) for kind in ("Admitted", "Transferred", "Discharged")
    }
    CassandraApplicationRecorder(datastore).register_event_types(topics)
    return OtherProgram(datastore, topics)
