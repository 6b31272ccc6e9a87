"""Reading the type view: all events of one type, in the order of their save times."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from eventsourcing.persistence import OperationalError, ProgrammingError, StoredEvent

from eventstore_cassandra.append import AggregateId
from eventstore_cassandra.datastore import CassandraDatastore
from eventstore_cassandra.errors import UNFIT_VALUES, library_errors
from eventstore_cassandra.event_types import EventTypes
from eventstore_cassandra.profiles import SERIAL_READ
from eventstore_cassandra.stream import MAX_VERSION, MIN_VERSION, to_limit, to_state
from eventstore_cassandra.whole_numbers import check_bounds

Place = tuple[int, int, AggregateId]
"""A place in one type's partition: save time (ms since the epoch), version, aggregate's id."""

CONCURRENCY = 16
"""Types that are read side by side."""

_EARLIEST, _LATEST = -(2**63), 2**63 - 1
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
        self._first_id = _FIRST_IDS[id_type]

    def select(
        self, places: Mapping[str, Place | None], *, limit: int
    ) -> Mapping[str, Sequence[tuple[Place, StoredEvent]]]:
        """Return for each type at most ``limit`` events after its place, each with its own.

        :raises ProgrammingError: for a place with an id that no aggregate of the keyspace can have.
        :raises OperationalError: when the store cannot be reached.
        """
        check_bounds(limit=limit)
        arguments = {topic: self._arguments(topic, gt, limit) for topic, gt in places.items()}
        to_read = {topic: values for topic, values in arguments.items() if values is not None}
        if not to_read:
            return {topic: [] for topic in places}
        with library_errors(f"Cannot read the type view of {', '.join(to_read)}"):
            found = self._datastore.read_concurrently(
                self._select, list(to_read.values()), concurrency=CONCURRENCY
            )
        rows = dict(zip(to_read, found, strict=True))
        return {topic: self._events(topic, rows.get(topic, ())) for topic in places}

    def _arguments(self, topic: str, gt: Place | None, limit: int) -> Sequence[Any] | None:
        """Return what to select with; None if there can be nothing."""
        number = self._event_types.known_type_of(topic)
        try:
            place = self._within_columns(gt)
            if number is None or place is None or limit == 0:
                return None
            arguments = [number, *place, to_limit(limit)]
            self._select.bind(arguments)
        except UNFIT_VALUES as e:
            raise ProgrammingError(
                "Expected a place in the type view as its save time, version and an aggregate's id "
                f"of type {type(self._first_id).__name__}, found {gt!a}."
            ) from e
        return arguments

    def _events(
        self, topic: str, rows: Sequence[tuple[Any, ...]]
    ) -> Sequence[tuple[Place, StoredEvent]]:
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

    def _within_columns(self, place: Place | None) -> Place | None:
        """Return a place that the columns can hold and has the same rows behind it.

        None stands for a place behind all rows. No row has a version below 0, so that the lowest
        version of a save time is before all of its rows.
        """
        savetime, version, aggregate_id = place or (_EARLIEST, MIN_VERSION, self._first_id)
        if version > MAX_VERSION:
            savetime, version = savetime + 1, MIN_VERSION
        if savetime > _LATEST:
            return None
        return (max(savetime, _EARLIEST), max(version, MIN_VERSION), aggregate_id)
