"""The connection to a server: one channel, and calls that are tried again where that is harmless.

gRPC itself makes the tries. Each read may be made again, and so may an append: it carries a name,
and the server carries out what has one name once. From the second try on a server sees that there
was one before, so that it does not say that nothing was written.
"""

import json
from collections.abc import Iterator
from typing import Protocol, TypeVar

import grpc
from google.protobuf.message import Message

from eventstore_grpc.messages import MAX_RECEIVED_BYTES
from eventstore_grpc.protocol.methods import AS_STATUS, ERRORS, SERVICE, Method
from eventstore_grpc.remote.settings import ClientSettings
from eventstore_grpc.statuses import error_of
from eventstore_grpc.uninterrupted import uninterrupted

RequestT = TypeVar("RequestT", bound=Message)
ResponseT = TypeVar("ResponseT", bound=Message)
ReceivedT = TypeVar("ReceivedT", covariant=True)

TRIES = 5
"""Of one call, over some three seconds: as long as a server takes to be started anew."""
_POLICY = {
    "methodConfig": [
        {
            "name": [{"service": SERVICE}],
            "retryPolicy": {
                "maxAttempts": TRIES,
                "initialBackoff": "0.1s",
                "maxBackoff": "2s",
                "backoffMultiplier": 3,
                # The second is what a server that ends makes of calls that it has not begun.
                "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],
            },
        }
    ]
}
_OPTIONS = (
    ("grpc.service_config", json.dumps(_POLICY)),
    ("grpc.max_receive_message_length", MAX_RECEIVED_BYTES),
    ("grpc.max_send_message_length", -1),
    # Else what is larger than 256 KiB is not tried again.
    ("grpc.per_rpc_retry_buffer_size", MAX_RECEIVED_BYTES),
    # A server whose machine has vanished says nothing: it is asked.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
    # A server that comes back is found within this time.
    ("grpc.max_reconnect_backoff_ms", 2000),
)
_WANTS_STATUS = ((ERRORS, AS_STATUS),)


class Responses(Protocol[ReceivedT]):
    """The responses of a call, while they come."""

    def __iter__(self) -> Iterator[ReceivedT]:
        """Return itself."""
        ...

    def __next__(self) -> ReceivedT:
        """Return the next response, when it has come."""
        ...

    def cancel(self) -> bool:
        """End the call."""
        ...


class Connection:
    """A channel, opened with the first call. Share it between threads, and close it at the end."""

    def __init__(self, settings: ClientSettings) -> None:
        self.settings = settings
        self._channel = channel(settings)

    def call(self, method: Method[RequestT, ResponseT], request: RequestT) -> ResponseT:
        """Return the response; a ``grpc.RpcError`` passes through."""
        response: ResponseT = self.begin(method, request).result()
        return response

    def begin(
        self, method: Method[RequestT, ResponseT], request: RequestT
    ) -> "grpc.Future[ResponseT]":
        """Make a call, and return at once."""
        stub = self._channel.unary_unary(
            method.path,
            request_serializer=method.request.SerializeToString,
            response_deserializer=method.response.FromString,
        )
        with uninterrupted():
            return stub.future(request, timeout=self.settings.timeout, metadata=_WANTS_STATUS)

    def stream(
        self, method: Method[RequestT, ResponseT], request: RequestT, *, forever: bool = False
    ) -> "Responses[ResponseT]":
        """Return an iterator of the responses."""
        stub = self._channel.unary_stream(
            method.path,
            request_serializer=method.request.SerializeToString,
            response_deserializer=method.response.FromString,
        )
        timeout = None if forever else self.settings.timeout
        with uninterrupted():
            return stub(request, timeout=timeout, metadata=_WANTS_STATUS)

    def read(self, method: Method[RequestT, ResponseT], request: RequestT, doing: str) -> ResponseT:
        """Return the response of a read.

        :raises PersistenceError: when it fails.
        """
        try:
            return self.call(method, request)
        except grpc.RpcError as e:
            raise error_of(e, doing) from e

    def read_stream(
        self, method: Method[RequestT, ResponseT], request: RequestT, doing: str
    ) -> Iterator[ResponseT]:
        """Yield the responses of a read.

        :raises PersistenceError: when it fails.
        """
        try:
            yield from self.stream(method, request)
        except grpc.RpcError as e:
            raise error_of(e, doing) from e

    def close(self) -> None:
        """Close the channel; closing again does nothing."""
        self._channel.close()


def channel(settings: ClientSettings) -> grpc.Channel:
    """Return a channel to the server.

    :raises OSError: when a certificate cannot be read.
    """
    if settings.authorities is None:
        return grpc.insecure_channel(settings.address, options=_OPTIONS)
    credentials = grpc.ssl_channel_credentials(
        root_certificates=settings.authorities.read_bytes(),
        private_key=settings.key.read_bytes() if settings.key else None,
        certificate_chain=settings.certificate.read_bytes() if settings.certificate else None,
    )
    return grpc.secure_channel(settings.address, credentials, options=_OPTIONS)
