"""Bytes that are no requests, or would be read as other ones, on a real server."""

from typing import Any
from uuid import uuid4

import pytest
from grpc import StatusCode as Code

from eventstore_grpc.protocol import methods
from eventstore_grpc.protocol import storegrpc_pb2 as pb
from eventstore_grpc.protocol.methods import AS_STATUS, ERRORS
from tests.services.store.serving import RefusedError, Server, refusals

EVENT = pb.UpdateRequest.Event(type=2, payload="{}")


def test_bytes_that_are_no_request_are_refused_in_words(server: Server) -> None:
    stub: Any = server.channel.unary_unary(
        methods.UPDATE.path, response_deserializer=pb.UpdateResponse.FromString
    )
    for malformed in (b"\x0a\x02\xff\xfe", b"\x0a\xff", b"\xff\xff\xff", b"\x1a\x7f"):
        with pytest.raises(RefusedError, match="Expected a message") as refused, refusals():
            stub(malformed, metadata=((ERRORS, AS_STATUS),), timeout=30)
        assert refused.value.code is Code.INVALID_ARGUMENT
        assert "Expected a message" in stub(malformed, timeout=30).error, "also an old client"
    follow: Any = server.channel.unary_stream(methods.SUBSCRIBE.path)
    with pytest.raises(RefusedError) as refused, refusals():
        next(follow(b"\xff\xff\xff", timeout=30))
    assert refused.value.code is Code.INVALID_ARGUMENT

    assert server.call(methods.FIND_BY_ID, pb.FindByIDRequest(id=str(uuid4()))).success


@pytest.mark.parametrize("version", [2**31, 2**32, 2**32 + 1, 2**63 - 1, -(2**31) - 1])
def test_a_version_beyond_32_bits_is_not_taken_for_its_lower_ones(
    server: Server, version: int
) -> None:
    """Protocol Buffers would read 2**32 as 0, which is a new aggregate."""
    id_ = str(uuid4())
    request = (
        pb.UpdateRequest(id=id_, events=[EVENT]).SerializeToString() + b"\x10" + varint(version)
    )
    stub: Any = server.channel.unary_unary(methods.UPDATE.path)
    with pytest.raises(RefusedError, match="32 bits") as refused, refusals():
        stub(request, metadata=((ERRORS, AS_STATUS),), timeout=30)

    assert refused.value.code is Code.INVALID_ARGUMENT
    assert not server.call(methods.FIND_BY_ID, pb.FindByIDRequest(id=id_)).events


def test_a_request_that_is_written_in_another_way_is_the_same(server: Server) -> None:
    """Fields in another order, one twice, a number with more bytes than it takes, one unknown."""
    id_ = str(uuid4())
    event = pb.UpdateRequest(events=[EVENT])
    parts = (b"\x10\x07", b"\x10\x80\x00", event.SerializeToString(), b"\xf8\x7f\x05")
    request = b"".join(parts) + pb.UpdateRequest(id=id_).SerializeToString()
    stub: Any = server.channel.unary_unary(
        methods.UPDATE.path, response_deserializer=pb.UpdateResponse.FromString
    )

    assert stub(request, timeout=30).version == 1
    assert len(server.call(methods.FIND_BY_ID, pb.FindByIDRequest(id=id_)).events) == 1


def varint(number: int) -> bytes:
    """Return an integer of 64 bits as it is on the wire."""
    number %= 2**64
    groups = []
    while number > 127:
        groups.append(number & 127 | 128)
        number >>= 7
    return bytes([*groups, number])
