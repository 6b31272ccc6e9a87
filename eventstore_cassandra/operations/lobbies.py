"""What is announced of an aggregate in the lobbies of the log, and is no part of the log yet."""

from collections.abc import Callable, Generator

from eventstore_cassandra.append import AggregateId
from eventstore_cassandra.datastore import CassandraDatastore
from eventstore_cassandra.errors import library_errors
from eventstore_cassandra.notification_log.combine_steps import Look
from eventstore_cassandra.notification_log.lobby_table import LobbyTable
from eventstore_cassandra.operations.progress import Progress
from eventstore_cassandra.operations.scan import LogScan


class Lobbies:
    """Those of the buckets that a scan of the log has come to, and of the one after them.

    That one has no rows yet, and somebody may wait there all the same.
    """

    def __init__(self, datastore: CassandraDatastore, log: LogScan) -> None:
        self._log = log
        self._table = LobbyTable(datastore, log.table)

    def count(self, aggregate_id: AggregateId) -> Generator[Progress, None, int]:
        """Return how many groups of appends have something of the aggregate.

        :raises OperationalError: when the store cannot be reached.
        """
        return self._each(self._count, aggregate_id)

    def wipe(self, aggregate_id: AggregateId) -> Generator[Progress, None, int]:
        """Delete these groups; return how many there were.

        :raises OperationalError: when the store cannot be reached. It can be done again then.
        """
        return self._each(self._table.wipe, aggregate_id)

    def _each(
        self, handle: Callable[[int, AggregateId], int], aggregate_id: AggregateId
    ) -> Generator[Progress, None, int]:
        buckets = self._log.end.bucket + 2
        found = 0
        for bucket in range(buckets):
            found += handle(bucket, aggregate_id)
            yield Progress("Reading what is announced", bucket + 1, buckets)
        return found

    def _count(self, bucket: int, aggregate_id: AggregateId) -> int:
        with library_errors("Cannot read what is announced in the notification log"):
            groups = self._table.look(Look(bucket, with_groups=True)).groups
        return sum(group.has(aggregate_id) for group in groups)
