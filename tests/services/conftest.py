"""Store servers on a real Cassandra: one that all tests share, and others for who breaks them."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.services.processes import StoreServer

MakeServer = Callable[..., StoreServer]


@pytest.fixture(scope="session")
def grpc_store(
    shared_cassandra_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StoreServer]:
    """A server of a keyspace with whatever other tests have left in it. Leave it as it is."""
    server = StoreServer(shared_cassandra_env, tmp_path_factory.mktemp("grpc-store"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def make_server(shared_cassandra_env: dict[str, str], tmp_path: Path) -> Iterator[MakeServer]:
    """Makes servers that a test may kill: of the shared keyspace, or of an environment's."""
    made: list[StoreServer] = []

    def make(env: Mapping[str, str] = shared_cassandra_env) -> StoreServer:
        server = StoreServer(env, tmp_path)
        made.append(server)
        server.start()
        return server

    yield make
    for server in made:
        server.kill()
