"""A server for those tests that leave it as it is."""

from collections.abc import Iterator

import pytest

from tests.services.store.serving import Server, serving


@pytest.fixture(scope="session")
def server(shared_cassandra_env: dict[str, str]) -> Iterator[Server]:
    with serving(shared_cassandra_env) as server:
        yield server
