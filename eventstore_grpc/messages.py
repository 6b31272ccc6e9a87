"""Events as messages, and back.

A message has the state of an event as text where it is UTF-8, as the original's programs expect it,
and as bytes where it is not: compressed or encrypted, for one.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from eventsourcing.persistence import Notification, StoredEvent

from eventstore_grpc.protocol import storegrpc_pb2 as pb

MAX_MESSAGE_BYTES = 4 * 1024 * 1024
"""What a client takes as one message unless it is told otherwise, in every implementation of
gRPC."""
MAX_PAGE_BYTES = MAX_MESSAGE_BYTES - 64 * 1024
"""What a server puts into one message. A single event may be larger; it goes by itself then."""
MAX_RECEIVED_BYTES = 20 * 1024 * 1024
"""What servers and our own clients take as one message: more than an append may ever be, which is
bounded by half a segment of Cassandra's commit log, 16 MiB."""

AggregateId = UUID | str

T = TypeVar("T")


@dataclass(frozen=True)
class Sized:
    """A message with the bytes that it takes."""

    event: pb.FindResponse.Event
    size: int


def to_message(
    event: StoredEvent, type_: int, *, savetime: int = 0, position: int = 0
) -> pb.FindResponse.Event:
    """Return an event as a message.

    :param savetime: in milliseconds since the epoch.
    :param position: in the notification log.
    """
    message = pb.FindResponse.Event(
        id=str(event.originator_id),
        type=type_,
        savetime=savetime,
        version=event.originator_version,
        topic=event.topic,
        position=position,
    )
    try:
        message.payload = event.state.decode("utf-8")
    except UnicodeDecodeError:
        message.state = event.state
    return message


def to_new_message(event: StoredEvent) -> pb.UpdateRequest.Event:
    """Return an event that is to be appended as a message."""
    message = pb.UpdateRequest.Event(topic=event.topic)
    try:
        message.payload = event.state.decode("utf-8")
    except UnicodeDecodeError:
        message.state = event.state
    if not message.payload:  # which says that there is none, where it is not said otherwise
        message.state = event.state
    return message


def state_of(message: pb.FindResponse.Event | pb.UpdateRequest.Event) -> bytes:
    """Return the state in a message."""
    return message.state if message.HasField("state") else message.payload.encode("utf-8")


def to_event(message: pb.FindResponse.Event, originator_id: AggregateId) -> StoredEvent:
    """Return the event in a message, with its aggregate's id as the keyspace has it."""
    return StoredEvent(originator_id, message.version, message.topic, state_of(message))


def to_notification(message: pb.FindResponse.Event, originator_id: AggregateId) -> Notification:
    """Return the same with its position in the log."""
    return Notification(
        originator_id, message.version, message.topic, state_of(message), message.position
    )


def first_page(
    messages: Iterable[pb.FindResponse.Event], *, limit: int = MAX_PAGE_BYTES
) -> tuple[Sequence[pb.FindResponse.Event], bool]:
    """Return as many of the messages as fit into one, at least one, and whether these are all."""
    found: list[pb.FindResponse.Event] = []
    size = 0
    for message in messages:
        size += message.ByteSize() + 8
        if found and size > limit:
            return found, False
        found.append(message)
    return found, True


def pages(
    messages: Iterable[pb.FindResponse.Event], *, limit: int = MAX_PAGE_BYTES
) -> Iterator[Sequence[pb.FindResponse.Event]]:
    """Yield the messages in pages that fit into one, each with at least one of them."""
    page: list[pb.FindResponse.Event] = []
    size = 0
    for message in messages:
        size += message.ByteSize() + 8
        if page and size > limit:
            yield page
            page, size = [], message.ByteSize() + 8
        page.append(message)
    if page:
        yield page
