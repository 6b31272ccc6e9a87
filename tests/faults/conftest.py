"""A ring of three nodes for all cases, and stores on it."""

from collections.abc import Callable, Iterator
from functools import cache

import pytest

from patientmgmt.local_cassandra import Cluster
from tests.faults.plan import Store
from tests.faults.ring import ring_settings
from tests.faults.stores import create_store

StoreOf = Callable[[int], Store]
"""Gives the store that has buckets of so many positions."""


@pytest.fixture(scope="session")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three nodes; each case leaves all of them running."""
    with Cluster(ring_settings(tmp_path_factory.mktemp("ring"))) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def store_of(ring: Cluster) -> StoreOf:
    """Cases with buckets of one size share a keyspace: to create one takes seconds in a ring."""

    @cache
    def store_of(bucket_size: int) -> Store:
        return create_store(ring, bucket_size=bucket_size)

    return store_of
