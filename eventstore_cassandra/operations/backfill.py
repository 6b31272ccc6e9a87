"""Giving rows of other programs what the event store expects: ``append_id``, ``current_version``.

Every write is conditional, since the rows are in partitions that are written with conditional
batches only. A condition that does not hold means that somebody else was first, with the same aim.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from cassandra.query import BatchStatement
from eventsourcing.persistence import OperationalError, StoredEvent

from eventstore_cassandra.append import AggregateId, Append
from eventstore_cassandra.datastore import CassandraDatastore
from eventstore_cassandra.errors import library_errors
from eventstore_cassandra.event_types import EventTypes
from eventstore_cassandra.operations.scan import Row
from eventstore_cassandra.profiles import APPEND, SERIAL_READ
from eventstore_cassandra.stream import to_state

MAX_ROWS = 100
"""Rows that get a name in one batch."""

_ROWS = (
    "SELECT version, toUnixTimestamp(savetime) AS savetime, type, payload, payload_bytes,"
    " append_id, erased FROM {keyspace}.events WHERE id = ? AND version >= ? AND version <= ?"
)
# A condition on null alone would hold for a row that is not there, and make one.
_NAME = (
    "UPDATE {keyspace}.events SET append_id = ? WHERE id = ? AND version = ? AND savetime = ?"
    " IF append_id = null AND type != null"
)
_LAST = "SELECT version FROM {keyspace}.events WHERE id = ? ORDER BY version DESC LIMIT 1"
_SET_VERSION = (
    "UPDATE {keyspace}.events SET current_version = ? WHERE id = ? IF current_version = null"
)


@dataclass(frozen=True)
class Versions:
    """Some versions of one aggregate that follow on."""

    aggregate_id: AggregateId
    first: int
    last: int

    @property
    def size(self) -> int:
        """Number of versions."""
        return self.last - self.first + 1

    def is_before(self, aggregate_id: AggregateId, version: int) -> bool:
        """Tell whether this version follows."""
        return self.aggregate_id == aggregate_id and self.last + 1 == version


class Backfill:
    """Share it between threads."""

    def __init__(self, datastore: CassandraDatastore, event_types: EventTypes) -> None:
        self._datastore = datastore
        self._event_types = event_types
        self._rows = datastore.prepare(_ROWS)
        self._name = datastore.prepare(_NAME)
        self._last = datastore.prepare(_LAST)
        self._set_version = datastore.prepare(_SET_VERSION)

    def current_version(self, aggregate_id: AggregateId) -> None:
        """Set the aggregate's ``current_version`` to that of its last event, if it has none.

        :raises OperationalError: when the store cannot be reached, or does not answer.
        """
        with library_errors(f"Cannot set the version of aggregate {aggregate_id}"):
            row = self._datastore.execute(self._last.bind([aggregate_id]), SERIAL_READ).one()
            self._datastore.execute(self._set_version.bind([row["version"], aggregate_id]), APPEND)

    def appends(self, versions: Versions) -> list[Append]:
        """Return the appends that wrote these events, under their names.

        Those that have none get one: each such event is an append of its own. At most
        :data:`MAX_ROWS` of them may be asked for at a time. There are none of an erased aggregate.

        :raises OperationalError: when the store cannot be reached, or does not answer.
        """
        doing = f"Cannot name events of aggregate {versions.aggregate_id}"
        for _ in range(self._datastore.settings.append_attempts):
            with library_errors(doing):
                bound = self._rows.bind([versions.aggregate_id, versions.first, versions.last])
                rows = list(self._datastore.execute(bound, SERIAL_READ))
                if any(row["erased"] for row in rows):
                    return []
                nameless = [row for row in rows if row["append_id"] is None]
                if not nameless:
                    return self._appends(versions.aggregate_id, rows)
                batch = self._batch(versions.aggregate_id, nameless)
                self._datastore.execute(batch, APPEND)
        raise OperationalError(
            f"{doing}: expected an append_id in each row after it was written, found "
            f"{len(nameless)} rows without. Run the command again."
        )

    def _batch(self, aggregate_id: AggregateId, nameless: Sequence[Row]) -> BatchStatement:
        batch = BatchStatement()
        for row in nameless:
            batch.add(self._name, [uuid4(), aggregate_id, row["version"], row["savetime"]])
        return batch

    def _appends(self, aggregate_id: AggregateId, rows: Sequence[Row]) -> list[Append]:
        named: dict[UUID, list[StoredEvent]] = {}
        for row in rows:
            event = StoredEvent(
                originator_id=aggregate_id,
                originator_version=row["version"],
                topic=self._event_types.topic_of(row["type"]),
                state=to_state(row["payload"], row["payload_bytes"]),
            )
            named.setdefault(row["append_id"], []).append(event)
        return [Append(events, name) for name, events in named.items()]
