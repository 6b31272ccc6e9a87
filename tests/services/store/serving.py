"""A store server in a process of its own, and calls as programs in other languages make them."""

import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from subprocess import Popen
from typing import Any

import grpc

from eventstore_grpc import ClientSettings, RemoteRecorder
from eventstore_grpc.protocol.methods import AS_STATUS, ERRORS, SERVICE, Method
from eventstore_grpc.remote.connection import Connection
from eventstore_grpc.statuses import reason_of
from tests.original_protocol import original
from tests.system.test_commands import line_with, running

WITH_STATUS = ((ERRORS, AS_STATUS),)


@dataclass
class Server:
    """A server that runs."""

    process: Popen[str]
    address: str
    channel: grpc.Channel = field(init=False)

    def __post_init__(self) -> None:
        options = [("grpc.max_receive_message_length", -1), ("grpc.enable_retries", 0)]
        self.channel = grpc.insecure_channel(self.address, options=options)

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def call(self, method: Method[Any, Any], request: Any, *, timeout: float = 60) -> Any:
        """Make a call whose errors are statuses."""
        stub = self.channel.unary_unary(
            method.path,
            request_serializer=type(request).SerializeToString,
            response_deserializer=method.response.FromString,
        )
        return stub(request, timeout=timeout, metadata=WITH_STATUS)

    def stream(self, method: Method[Any, Any], request: Any, *, timeout: float = 60) -> Any:
        stub = self.channel.unary_stream(
            method.path,
            request_serializer=type(request).SerializeToString,
            response_deserializer=method.response.FromString,
        )
        return stub(request, timeout=timeout)

    def old(self, name: str, **fields: Any) -> Any:
        """Make a call as a program that was built before anything was added."""
        request = {"FindByID": "FindByIDRequest", "FindByType": "FindByTypeRequest"}
        response = {"Update": "UpdateResponse"}
        stub: Any = self.channel.unary_unary(
            f"/{SERVICE}/{name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=original(response.get(name, "FindResponse")).FromString,
        )
        return stub(original(request.get(name, "UpdateRequest"))(**fields), timeout=60)

    def recorder(self, **settings: Any) -> RemoteRecorder:
        return RemoteRecorder(Connection(ClientSettings(address=self.address, **settings)))

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@contextmanager
def serving(env: Mapping[str, str], *options: str, port: int = 0) -> Iterator[Server]:
    """Run ``patientmgmt grpc-store`` beside the block."""
    with running(dict(env), "grpc-store", f"--port={port}", *options) as process:
        line = line_with(process, "The event store is at ")
        server = Server(process, line.split()[-1])
        try:
            yield server
        finally:
            server.channel.close()


class RefusedError(Exception):
    """How a call failed."""

    def __init__(self, error: grpc.RpcError) -> None:
        call: Any = error
        super().__init__(f"{call.code()}: {call.details()}")
        self.code: grpc.StatusCode = call.code()
        self.sentence: str = call.details()
        self.reason = reason_of(error)


@contextmanager
def refusals() -> Iterator[None]:
    """Let a call that fails raise :class:`RefusedError`."""
    try:
        yield
    except grpc.RpcError as e:
        raise RefusedError(e) from e
