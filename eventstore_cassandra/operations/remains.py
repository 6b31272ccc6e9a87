"""What is there of one aggregate that still has its contents, read so that nothing is overlooked.

All reads are serial: what somebody has begun to write is completed or superseded by them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from eventstore_cassandra.append import AggregateId
from eventstore_cassandra.datastore import CassandraDatastore
from eventstore_cassandra.erased import ERASED_TOPIC
from eventstore_cassandra.errors import library_errors
from eventstore_cassandra.event_types import EventTypes
from eventstore_cassandra.operations.scan import Row
from eventstore_cassandra.profiles import SERIAL_READ
from eventstore_cassandra.stream import bound_to_id, can_be_there

_HEAD = "SELECT current_version, erased FROM {keyspace}.events WHERE id = ? LIMIT 1"
_EVENTS = (
    "SELECT version, toUnixTimestamp(savetime) AS savetime, type, payload, payload_bytes"
    " FROM {keyspace}.events WHERE id = ?"
)
_SNAPSHOTS = "SELECT version FROM {keyspace}.snapshots WHERE id = ?"


@dataclass(frozen=True)
class Head:
    """What all rows of an aggregate share."""

    exists: bool
    """Whether there is anything in the partition."""
    erased: datetime | None
    """Since when the aggregate is erased (UTC); None where it is not."""


class Remains:
    """Reads the partitions of aggregates. Share it between threads."""

    def __init__(self, datastore: CassandraDatastore, event_types: EventTypes) -> None:
        self._datastore = datastore
        self._event_types = event_types
        self._head = datastore.prepare(_HEAD)
        self._events = datastore.prepare(_EVENTS)
        self._snapshots = datastore.prepare(_SNAPSHOTS)

    def head(self, aggregate_id: AggregateId) -> Head:
        """Return whether the aggregate is there, and whether it is erased.

        :raises ProgrammingError: when the id is not of the keyspace's type.
        :raises OperationalError: when the store cannot be reached.
        """
        rows = self._rows(self._head, aggregate_id)
        erased = rows[0]["erased"] if rows else None
        return Head(bool(rows), erased and erased.replace(tzinfo=UTC))

    def events(self, aggregate_id: AggregateId) -> Sequence[Row]:
        """Return the rows of the events that are not blanked.

        :raises OperationalError: when the store cannot be reached.
        """
        erased_type = self._event_types.known_type_of(ERASED_TOPIC)
        return [
            row
            for row in self._rows(self._events, aggregate_id)
            if row["version"] is not None and (erased_type is None or row["type"] != erased_type)
        ]

    def snapshots(self, aggregate_id: AggregateId) -> Sequence[int]:
        """Return the versions of the snapshots.

        :raises OperationalError: when the store cannot be reached.
        """
        return [row["version"] for row in self._rows(self._snapshots, aggregate_id)]

    def _rows(self, statement: Any, aggregate_id: AggregateId) -> list[Row]:
        bound = bound_to_id(statement, aggregate_id)
        if not can_be_there(aggregate_id):
            return []
        with library_errors(f"Cannot read aggregate {aggregate_id}"):
            return list(self._datastore.execute(bound, SERIAL_READ))
