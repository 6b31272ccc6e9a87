"""``status`` tells what stands at the end of the log, and changes nothing."""

from uuid import uuid4

from eventstore_cassandra.append import Append
from eventstore_cassandra.operations import status
from eventstore_cassandra.operations.status import GROWING
from eventstore_cassandra.schema_version import VERSION
from tests.store.operations.crafting import Store, events


def test_an_empty_log(store: Store) -> None:
    found = status(store.datastore)
    assert (found.buckets, found.head, found.decided_up_to, found.looked_at) == (0, 0, 0, 0)
    assert (found.schema_version, found.bucket_size) == (VERSION, 10)


def test_a_log_of_several_buckets(store: Store) -> None:
    for _ in range(25):
        store.recorder.insert_events(events(uuid4(), 1))
    found = status(store.datastore)
    assert (found.buckets, found.head, found.decided_up_to, found.looked_at) == (3, 25, 25, 25)
    assert found.unmarked >= 1
    assert found.pending == []


def test_a_bucket_that_is_just_full_is_the_last(store: Store) -> None:
    for _ in range(10):
        store.recorder.insert_events(events(uuid4(), 1))
    found = status(store.datastore)
    assert (found.buckets, found.head) == (1, 10)


def test_what_is_pending_is_named_and_stays_pending(store: Store) -> None:
    aggregate = uuid4()
    store.recorder.insert_events(events(aggregate, 1))
    store.reserve(Append(events(aggregate, 2)))
    store.recorder.insert_events(events(uuid4(), 1))
    for _ in range(2):
        found = status(store.datastore)
        assert [intent.first for intent in found.pending] == [2]
        assert (found.head, found.decided_up_to) == (3, 1)


def test_what_lost_is_not_pending(store: Store) -> None:
    aggregate = uuid4()
    store.reserve(Append(events(aggregate, 1)))
    store.recorder.insert_events(events(aggregate, 1))
    found = status(store.datastore)
    assert found.pending == []
    assert found.decided_up_to == 2


def test_partitions_are_told_with_their_sizes(store: Store) -> None:
    found = status(store.datastore)
    assert found.nodes >= 1
    assert {partition.table for partition in found.largest_partitions} == set(GROWING)
    sizes = [partition.mebibytes for partition in found.largest_partitions]
    assert sizes == sorted(sizes, reverse=True)
