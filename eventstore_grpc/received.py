"""Requests as they arrive: none is taken for another one.

gRPC tells a client of a request that cannot be read nothing but UNKNOWN, with a traceback in the
server's log. And of an integer that has more than a field's 32 bits, Protocol Buffers reads the
lower ones: version 4,294,967,296 would be version 0, a new aggregate.
"""

from collections.abc import Callable
from typing import Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from eventstore_grpc.protocol import storegrpc_pb2 as pb
from eventstore_grpc.protocol.methods import Method, RequestT
from eventstore_grpc.statuses import InvalidRequestError


def reader_of(method: Method[RequestT, Any]) -> Callable[[bytes], RequestT | InvalidRequestError]:
    """Return what makes requests of their bytes.

    It returns an error instead of raising it: gRPC would keep it to itself. Let
    :func:`understood` raise it where it can be told.
    """
    name = method.request.DESCRIPTOR.full_name
    wide = GetMessageClass(_WIDE.FindMessageTypeByName(name))

    def read(received: bytes) -> RequestT | InvalidRequestError:
        try:
            request = method.request.FromString(received)
        except DecodeError as e:
            return InvalidRequestError(
                f"Expected a message of type {name}, found {len(received):,} bytes that are none: "
                f"{e}. Nothing was done."
            )
        # Nearly all clients write a message in one and the same way.
        as_read = request.SerializeToString()
        if as_read != received and as_read != wide.FromString(received).SerializeToString():
            return InvalidRequestError(
                f"Expected integers of 32 bits in a message of type {name}, found one that has "
                "more. Nothing was done."
            )
        return request

    return read


def understood(request: RequestT | InvalidRequestError) -> RequestT:
    """Return a request.

    :raises InvalidRequestError: when it is none.
    """
    if isinstance(request, InvalidRequestError):
        raise request
    return request


def _widened() -> DescriptorPool:
    """Return our messages, but with 64 bits for each integer, which look the same on the wire."""
    file = FileDescriptorProto()
    pb.DESCRIPTOR.CopyToProto(file)
    messages = [*file.message_type]
    while messages:
        message = messages.pop()
        messages += message.nested_type
        for field in message.field:
            if field.type == FieldDescriptorProto.TYPE_INT32:
                field.type = FieldDescriptorProto.TYPE_INT64
    pool = DescriptorPool()
    pool.Add(file)
    return pool


_WIDE = _widened()
