"""Answers requests from the recorder: a request in, a response out, errors as exceptions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from eventsourcing.persistence import StoredEvent

from eventstore_cassandra import CassandraApplicationRecorder, Place
from eventstore_cassandra.append_checks import MAX_EVENTS
from eventstore_grpc.messages import (
    MAX_PAGE_BYTES,
    AggregateId,
    first_page,
    pages,
    state_of,
    to_message,
)
from eventstore_grpc.protocol import storegrpc_pb2 as pb
from eventstore_grpc.server.portions import FIRST, Portions
from eventstore_grpc.statuses import InvalidRequestError, TooLongError

BATCH_SIZE = 1_000
"""Events in an answer by type, where the client does not say how many."""
PORTION = 500
"""Rows that are read at once, at the most."""
LOOKED_THROUGH = 10_000
"""Events of the log that one call looks through for some topics: a part of a second."""
VERSIONS = 10_000
"""Aggregates in one answer at the most."""
LAST_VERSION = 2**31 - 2
_BEHIND_ALL_VERSIONS = 2**31
_NO_ID = UUID(int=0)


class Store:
    """The methods of the service over one recorder. Share it between threads.

    Each raises :class:`InvalidRequestError` for a request that no server would take, and the
    recorder's own errors.
    """

    def __init__(self, recorder: CassandraApplicationRecorder) -> None:
        self._recorder = recorder
        self._has_uuids = recorder.schema.id_type is UUID
        self._type_of = recorder.event_types.type_of
        self._log_portion = FIRST
        """Rows of the log to begin with: where they are large, a call answers with few of them."""

    def find_by_id(self, request: pb.FindByIDRequest) -> pb.FindResponse:
        """Return an aggregate's events in one message.

        :raises TooLongError: when they do not fit.
        """
        events, is_all = first_page(self._history(request))
        if not is_all:
            raise TooLongError(
                f"Expected a history of at most {MAX_PAGE_BYTES} bytes, which fits into one "
                f"message, found that {request.id} has more. Read it with ReadStream, or in parts "
                "with gt, lte and limit."
            )
        return _found(events)

    def read_stream(self, request: pb.FindByIDRequest) -> Iterator[pb.FindResponse]:
        """Yield an aggregate's events in as many messages as it takes."""
        for page in pages(self._history(request)):
            yield _found(page)

    def find_by_type(self, request: pb.FindByTypeRequest) -> pb.FindResponse:
        """Return the next events of one type.

        Whoever goes on by ``since`` knows milliseconds only. So what is returned to such a client
        never ends within one: the events of the last one are left for the next answer or, where
        there are no others, are all returned, however many they are.
        """
        if request.batchSize < 0:
            raise InvalidRequestError(
                f"Expected a batchSize of at least 0, found {request.batchSize}."
            )
        topic = request.topic or self._topic_of(request.type)
        limit = request.batchSize or BATCH_SIZE
        if request.HasField("after"):
            rows, is_all = self._rows(topic, self._place(request.after), limit)
            return _found([row.message for row in rows], since=request.since, more=not is_all)
        place = (request.since, _BEHIND_ALL_VERSIONS, self._id_before_all())
        rows, is_all = self._rows(topic, place, limit)
        if not is_all:
            rows = self._to_whole_milliseconds(topic, rows)
        return _found([row.message for row in rows], since=request.since, more=not is_all)

    def update(self, request: pb.UpdateRequest) -> pb.UpdateResponse:
        """Append events."""
        events = self._new_events(request)
        positions = self._recorder.insert_events(events, request=request.name or None)
        version = events[-1].originator_version
        return pb.UpdateResponse(success=True, version=version, positions=positions or ())

    def read_log(self, request: pb.ReadLogRequest) -> pb.LogPage:
        """Return a page of the notification log, as far as one call looks through it."""
        _check_limit(request.limit)
        wanted, limit = frozenset(request.topics), min(request.limit, BATCH_SIZE)
        start = request.start if request.HasField("start") else None
        stop = request.stop if request.HasField("stop") else None
        inclusive = not request.after_start
        page = pb.LogPage(up_to=start or 0)
        looked = size = 0
        portions = Portions(
            rows=BATCH_SIZE, size=MAX_PAGE_BYTES, first=min(FIRST, self._log_portion)
        )
        while len(page.events) < limit and looked < LOOKED_THROUGH:
            asked = portions.next if wanted else min(portions.next, limit - len(page.events))
            found = self._recorder.select_notifications(
                start, asked, stop, inclusive_of_start=inclusive
            )
            portions.saw(len(found), sum(len(each.state) for each in found))
            self._log_portion = portions.next
            for each in found:
                if not wanted or each.topic in wanted:
                    message = to_message(each, self._type_of(each.topic), position=each.id)
                    size += message.ByteSize() + 8
                    if page.events and (size > MAX_PAGE_BYTES or len(page.events) == limit):
                        page.more = True
                        return page
                    page.events.append(message)
                page.up_to = each.id
            if len(found) < asked:
                return page
            start, inclusive, looked = page.up_to, False, looked + len(found)
        page.more = limit > 0
        return page

    def find_log_end(self, _request: pb.FindLogEndRequest) -> pb.FindLogEndResponse:
        """Return the position of the last event."""
        return pb.FindLogEndResponse(position=self._recorder.max_notification_id())

    def find_versions(self, request: pb.FindVersionsRequest) -> pb.FindVersionsResponse:
        """Return the next aggregates in the order of their tokens."""
        _check_limit(request.limit)
        limit = min(request.limit, VERSIONS)
        found = (
            self._recorder.select_versions(
                gt=request.gt if request.HasField("gt") else None, limit=limit
            )
            if limit
            else []
        )
        return pb.FindVersionsResponse(
            versions=[
                pb.FindVersionsResponse.Version(token=token, id=str(id_), version=version)
                for token, id_, version in found
            ],
            more=len(found) == limit < request.limit,
        )

    def _history(self, request: pb.FindByIDRequest) -> Iterator[pb.FindResponse.Event]:
        """Yield an aggregate's events, reading a portion at a time."""
        id_ = self._id(request.id)
        gt = request.gt if request.HasField("gt") else None
        lte = request.lte if request.HasField("lte") else None
        left = request.limit if request.HasField("limit") and request.limit >= 0 else None
        portions = Portions(rows=PORTION, size=MAX_PAGE_BYTES)
        while left is None or left > 0:
            portion = portions.next if left is None else min(portions.next, left)
            rows = self._recorder.select_rows(id_, gt=gt, lte=lte, desc=request.desc, limit=portion)
            for row in rows:
                yield to_message(row.event, int(row.kind), savetime=row.savetime or 0)
            if len(rows) < portion:
                return
            portions.saw(len(rows), sum(len(row.event.state) for row in rows))
            left = None if left is None else left - len(rows)
            last = rows[-1].event.originator_version
            gt, lte = (gt, last - 1) if request.desc else (last, lte)

    def _rows(self, topic: str, place: Place | None, limit: int) -> tuple[Sequence["_Row"], bool]:
        """Return at most so many rows after a place, and whether there are no others."""
        type_ = self._recorder.event_types.known_type_of(topic)
        found: list[_Row] = []
        size = 0
        portions = Portions(rows=PORTION, size=MAX_PAGE_BYTES)
        while len(found) < limit:
            portion = min(portions.next, limit - len(found))
            rows = self._recorder.select_events_by_type(topic, gt=place, limit=portion)
            for place, event in rows:
                message = to_message(event, type_ or 0, savetime=place[0])
                size += message.ByteSize() + 8
                if found and size > MAX_PAGE_BYTES:
                    return found, False
                found.append(_Row(place, message))
            if len(rows) < portion:
                return found, True
            portions.saw(len(rows), sum(len(event.state) for _, event in rows))
        return found, not self._recorder.select_events_by_type(topic, gt=place, limit=1)

    def _to_whole_milliseconds(self, topic: str, rows: Sequence["_Row"]) -> Sequence["_Row"]:
        """Return rows without those of the last millisecond, or with all of that."""
        last = rows[-1].place[0]
        before = [row for row in rows if row.place[0] < last]
        if before:
            return before
        found = list(rows)
        size = sum(row.message.ByteSize() + 8 for row in found)
        while True:
            more, is_all = self._rows(topic, found[-1].place, PORTION)
            same = [row for row in more if row.place[0] == last]
            size += sum(row.message.ByteSize() + 8 for row in same)
            if size > MAX_PAGE_BYTES:
                raise TooLongError(
                    f"Expected events of one millisecond that fit into a message, found more of "
                    f"{topic!a} at {last}. Go on with `after` instead of `since`."
                )
            found += same
            if is_all or len(same) < len(more):
                return found

    def _new_events(self, request: pb.UpdateRequest) -> Sequence[StoredEvent]:
        id_ = self._id(request.id)
        if not request.events:
            raise InvalidRequestError(
                f"Expected at least one event for {request.id}, found none. Nothing was written."
            )
        if len(request.events) > MAX_EVENTS:
            raise InvalidRequestError(
                f"Expected at most {MAX_EVENTS} events in one append, found {len(request.events)}. "
                "Nothing was written."
            )
        if request.version < 0 or request.version + len(request.events) > LAST_VERSION:
            raise InvalidRequestError(
                f"Expected a version from 0, of a new aggregate, to {LAST_VERSION} with the "
                f"events, found {request.version} and {len(request.events)} events. Nothing was "
                "written."
            )
        if request.from_0 and request.version:
            raise InvalidRequestError(
                f"Expected from_0 with a new aggregate, at version 0, found version "
                f"{request.version}. Nothing was written."
            )
        first = 0 if request.from_0 else request.version + 1
        return [
            StoredEvent(id_, version, self._topic_to_write(event), _state_to_write(event, version))
            for version, event in enumerate(request.events, start=first)
        ]

    def _topic_to_write(self, event: pb.UpdateRequest.Event) -> str:
        try:
            return event.topic or self._topic_of(event.type)
        except InvalidRequestError as e:
            raise InvalidRequestError(f"{e} Nothing was written.") from None

    def _topic_of(self, type_: int) -> str:
        topic = self._recorder.event_types.known_topic_of(type_)
        if topic is None:
            known = self._recorder.event_types.known()
            shown = ", ".join(f"{number} ({name})" for number, name in known.items())
            raise InvalidRequestError(
                f"Expected a type that is registered, found {type_}. There are: "
                f"{shown[:400] or 'none'}."
            )
        return topic

    def _place(self, place: pb.Place) -> Place:
        return place.savetime, place.version, self._id(place.id)

    def _id(self, text: str) -> AggregateId:
        if not self._has_uuids and text:
            return text
        try:
            if self._has_uuids and not text.startswith(("urn:", "{")):
                return UUID(text)
        except ValueError:
            pass
        wanted = "a UUID" if self._has_uuids else "a text that is not empty"
        raise InvalidRequestError(f"Expected the aggregate's id as {wanted}, found {text[:80]!a}.")

    def _id_before_all(self) -> AggregateId:
        return _NO_ID if self._has_uuids else ""


@dataclass(frozen=True)
class _Row:
    place: Place
    message: pb.FindResponse.Event


def _check_limit(limit: int) -> None:
    if limit < 0:
        raise InvalidRequestError(f"Expected a limit of at least 0, found {limit}.")


def _state_to_write(event: pb.UpdateRequest.Event, version: int) -> bytes:
    if not event.payload and not event.HasField("state"):
        raise InvalidRequestError(
            f"Expected the event of version {version} with a payload, found none. Nothing was "
            "written."
        )
    return state_of(event)


def _found(
    events: Sequence[pb.FindResponse.Event], *, since: int = 0, more: bool = False
) -> pb.FindResponse:
    latest = max((event.savetime for event in events), default=since)
    return pb.FindResponse(success=True, latest=latest, events=events, more=more)
