"""A node that hangs, with its connections open, costs one try of a request, not all of them."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from struct import pack
from uuid import uuid4

import pytest
from eventsourcing.persistence import StoredEvent

from eventstore_cassandra import (
    CassandraAggregateRecorder,
    CassandraApplicationRecorder,
    CassandraDatastore,
)
from eventstore_cassandra.notification_log.buckets import Buckets
from patientmgmt.local_cassandra import Cluster, Node
from tests.faults.conftest import StoreOf
from tests.faults.ring import paused
from tests.faults.waiting import until
from tests.faults.writing import TOPIC

BUCKET_SIZE = 50
REQUEST_TIMEOUT = 6.0
"""Above what a coordinator waits for a replica: it asks a third one only after half of its own
time-out for reads (5 s), as long as it has no experience with a table. With less, every coordinator
might pick the hanging replica and be given up on."""
pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def impatient(ring: Cluster, store_of: StoreOf) -> Iterator[CassandraDatastore]:
    store = store_of(BUCKET_SIZE).settings()
    settings = replace(store, request_timeout=REQUEST_TIMEOUT, append_attempts=3)
    with closing(CassandraDatastore(settings)) as datastore:
        # A session is there once it reached one node; a node it did not reach yet is not asked.
        until(lambda: len(datastore.session.get_pools()) == 3, "connections to three nodes")
        yield datastore


def first_asked(ring: Cluster, datastore: CassandraDatastore, key: bytes) -> Node:
    """Return the node that is asked for a partition."""
    metadata = datastore.session.cluster.metadata
    (first, *_) = metadata.get_replicas(datastore.settings.keyspace, key)
    (found,) = [node for node in ring.nodes if node.settings.address == first.address]
    return found


def test_another_node_is_asked_when_one_does_not_answer(
    ring: Cluster, impatient: CassandraDatastore
) -> None:
    recorder, aggregate = CassandraAggregateRecorder(impatient), uuid4()
    recorder.insert_events([StoredEvent(aggregate, 1, TOPIC, b"{}")])
    with paused(first_asked(ring, impatient, aggregate.bytes)):
        recorder.insert_events([StoredEvent(aggregate, 2, TOPIC, b"{}")])
        recorder.insert_events([StoredEvent(aggregate, 3, TOPIC, b"{}")])
    assert len(recorder.select_events(aggregate)) == 3
    assert impatient.counters.values()["uncertain_outcomes"], "no try met the hung node"


def test_a_reader_of_the_log_asks_another_node_too(
    ring: Cluster, impatient: CassandraDatastore
) -> None:
    writer, reader = (CassandraApplicationRecorder(impatient) for _ in range(2))
    bucket = Buckets(BUCKET_SIZE).of((writer.max_notification_id() or 0) + 1)
    asked_for_rows = {
        first_asked(ring, impatient, pack(">q", number)).name for number in (bucket - 1, bucket)
    }
    aggregate = next(
        new_id
        for new_id in iter(uuid4, None)
        if first_asked(ring, impatient, new_id.bytes).name not in asked_for_rows
    )
    positions = writer.insert_events([StoredEvent(aggregate, 1, TOPIC, b"{}")])
    assert positions
    with paused(first_asked(ring, impatient, aggregate.bytes)):
        found = reader.select_notifications(positions[0], 1)
    assert found[0].originator_id == aggregate


def test_a_stream_is_read_at_another_node_at_once(
    ring: Cluster, impatient: CassandraDatastore
) -> None:
    recorder, aggregate = CassandraAggregateRecorder(impatient), uuid4()
    recorder.insert_events([StoredEvent(aggregate, 1, TOPIC, b"{}")])
    with paused(first_asked(ring, impatient, aggregate.bytes)):
        assert len(recorder.select_events(aggregate)) == 1


def test_a_follower_goes_on_while_a_node_hangs(
    ring: Cluster, impatient: CassandraDatastore
) -> None:
    recorder = CassandraApplicationRecorder(impatient)
    before = recorder.max_notification_id() or 0
    aggregate = uuid4()
    with recorder.subscribe(gt=before) as subscription:
        for version, node in enumerate(ring.nodes, 1):
            with paused(node):
                recorder.insert_events([StoredEvent(aggregate, version, TOPIC, b"{}")])
                assert next(subscription).originator_version == version
