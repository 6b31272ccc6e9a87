"""Reading the type view: all events of one type, in the order of their save times."""

from collections.abc import Sequence
from uuid import UUID

from eventsourcing.persistence import OperationalError, StoredEvent

from eventstore_cassandra.append import AggregateId
from eventstore_cassandra.datastore import SERIAL_READ, CassandraDatastore
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
_STATE = (
    "SELECT payload, payload_bytes FROM {keyspace}.events"
    " WHERE id = ? AND version = ? AND savetime = ?"
)


class TypeView:
    """One partition for each type."""

    def __init__(
        self, datastore: CassandraDatastore, event_types: EventTypes, id_type: type[AggregateId]
    ) -> None:
        self._datastore = datastore
        self._event_types = event_types
        self._select = datastore.prepare(_SELECT)
        self._state = datastore.prepare(_STATE)
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
                    state=to_state(payload, payload_bytes)
                    if payload is not None or payload_bytes is not None
                    else self._own_state(aggregate_id, version, savetime),
                ),
            )
            for savetime, version, aggregate_id, payload, payload_bytes in rows
        ]

    def _own_state(self, aggregate_id: AggregateId, version: int, savetime: int) -> bytes:
        """Return the state of an event that the view shows without: see :mod:`..stream`."""
        bound = self._state.bind([aggregate_id, version, savetime])
        with library_errors(f"Cannot read version {version} of aggregate {aggregate_id}"):
            row = self._datastore.execute(bound, SERIAL_READ).one()
        if row is None or row["payload"] is row["payload_bytes"] is None:
            raise OperationalError(
                f"Expected version {version} of {aggregate_id}, which is in the type view, with a "
                "state, found none. Run `patientmgmt store verify`."
            )
        return to_state(row["payload"], row["payload_bytes"])
