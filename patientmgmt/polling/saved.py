"""Events with the time at which they were saved, read from a store server."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from eventsourcing.persistence import StoredEvent

from eventstore_grpc import ClientSettings, RemoteRecorder
from eventstore_grpc.messages import state_of
from eventstore_grpc.protocol import methods
from eventstore_grpc.protocol import storegrpc_pb2 as pb
from eventstore_grpc.remote.connection import Connection
from projections.feeds.places import Place
from projections.feeds.type_view import Page


@dataclass(frozen=True)
class SavedEvent(StoredEvent):
    """A stored event, and when it was saved."""

    savetime: int
    """Milliseconds since the epoch, by the clock of the server that saved it."""


class SavedEvents:
    """The :class:`~projections.feeds.type_view.TypeView` of a server, with saved events.

    It has one connection, to be closed at the end.
    """

    def __init__(self, settings: ClientSettings) -> None:
        self._connection = Connection(settings)
        self._recorder = RemoteRecorder(self._connection)

    def select_events_by_types(
        self, places: Mapping[str, Place | None], *, limit: int
    ) -> Mapping[str, Page]:
        """Return rows of each type in the view's order, at most so many, strictly after a place."""
        found = self._recorder.select_events_by_types(places, limit=limit)
        return {
            topic: [(place, _saved(event, place[0])) for place, event in page]
            for topic, page in found.items()
        }

    def select_events(self, originator_id: UUID, *, gt: int | None = None) -> Sequence[SavedEvent]:
        """Return the aggregate's events above version ``gt``, in order."""
        request = pb.FindByIDRequest(id=str(originator_id), gt=gt)
        parts = self._connection.read_stream(
            methods.READ_STREAM, request, f"Cannot read aggregate {originator_id}"
        )
        return [
            SavedEvent(originator_id, each.version, each.topic, state_of(each), each.savetime)
            for part in parts
            for each in part.events
        ]

    def topic_of(self, type_: int) -> str | None:
        """Return the name of a type by its integer; None while there are no events of it.

        :raises DataError: when the store does not know the integer.
        """
        request = pb.FindByTypeRequest(type=type_, since=-(2**63), batchSize=1)
        found = self._connection.read(
            methods.FIND_BY_TYPE, request, f"Cannot read the type view of type {type_}"
        )
        return found.events[0].topic if found.events else None

    def close(self) -> None:
        """Close the connection; closing again does nothing."""
        self._connection.close()


def _saved(event: StoredEvent, savetime: int) -> SavedEvent:
    return SavedEvent(
        event.originator_id, event.originator_version, event.topic, event.state, savetime
    )
