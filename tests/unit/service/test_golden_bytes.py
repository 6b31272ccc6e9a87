"""The wire: each message of the original, byte for byte, and what was added beside it."""

from typing import Any

import pytest
from google.protobuf.message import Message

from eventstore_grpc.protocol import storegrpc_pb2 as pb
from tests.original_protocol import original

ID = "6c4aa9c2-6a40-4c5b-8c1e-0a1b2c3d4e5f"
ID_FIELD = b"\x0a\x24" + ID.encode()

NEW_EVENT = pb.UpdateRequest.Event(type=2, payload='{"a":1}')
EVENT = pb.FindResponse.Event(id=ID, type=2, payload='{"a":1}', savetime=1_700_000_000_000)
EVENT_BYTES = ID_FIELD + b'\x10\x02\x1a\x07{"a":1}\x20\x80\xd0\x95\xff\xbc\x31'

GOLDEN: list[tuple[Message, bytes]] = [
    (pb.FindByIDRequest(id=ID), ID_FIELD),
    (
        pb.FindByTypeRequest(type=3, since=1_700_000_000_000, batchSize=100),
        b"\x08\x03\x10\x80\xd0\x95\xff\xbc\x31\x18\x64",
    ),
    (
        pb.FindByTypeRequest(type=-1, since=-1, batchSize=-1),
        b"\x08" + 9 * b"\xff" + b"\x01\x10" + 9 * b"\xff" + b"\x01\x18" + 9 * b"\xff" + b"\x01",
    ),
    (
        pb.UpdateRequest(id=ID, version=5, events=[NEW_EVENT, NEW_EVENT]),
        ID_FIELD + b"\x10\x05" + 2 * b'\x1a\x0b\x08\x02\x12\x07{"a":1}',
    ),
    (pb.UpdateResponse(success=True), b"\x08\x01"),
    (pb.UpdateResponse(error="No"), b"\x12\x02No"),
    (
        pb.FindResponse(success=True, latest=1_700_000_000_000, events=[EVENT]),
        b"\x08\x01\x18\x80\xd0\x95\xff\xbc\x31\x22" + bytes([len(EVENT_BYTES)]) + EVENT_BYTES,
    ),
    (pb.FindResponse(error="No"), b"\x12\x02No"),
    (pb.FindResponse(), b""),
]


@pytest.mark.parametrize(("message", "golden"), GOLDEN)
def test_each_message_has_the_originals_bytes(message: Message, golden: bytes) -> None:
    assert message.SerializeToString(deterministic=True) == golden
    assert type(message).FromString(golden) == message


@pytest.mark.parametrize(("message", "golden"), GOLDEN)
def test_an_old_program_writes_and_reads_the_same(message: Message, golden: bytes) -> None:
    old = original(type(message).DESCRIPTOR.name).FromString(golden)

    assert old.SerializeToString(deterministic=True) == golden
    for field, value in message.ListFields():
        assert str(getattr(old, field.name)) == str(value)


def test_an_old_program_does_not_notice_what_was_added() -> None:
    new = pb.FindResponse(
        success=True,
        latest=7,
        events=[
            pb.FindResponse.Event(
                id=ID, type=2, payload="x", savetime=7, version=3, topic="Moved", position=9
            )
        ],
        more=True,
    )

    old = original("FindResponse").FromString(new.SerializeToString())

    assert (old.success, old.error, old.latest) == (True, "", 7)
    found = [(each.id, each.type, each.payload, each.savetime) for each in old.events]
    assert found == [(ID, 2, "x", 7)]


def fields(descriptor: Any) -> dict[str, tuple[int, object]]:
    found = {field.name: (field.number, field.type) for field in descriptor.fields}
    for nested in descriptor.nested_types:
        inner = fields(nested).items()
        found |= {f"{nested.name}.{name}": about for name, about in inner}
    return found


@pytest.mark.parametrize(
    "name",
    ["FindByIDRequest", "FindByTypeRequest", "UpdateRequest", "FindResponse", "UpdateResponse"],
)
def test_no_field_of_the_original_was_changed(name: str) -> None:
    theirs, ours = fields(original(name).DESCRIPTOR), fields(getattr(pb, name).DESCRIPTOR)

    assert theirs.items() <= ours.items()
