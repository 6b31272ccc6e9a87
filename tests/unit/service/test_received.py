"""Requests are read as what they are, or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventstore_grpc.protocol import methods
from eventstore_grpc.protocol import storegrpc_pb2 as pb
from eventstore_grpc.received import reader_of, understood
from eventstore_grpc.statuses import InvalidRequestError

READ_UPDATE = reader_of(methods.UPDATE)
INT32 = st.integers(-(2**31), 2**31 - 1)


@given(version=INT32, types=st.lists(INT32, max_size=3), name=st.text())
def test_what_a_client_writes_is_read(version: int, types: list[int], name: str) -> None:
    events = [pb.UpdateRequest.Event(type=type_, payload=name) for type_ in types]
    request = pb.UpdateRequest(id=name, version=version, events=events, name=name)
    assert understood(READ_UPDATE(request.SerializeToString())) == request


@given(st.binary(max_size=30))
def test_any_bytes_are_read_or_refused(received: bytes) -> None:
    found = READ_UPDATE(received)
    if isinstance(found, InvalidRequestError):
        assert str(found).startswith("Expected ")
        assert str(found).endswith(". Nothing was done.")
    else:
        assert found == pb.UpdateRequest.FromString(received)


def test_what_is_no_message_is_told_with_its_size() -> None:
    with pytest.raises(InvalidRequestError, match=r"of type storegrpc.UpdateRequest, found 2 byt"):
        understood(READ_UPDATE(b"\x0a\xff"))


@pytest.mark.parametrize(
    "received",
    [
        b"\x10\x80\x80\x80\x80\x10",  # the version is 2**32
        b"\x10\x80\x80\x80\x80\x08",  # and 2**31
        b"\x1a\x06\x08\x81\x80\x80\x80\x10",  # an event's type is 2**32 + 1
        b"\x10\x80\x80\x80\x80\x10\xf8\x7f\x05",  # with a field that nobody knows
    ],
)
def test_an_integer_beyond_32_bits_is_refused_wherever_it_is(received: bytes) -> None:
    with pytest.raises(InvalidRequestError, match=r"32 bits in a message of type storegrpc\.Upd"):
        understood(READ_UPDATE(received))


@pytest.mark.parametrize(
    "received",
    [
        b"\x10\x07\x0a\x01x",  # the version before the id
        b"\x10\x07\x10\x09",  # twice
        b"\x10\x87\x80\x00",  # with more bytes than it takes
        b"\x10\x07\xf8\x7f\x05",  # with a field that nobody knows
    ],
)
def test_other_ways_to_write_a_request_are_read(received: bytes) -> None:
    assert understood(READ_UPDATE(received)) == pb.UpdateRequest.FromString(received)


def test_integers_of_64_bits_have_all_of_them() -> None:
    request = pb.FindByTypeRequest(type=2, since=2**63 - 1)
    read = reader_of(methods.FIND_BY_TYPE)
    assert understood(read(request.SerializeToString())) == request
