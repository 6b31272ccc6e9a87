"""The recorders of events: what the library appends with and reads streams with."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from eventsourcing.persistence import AggregateRecorder, StoredEvent

from eventstore_cassandra.append import AggregateId, Append
from eventstore_cassandra.appending import Appender
from eventstore_cassandra.datastore import CassandraDatastore
from eventstore_cassandra.stream import StoredRow, Streams
from eventstore_cassandra.type_view import Place, TypeView
from eventstore_cassandra.versions import Versions


class CassandraAggregateRecorder(Appender, AggregateRecorder):
    """Appends to and reads from the partitions of aggregates. Share it between threads.

    :raises ProgrammingError: when the tables are missing, older or newer than this program.
    """

    def __init__(self, datastore: CassandraDatastore) -> None:
        super().__init__(datastore)
        self._streams = Streams(
            datastore,
            table="events",
            kind="type",
            topic_of=self.event_types.readable_topic_of,
            are_events=True,
        )
        self._type_view = TypeView(datastore, self.event_types, self.schema.id_type)
        self._versions = Versions(datastore)

    def register_event_types(self, types: Mapping[str, int]) -> None:
        """Give topics integers of the application's choice, from 0 to 999; again is harmless."""
        self.event_types.register(types)

    def insert_events(
        self, stored_events: Sequence[StoredEvent], *, request: str | None = None, **kwargs: Any
    ) -> Sequence[int] | None:
        """Append events of one aggregate, all of them or none.

        Returns None, since the events get no place in a total order.

        :param request: a name for this append, of the caller's choice. If the same events were
            appended under the same name before, that is well, and nothing is done.
        :raises ConflictError: when the aggregate is not at the version before the first event.
        :raises ProgrammingError: for events that are not of one aggregate or do not follow on.
        :raises DataError: for more state than one append may hold.
        :raises OperationalError: when the store cannot be reached, or does not answer.
        """
        if stored_events:
            append = self._checked(stored_events, request)
            with self._watched(append):
                self._unless_done(append, lambda: self._decide(append, is_intent=False))
        return None

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """Return the aggregate's events above ``gt``, up to ``lte``, in order or reversed.

        An aggregate that is erased has none. An event of another program, whose type has no topic,
        has one that says so.
        """
        return self._streams.select(originator_id, gt=gt, lte=lte, desc=desc, limit=limit)

    def select_rows(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredRow]:
        """Return the same events, each with when it was saved."""
        return self._streams.select_rows(originator_id, gt=gt, lte=lte, desc=desc, limit=limit)

    def select_events_by_type(
        self, topic: str, *, gt: Place | None = None, limit: int
    ) -> Sequence[tuple[Place, StoredEvent]]:
        """Return events of one type after the given place in the type view, with their places.

        The view lags behind the table, and an event may appear in it *before* a place that was
        returned already, since its save time is when its append began. Read an overlap again.
        """
        return self._type_view.select({topic: gt}, limit=limit)[topic]

    def select_events_by_types(
        self, places: Mapping[str, Place | None], *, limit: int
    ) -> Mapping[str, Sequence[tuple[Place, StoredEvent]]]:
        """Return the same of several types, each after its own place, with the limit for each."""
        return self._type_view.select(places, limit=limit)

    def select_versions(
        self, *, gt: int | None = None, limit: int
    ) -> Sequence[tuple[int, AggregateId, int]]:
        """Return token, id and last version of aggregates, in the order of tokens after ``gt``.

        An aggregate that is erased has the largest version that there is.
        """
        return self._versions.select(gt=gt, limit=limit)

    def _checked(self, stored_events: Sequence[StoredEvent], request: str | None) -> Append:
        return Append.of(
            stored_events,
            id_type=self.schema.id_type,
            max_bytes=self.datastore.settings.max_append_bytes,
            request=request,
        )
