"""Events as 16 bytes: by these an event that was mirrored is known among those of the store.

Nothing else is kept of events, so that memory has no contents, and as much for large ones as for
small ones. Clients name the type of an event by its topic or by its integer, the original's by the
latter; so what the store has, which is both, has two fingerprints.
"""

from collections.abc import Sequence
from hashlib import blake2b
from uuid import UUID

from eventstore_grpc.messages import state_of
from eventstore_grpc.protocol import storegrpc_pb2 as pb


def of_new(request: pb.UpdateRequest, first: int) -> Sequence[bytes]:
    """Return the fingerprints of events that are to be appended, the first as this version."""
    id_ = canonical(request.id)
    return [
        _fingerprint(id_, version, event.topic or event.type, state_of(event))
        for version, event in enumerate(request.events, start=first)
    ]


def of_stored(event: pb.FindResponse.Event) -> tuple[bytes, bytes]:
    """Return the fingerprints of an event of the store: by its topic and by its integer."""
    id_, state = canonical(event.id), state_of(event)
    return (
        _fingerprint(id_, event.version, event.topic, state),
        _fingerprint(id_, event.version, event.type, state),
    )


def canonical(text: str) -> str:
    """Return an id as the store writes it: clients may write UUIDs in several ways."""
    try:
        return str(UUID(text))
    except ValueError:
        return text


def _fingerprint(id_: str, version: int, type_: str | int, state: bytes) -> bytes:
    digest = blake2b(digest_size=16)
    for part in (id_, str(version), type(type_).__name__, str(type_)):
        encoded = part.encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(8, "big") + encoded)
    digest.update(state)
    return digest.digest()
