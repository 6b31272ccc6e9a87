"""The recorder of aggregates' events on a server, with what feeds need of one."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

import grpc
from eventsourcing.persistence import AggregateRecorder, StoredEvent

from eventstore_cassandra import Place, UnknownOutcomeError
from eventstore_cassandra.append_checks import check_append
from eventstore_cassandra.whole_numbers import check_bounds
from eventstore_grpc.messages import (
    MAX_RECEIVED_BYTES,
    AggregateId,
    to_event,
    to_new_message,
)
from eventstore_grpc.protocol import methods
from eventstore_grpc.protocol import storegrpc_pb2 as pb
from eventstore_grpc.remote.connection import Connection
from eventstore_grpc.statuses import Reason, error_of, reason_of

_UNKNOWN = (
    "It is not known whether the events are or will be written: load the aggregate before trying "
    "again."
)


class RemoteAggregateRecorder(AggregateRecorder):
    """Appends to and reads from aggregates on a server. Share it between threads."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._id_of = connection.settings.id_of

    def insert_events(
        self, stored_events: Sequence[StoredEvent], *, request: str | None = None, **kwargs: Any
    ) -> Sequence[int] | None:
        """Append events of one aggregate, all of them or none. Returns None.

        :param request: a name for this append, of the caller's choice.
        :raises ConflictError: when the aggregate is not at the version before the first event.
        :raises ProgrammingError: for events that are not of one aggregate or do not follow on.
        :raises DataError: for more state than one append may hold.
        :raises UnknownOutcomeError: when the server did not tell what has become of the append.
        :raises OperationalError: when it told that nothing could be written.
        """
        self._insert(stored_events, request)
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
        """Return the aggregate's events above ``gt``, up to ``lte``, in order or reversed."""
        check_bounds(gt=gt, lte=lte, limit=limit)
        wanted = pb.FindByIDRequest(
            id=str(originator_id),
            gt=within_64_bits(gt),
            lte=within_64_bits(lte),
            desc=desc,
            limit=within_64_bits(limit),
        )
        return [to_event(event, originator_id) for event in self._history(wanted)]

    def select_events_by_types(
        self, places: Mapping[str, Place | None], *, limit: int
    ) -> Mapping[str, Sequence[tuple[Place, StoredEvent]]]:
        """Return events of several types, each after its own place, with the limit for each."""
        check_bounds(limit=limit)
        found: dict[str, list[tuple[Place, StoredEvent]]] = {topic: [] for topic in places}
        left = dict(places) if limit > 0 else {}
        while left:
            calls = {
                topic: self._connection.begin(
                    methods.FIND_BY_TYPE, _after(topic, place, limit - len(found[topic]))
                )
                for topic, place in left.items()
            }
            for topic, call in calls.items():
                try:
                    response = call.result()
                except grpc.RpcError as e:
                    raise error_of(e, f"Cannot read the type view of {topic}") from e
                found[topic] += [self._placed(event) for event in response.events]
                if response.more and len(found[topic]) < limit:
                    left[topic] = found[topic][-1][0]
                else:
                    del left[topic]
        return found

    def select_versions(
        self, *, gt: int | None = None, limit: int
    ) -> Sequence[tuple[int, AggregateId, int]]:
        """Return token, id and last version of aggregates, in the order of tokens after ``gt``."""
        found: list[tuple[int, AggregateId, int]] = []
        while len(found) < limit:
            request = pb.FindVersionsRequest(gt=gt, limit=limit - len(found))
            response = self._connection.read(
                methods.FIND_VERSIONS, request, "Cannot read the versions of aggregates"
            )
            found += [
                (each.token, self._id_of(each.id), each.version) for each in response.versions
            ]
            if not response.more:
                break
            gt = found[-1][0]
        return found

    def _insert(self, events: Sequence[StoredEvent], request: str | None) -> Sequence[int]:
        """Append events, and return their positions if they are known."""
        if not events:
            return []
        id_type = UUID if self._connection.settings.has_uuids else str
        check_append(events, max_bytes=MAX_RECEIVED_BYTES, id_type=id_type)
        first = events[0]
        update = pb.UpdateRequest(
            id=str(first.originator_id),
            version=max(first.originator_version - 1, 0),
            from_0=first.originator_version == 0,
            events=[to_new_message(event) for event in events],
            name=request or uuid4().hex,
        )
        doing = f"Cannot append to aggregate {first.originator_id}"
        try:
            return self._connection.call(methods.UPDATE, update).positions
        except grpc.RpcError as e:
            if reason_of(e) in (None, Reason.UNEXPECTED):
                raise UnknownOutcomeError(f"{error_of(e, doing)} {_UNKNOWN}") from e
            raise error_of(e, doing) from e

    def _history(self, request: pb.FindByIDRequest) -> Iterator[pb.FindResponse.Event]:
        doing = f"Cannot read aggregate {request.id}"
        try:
            yield from self._connection.call(methods.FIND_BY_ID, request).events
        except grpc.RpcError as e:
            if reason_of(e) is not Reason.HISTORY_TOO_LONG:
                raise error_of(e, doing) from e
            for part in self._connection.read_stream(methods.READ_STREAM, request, doing):
                yield from part.events

    def _placed(self, event: pb.FindResponse.Event) -> tuple[Place, StoredEvent]:
        id_ = self._id_of(event.id)
        return (event.savetime, event.version, id_), to_event(event, id_)


def _after(topic: str, place: Place | None, limit: int) -> pb.FindByTypeRequest:
    # No row has a version below 0, so that this is before all of them, whatever the id.
    savetime, version, id_ = place or (-(2**63), -1, UUID(int=0))
    after = pb.Place(savetime=savetime, version=version, id=str(id_))
    return pb.FindByTypeRequest(topic=topic, batchSize=min(limit, 2**31 - 1), after=after)


def within_64_bits(number: int | None) -> int | None:
    """Return the nearest number that a message can hold."""
    return None if number is None else min(max(number, -(2**63)), 2**63 - 1)
