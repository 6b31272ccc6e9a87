"""What is logged of requests, and what is counted.

Payloads have patients' names in them: of events there are types, numbers and sizes, and no more.
Ids and topics are what any client has sent, so they are shortened, and shown in ASCII.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from google.protobuf.message import Message

from eventstore_grpc.protocol import storegrpc_pb2 as pb

_SHOWN = 120
"""Characters of an id or a topic."""
_SHOWN_TYPES = 5


def described(request: Message) -> str:
    """Return what a request asks for, without the contents of events."""
    match request:
        case pb.UpdateRequest():
            named = "named" if request.name else "without a name"
            types = _types(event.topic or event.type for event in request.events)
            events = _counted(len(request.events), "event")
            return f"{shown(request.id)} at version {request.version}, {events} {types}, {named}"
        case pb.FindByIDRequest():
            return shown(request.id)
        case pb.FindByTypeRequest():
            place = "after a place" if request.HasField("after") else f"since {request.since}"
            return f"{_types([request.topic or request.type])} {place}, {request.batchSize} at once"
        case pb.SubscribeRequest():
            return f"after {request.after} {_types(request.topics)}"
        case pb.ReadLogRequest():
            return f"from {request.start}, {request.limit} at once {_types(request.topics)}"
    return ""


def shown(text: str) -> str:
    """Return an id or a topic as it can be logged."""
    return ascii(text)[1:-1][:_SHOWN]


@dataclass
class Counts:
    """What has come so far."""

    requests: Counter[str] = field(default_factory=Counter)
    """By method."""
    events: int = 0
    size: int = 0
    """Bytes of all requests."""

    def add(self, method: str, request: Message) -> int:
        """Count a request; return its size in bytes."""
        size = request.ByteSize()
        self.requests[method] += 1
        self.size += size
        if isinstance(request, pb.UpdateRequest):
            self.events += len(request.events)
        return size

    def __str__(self) -> str:
        by_method = ", ".join(f"{name} {count}" for name, count in sorted(self.requests.items()))
        methods = f" ({by_method})" if by_method else ""
        requests = _counted(self.requests.total(), "request")
        return f"{requests}{methods}, {_counted(self.events, 'event')}, {self.size} bytes"


def _types(types: Iterable[str | int]) -> str:
    names = [shown(str(each)) for each in dict.fromkeys(types)]
    if not names:
        return "of no type"
    more = f" and {len(names) - _SHOWN_TYPES} more" if len(names) > _SHOWN_TYPES else ""
    return f"of {', '.join(names[:_SHOWN_TYPES])}{more}"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
