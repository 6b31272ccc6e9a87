"""Appends that a client has named, so that it can ask for the same one again.

A writer knows its own append by the ``append_id`` in the rows. A client behind a service does not
see it: when the answer is lost on the way to the client, the client's next request is another
append, and would find its own events there, which looks like a conflict. So it gives each request a
name, and repeats it.

The two appends still need different ids. Both may stand in the notification log, and what the log
tells of an id holds for one place in it. So the ids of one request have a half in common: UUIDs of
version 8 (RFC 9562, whose bits mean what their maker says), the first half of which is a digest of
the name and of the events, and the second half random. The same name with other events is therefore
another request. Only two appends to the same version of one aggregate are ever compared, so that
60 bits are plenty.
"""

import hashlib
import os
from collections.abc import Sequence
from uuid import RFC_4122, UUID

from eventsourcing.persistence import StoredEvent

_VERSION = 8


def new_append_id(request: str, events: Sequence[StoredEvent]) -> UUID:
    """Return a new id for an append of the events, by which its request can be recognised."""
    digest = hashlib.sha256()
    texts = [request, *(text for event in events for text in _texts(event))]
    for part in (text.encode("utf-8", "surrogatepass") for text in texts):
        digest.update(len(part).to_bytes(8, "big") + part)
    for event in events:
        digest.update(len(event.state).to_bytes(8, "big") + event.state)
    half = int.from_bytes(digest.digest()[:8], "big") & ~(0xF << 12) | _VERSION << 12
    random = int.from_bytes(os.urandom(8), "big") & ~(0b11 << 62) | 0b10 << 62
    return UUID(int=half << 64 | random)


def are_of_one_request(one: UUID, other: UUID | None) -> bool:
    """Tell whether two appends to one version of one aggregate are the same request of a client."""
    return (
        other is not None
        and one.variant == RFC_4122
        and one.version == _VERSION
        and one.bytes[:8] == other.bytes[:8]
    )


def _texts(event: StoredEvent) -> Sequence[str]:
    return str(event.originator_id), str(event.originator_version), event.topic
