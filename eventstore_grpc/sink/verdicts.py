"""What has become of an append that was mirrored, by what the store has in its place."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from eventsourcing.persistence import PersistenceError, StoredEvent

from eventstore_cassandra import Settings
from eventstore_cassandra.append_checks import check_append, request_bytes
from eventstore_cassandra.erased import ERASED_TOPIC
from eventstore_grpc.messages import MAX_RECEIVED_BYTES, state_of
from eventstore_grpc.protocol import storegrpc_pb2 as pb
from eventstore_grpc.sink import fingerprints


class Verdict(Enum):
    """What a look at the store says of an append."""

    HELD = "the store holds it"
    REFUSED = "the store has refused it: other events have its place"
    BELOW = "the aggregate is not at the version that it expects, yet"
    ABSENT = "the aggregate is at the version that it expects, and the store does not have it, yet"
    ERASED = "the aggregate is erased, and with it whatever the store has made of the append"


@dataclass(frozen=True)
class Append:
    """An append as it was mirrored."""

    id: str
    first: int
    """The version of its first event."""
    prints: tuple[bytes, ...]
    """The fingerprints of its events."""
    types: frozenset[int]
    """The types that it names by their integers only."""
    may_be_too_large: bool = False
    """Whether stores refuse it unless their ``CASSANDRA_MAX_APPEND_BYTES`` was raised."""

    @property
    def last(self) -> int:
        """The version of its last event."""
        return self.first + len(self.prints) - 1

    @property
    def cost(self) -> int:
        """Bytes that it takes in memory, about."""
        return 1_000 + len(self.id) + 100 * len(self.prints)

    def place(self) -> pb.FindByIDRequest:
        """Return the request for what the store has in its place, and for the event before it."""
        return pb.FindByIDRequest(id=self.id, gt=self.first - 2, lte=self.last)


def append_of(request: pb.UpdateRequest) -> Append | None:
    """Return the append that is asked for; None where no store would take it."""
    if not request.events or request.version < 0 or (request.from_0 and request.version):
        return None
    if not all(event.payload or event.HasField("state") for event in request.events):
        return None
    first = 0 if request.from_0 else request.version + 1
    events = [
        StoredEvent(request.id, version, event.topic or str(event.type), state_of(event))
        for version, event in enumerate(request.events, start=first)
    ]
    try:
        check_append(events, max_bytes=MAX_RECEIVED_BYTES, id_type=str)
    except PersistenceError:
        return None
    return Append(
        request.id,
        first,
        prints=tuple(fingerprints.of_new(request, first)),
        types=frozenset(event.type for event in request.events if not event.topic),
        may_be_too_large=request_bytes(events) > Settings.max_append_bytes,
    )


def verdict(append: Append, found: Iterable[pb.FindResponse.Event]) -> Verdict:
    """Judge an append by what the store has in its place and before it."""
    by_version = {event.version: event for event in found}
    if all(
        _is(print_, by_version, version)
        for version, print_ in enumerate(append.prints, start=append.first)
    ):
        return Verdict.HELD
    if any(version >= append.first for version in by_version):
        return Verdict.REFUSED
    # The first version is expected of a new aggregate and of one that is at version 0.
    is_expected = append.first <= 1 or append.first - 1 in by_version
    return Verdict.ABSENT if is_expected else Verdict.BELOW


def _is(print_: bytes, by_version: Mapping[int, pb.FindResponse.Event], version: int) -> bool:
    event = by_version.get(version)
    if event is None:
        return False
    return event.topic == ERASED_TOPIC or print_ in fingerprints.of_stored(event)
