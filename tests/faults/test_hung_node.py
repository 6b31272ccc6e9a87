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
from tests.faults.waiting import until
from tests.faults.writing import TOPIC

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def impatient(ring: Cluster, store_of: StoreOf) -> Iterator[CassandraDatastore]:
    settings = replace(store_of(50).settings(), request_timeout=2.5, append_attempts=3)
    with closing(CassandraDatastore(settings)) as datastore:
        # A session is there once it reached one node; a node it did not reach yet is not asked.
        until(lambda: len(datastore.session.get_pools()) == 3, "connections to three nodes")
        yield datastore


def test_another_node_is_asked_when_one_does_not_answer(
    ring: Cluster, impatient: CassandraDatastore
) -> None:
    recorder, aggregate = CassandraAggregateRecorder(impatient), uuid4()
    recorder.insert_events([StoredEvent(aggregate, 1, TOPIC, b"{}")])
    metadata = impatient.session.cluster.metadata
    (first, *_) = metadata.get_replicas(impatient.settings.keyspace, aggregate.bytes)
    (hung,) = [node for node in ring.nodes if node.settings.address == first.address]
    with paused(hung):
        recorder.insert_events([StoredEvent(aggregate, 2, TOPIC, b"{}")])
        recorder.insert_events([StoredEvent(aggregate, 3, TOPIC, b"{}")])
    assert len(recorder.select_events(aggregate)) == 3
    assert impatient.counters.values()["uncertain_outcomes"], "no try met the hung node"
