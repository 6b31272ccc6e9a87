"""The images, built once, and a keyspace for the system that runs in them."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from uuid import uuid4

import pytest

from eventstore_cassandra import CassandraDatastore, Settings
from tests.conftest import CassandraNode
from tests.images.buildah import Buildah, Image, buildah
from tests.images.dockerfile import targets


@pytest.fixture(scope="session", name="buildah")
def _buildah() -> Iterator[Buildah]:
    with buildah() as program:
        yield program


@pytest.fixture(scope="session")
def images(buildah: Buildah) -> Mapping[str, Image]:
    """The image of every target."""
    return {target: buildah.build(target) for target in targets()}


@pytest.fixture
def cassandra_elsewhere(cassandra_node: CassandraNode) -> Iterator[Mapping[str, str]]:
    """What containers have to be told where the tests' Cassandra is not where the file's is."""
    keyspace = f"test_{uuid4().hex[:12]}"
    yield {"CASSANDRA_PORT": str(cassandra_node.port), "CASSANDRA_KEYSPACE": keyspace}
    with closing(
        CassandraDatastore(
            Settings(contact_points=tuple(cassandra_node.contact_points), port=cassandra_node.port)
        )
    ) as datastore:
        datastore.session.execute(f"DROP KEYSPACE IF EXISTS {keyspace}", timeout=60)
