"""A node that hangs, with its connections open, costs one try of an append, not all of them."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from uuid import uuid4

import pytest
from eventsourcing.persistence import StoredEvent

from eventstore_cassandra import CassandraAggregateRecorder, CassandraDatastore
from patientmgmt.local_cassandra import Cluster
from tests.faults.conftest import StoreOf
from tests.faults.ring import paused
from tests.faults.writing import TOPIC

pytestmark = pytest.mark.timeout(600)

AGGREGATES = 12
"""So many that some have the hung node as their first replica."""


@pytest.fixture
def impatient(ring: Cluster, store_of: StoreOf) -> Iterator[CassandraDatastore]:
    settings = replace(store_of(50).settings(), request_timeout=2.5, append_attempts=3)
    with closing(CassandraDatastore(settings)) as datastore:
        yield datastore


def test_another_node_is_asked_when_one_does_not_answer(
    ring: Cluster, impatient: CassandraDatastore
) -> None:
    recorder = CassandraAggregateRecorder(impatient)
    recorder.insert_events([StoredEvent(uuid4(), 1, TOPIC, b"{}")])
    aggregates = [uuid4() for _ in range(AGGREGATES)]
    with paused(ring.nodes[0]):
        for aggregate in aggregates:
            recorder.insert_events([StoredEvent(aggregate, 1, TOPIC, b"{}")])
    for aggregate in aggregates:
        assert len(recorder.select_events(aggregate)) == 1
    assert impatient.counters.values()["uncertain_outcomes"], "no append met the hung node"
