"""Reads of aggregates at a plain quorum, beside the recorder, which set replicas apart."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from cassandra import ConsistencyLevel
from cassandra.concurrent import execute_concurrent_with_args
from cassandra.query import PreparedStatement
from eventsourcing.persistence import AggregateRecorder, OperationalError

from eventstore_cassandra import CassandraDatastore
from patientmgmt.local_cassandra import Node

_VERSION = "SELECT current_version FROM {keyspace}.events WHERE id = ? LIMIT 1"
_LAST = (
    "SELECT version, current_version FROM {keyspace}.events WHERE id = ?"
    " ORDER BY version DESC LIMIT 1"
)
_NAME = "SELECT append_id FROM {keyspace}.events WHERE id = ? AND version = 1"
_CONTENTS = "SELECT type, payload FROM {keyspace}.events WHERE id = ?"


class QuorumReads:
    """Reads of so many new aggregates whose requests the driver sends to the node."""

    def __init__(self, datastore: CassandraDatastore, node: Node, count: int) -> None:
        self._datastore = datastore
        # Prepared now: it takes all nodes.
        self._version = self._prepare(_VERSION)
        self._last = self._prepare(_LAST)
        self._name = self._prepare(_NAME)
        self._contents = self._prepare(_CONTENTS)
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

    def read_some_columns(self) -> None:
        """Read the static column of every other aggregate, and the names of the others' appends.

        The replicas that are asked then agree on these, and on nothing else.
        """
        self._read(self._version, self._ids[::2])
        self._read(self._name, self._ids[1::2])

    def count_misleading(self) -> int:
        """Return how many aggregates are shown at a version whose event is not shown.

        A quorum that does not answer shows nothing.
        """
        return sum(
            current is not None and version < current
            for version, current in self._read(self._last, self._ids)
        )

    def count_in_part(self) -> int:
        """Return how many events are shown without their type or state."""
        return sum(None in row for row in self._read(self._contents, self._ids))

    def load(self, recorder: AggregateRecorder) -> list[str]:
        """Load all aggregates; return a sentence for each that cannot be, or not as a whole."""
        found = []
        for aggregate in self._ids:
            try:
                events = recorder.select_events(aggregate)
            except OperationalError as e:
                found.append(f"{aggregate} cannot be loaded: {e}")
                continue
            found += [
                f"version {event.originator_version} of {aggregate} was loaded without its state"
                for event in events
                if not event.state
            ]
        return found

    def _prepare(self, query: str) -> PreparedStatement:
        keyspace = self._datastore.settings.keyspace
        statement = self._datastore.session.prepare(query.format(keyspace=keyspace))
        statement.consistency_level = ConsistencyLevel.QUORUM
        return statement

    def _read(self, statement: PreparedStatement, ids: Sequence[UUID]) -> list[Any]:
        results = execute_concurrent_with_args(
            self._datastore.session,
            statement,
            [[aggregate] for aggregate in ids],
            raise_on_first_error=False,
        )
        return [row for answered, rows in results if answered for row in rows]
