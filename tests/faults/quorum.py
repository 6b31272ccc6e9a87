"""Reads of aggregates at a plain quorum, beside the recorder, which set replicas apart."""

from typing import Any
from uuid import UUID, uuid4

from cassandra import ConsistencyLevel
from cassandra.concurrent import execute_concurrent_with_args
from cassandra.query import PreparedStatement

from eventstore_cassandra import CassandraDatastore
from patientmgmt.local_cassandra import Node

_VERSION = "SELECT current_version FROM {keyspace}.events WHERE id = ? LIMIT 1"
_LAST = (
    "SELECT version, current_version FROM {keyspace}.events WHERE id = ?"
    " ORDER BY version DESC LIMIT 1"
)


class QuorumReads:
    """Reads of so many new aggregates whose requests the driver sends to the node."""

    def __init__(self, datastore: CassandraDatastore, node: Node, count: int) -> None:
        self._datastore = datastore
        # Prepared now: it takes all nodes.
        self._version = self._prepare(_VERSION)
        self._last = self._prepare(_LAST)
        self._ids: list[UUID] = []
        metadata = datastore.session.cluster.metadata
        while len(self._ids) < count:
            aggregate = uuid4()
            first, *_ = metadata.get_replicas(datastore.settings.keyspace, aggregate.bytes)
            if first.address == node.settings.address:
                self._ids.append(aggregate)

    @property
    def aggregates(self) -> tuple[str, ...]:
        """The ids of the aggregates."""
        return tuple(map(str, self._ids))

    def read_versions(self) -> None:
        """Read the static column, and no event; the replicas that are asked then agree on it."""
        self._read(self._version)

    def count_misleading(self) -> int:
        """Return how many aggregates are shown at a version whose event is not shown.

        A quorum that does not answer shows nothing.
        """
        return sum(version < current for version, current in self._read(self._last))

    def _prepare(self, query: str) -> PreparedStatement:
        keyspace = self._datastore.settings.keyspace
        statement = self._datastore.session.prepare(query.format(keyspace=keyspace))
        statement.consistency_level = ConsistencyLevel.QUORUM
        return statement

    def _read(self, statement: PreparedStatement) -> list[Any]:
        results = execute_concurrent_with_args(
            self._datastore.session,
            statement,
            [[aggregate] for aggregate in self._ids],
            raise_on_first_error=False,
        )
        return [rows.one() for answered, rows in results if answered]
