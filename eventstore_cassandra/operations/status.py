"""The state of a store, as far as it can be told in a moment."""

from collections.abc import Sequence
from dataclasses import dataclass

from eventstore_cassandra.datastore import CassandraDatastore
from eventstore_cassandra.errors import library_errors
from eventstore_cassandra.event_types import EventTypes
from eventstore_cassandra.notification_log.buckets import Buckets
from eventstore_cassandra.notification_log.intents import Intent, Outcome, outcome
from eventstore_cassandra.notification_log.looks import Looks
from eventstore_cassandra.notification_log.reserve_steps import Place
from eventstore_cassandra.notification_log.table import LogTable
from eventstore_cassandra.schema_version import checked_schema

NEAR_END = 1_000
"""Positions at the end of the log that are looked at."""

GROWING = ("events", "events_by_type", "notification_log", "snapshots")
"""Tables whose partitions grow, and are told with the size of the largest."""

_PARTITIONS = (
    "SELECT table_name, mebibytes FROM system_views.max_partition_size WHERE keyspace_name = ?"
    " ALLOW FILTERING"
)


@dataclass(frozen=True)
class LargestPartition:
    """The largest partition of a table, as its nodes tell it for what they have on disk.

    They know it from the statistics of their files, without reading them.
    """

    table: str
    mebibytes: int
    """Rounded up; 0 if nothing is on disk."""


@dataclass(frozen=True)
class Status:
    """What stands at the end of the log, and how large partitions are."""

    keyspace: str
    schema_version: int
    bucket_size: int
    buckets: int
    """Buckets that have positions."""
    head: int
    """The last position that was given to an append; 0 in an empty log."""
    decided_up_to: int
    """No position up to here is pending, as far as was looked."""
    looked_at: int
    """How many positions at the end of the log were looked at, whole rows of them."""
    unmarked: int
    """How many of them have no mark, so that readers look them up."""
    pending: Sequence[Intent]
    """Those of them that nobody has decided yet."""
    barred: Sequence[Intent]
    """Those of them that were refused for good: nothing of them was written, nor will be."""
    largest_partitions: Sequence[LargestPartition]
    """The largest first. What is in memory only is not counted."""
    nodes: int
    """Nodes that were asked for them: those that this process has connections to."""


def status(datastore: CassandraDatastore) -> Status:
    """Return the state of the store. It takes a few reads, and changes nothing.

    What is pending is left so; a reader of the log would decide it.

    :raises ProgrammingError: when the tables are not those that this program needs.
    :raises OperationalError: when the store cannot be reached.
    """
    schema = checked_schema(datastore)
    event_types = EventTypes(datastore, attempts=datastore.settings.append_attempts)
    table = LogTable(datastore, event_types, Buckets(schema.log_bucket_size))
    end = table.end(Place(0, None, 1), serial=True)
    head = end.first - 1
    intents = _last_intents(table, end)
    unmarked = [intent for intent in intents if intent.mark is None]
    looks = Looks(datastore)(unmarked, serial=True)
    seen = list(zip(unmarked, looks, strict=True))
    pending = [intent for intent, look in seen if outcome(intent, look) is Outcome.PENDING]
    partitions, nodes = _largest_partitions(datastore)
    return Status(
        keyspace=datastore.settings.keyspace,
        schema_version=schema.version,
        bucket_size=schema.log_bucket_size,
        buckets=end.bucket + (end.head is not None),
        head=head,
        decided_up_to=pending[0].first - 1 if pending else head,
        looked_at=sum(len(intent.events) for intent in intents),
        unmarked=sum(len(intent.events) for intent in unmarked),
        pending=pending,
        barred=[intent for intent, look in seen if look.is_barred],
        largest_partitions=partitions,
        nodes=nodes,
    )


def _last_intents(table: LogTable, end: Place) -> list[Intent]:
    first = max(1, end.first - NEAR_END)
    buckets = range(max(0, table.buckets.of(first) - 1), end.bucket + 1)
    rows = [row for bucket in buckets for row in table.rows(bucket, first, NEAR_END)]
    return [intent for row in rows for intent in row if intent.last < end.first]


def _largest_partitions(datastore: CassandraDatastore) -> tuple[list[LargestPartition], int]:
    hosts = datastore.session.hosts
    sizes = dict.fromkeys(GROWING, 0)
    for host in hosts:
        with library_errors(f"Cannot read the sizes of partitions from {host.address}"):
            statement = datastore.prepare(_PARTITIONS).bind([datastore.settings.keyspace])
            rows = datastore.execute_at(host, statement)
            for table, mebibytes in rows:
                if table in sizes:
                    sizes[table] = max(sizes[table], mebibytes)
    largest = sorted(sizes.items(), key=lambda size: (-size[1], size[0]))
    return [LargestPartition(*size) for size in largest], len(hosts)
