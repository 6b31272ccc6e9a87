"""A ward with snapshots, and its application."""

from collections.abc import Iterator
from uuid import UUID

import pytest

from eventstore_cassandra import CassandraDatastore
from tests.store.snapshots.wards import Ward, Wards
from tests.store.test_shipped_cases import environment


@pytest.fixture
def ward_id(datastore: CassandraDatastore) -> UUID:
    """A ward of six versions, version n with n * n - 1 beds, and snapshots of 3 and 6."""
    with Wards(environment(datastore.settings)) as wards:
        ward = Ward("Cardiology")
        wards.save(ward)
        wards.add_beds(ward.id, *(2 * n + 1 for n in range(1, 6)))
        assert wards.snapshot_versions(ward.id) == [3, 6]
        assert wards.load(ward.id).beds == 35
        return ward.id


@pytest.fixture
def wards(datastore: CassandraDatastore) -> Iterator[Wards]:
    """The application in another process, as it were, which has seen nothing yet."""
    with Wards(environment(datastore.settings)) as wards:
        yield wards
