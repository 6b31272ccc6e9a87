"""Reading the type view: all events of one type, in the order of their save times."""

from collections.abc import Sequence
from uuid import UUID

from eventsourcing.persistence import StoredEvent

from eventstore_cassandra.append import AggregateId
from eventstore_cassandra.datastore import CassandraDatastore
from eventstore_cassandra.errors import library_errors
from eventstore_cassandra.event_types import EventTypes
from eventstore_cassandra.stream import to_state

Place = tuple[int, int, AggregateId]
"""A place in one type's partition: save time (ms since the epoch), version, aggregate's id."""

_FIRST_IDS: dict[type[AggregateId], AggregateId] = {UUID: UUID(int=0), str: ""}
_SELECT = (
    "SELECT toUnixTimestamp(savetime), version, id, payload, payload_bytes"
    " FROM {keyspace}.events_by_type"
    " WHERE type = ? AND (savetime, version, id) > (?, ?, ?) LIMIT ?"
)


class TypeView:
    """One partition for each type."""

    def __init__(
        self, datastore: CassandraDatastore, event_types: EventTypes, id_type: type[AggregateId]
    ) -> None:
        self._datastore = datastore
        self._event_types = event_types
        self._select = datastore.prepare(_SELECT)
        self._before_all: Place = (-(2**63), 0, _FIRST_IDS[id_type])

    def select(
        self, topic: str, *, gt: Place | None, limit: int
    ) -> Sequence[tuple[Place, StoredEvent]]:
        """Return at most ``limit`` events after the place, each with its own."""
        number = self._event_types.known_type_of(topic)
        if number is None:
            return []
        bound = self._select.bind([number, *(gt or self._before_all), limit])
        with library_errors(f"Cannot read the type view of {topic}"):
            rows = list(self._datastore.execute(bound))
        return [
            (
                (savetime, version, aggregate_id),
                StoredEvent(
                    originator_id=aggregate_id,
                    originator_version=version,
                    topic=topic,
                    state=to_state(payload, payload_bytes),
                ),
            )
            for savetime, version, aggregate_id, payload, payload_bytes in rows
        ]
