"""A server between a client and the store, which may change what the client is told."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Lock
from typing import Any

import grpc

from eventstore_grpc.protocol.methods import ERRORS, SERVICE

Answer = Callable[[bytes], bytes]
Meddle = Callable[[str, bytes, Answer, grpc.ServicerContext], bytes]
"""Answers a call of a method: its request, what passes it on, and the call itself."""


def pass_on(_method: str, request: bytes, answer: Answer, _call: grpc.ServicerContext) -> bytes:
    """Change nothing."""
    return answer(request)


class Proxy(grpc.GenericRpcHandler):
    """Passes on calls that have one response, and counts them."""

    def __init__(self, address: str, meddle: Meddle) -> None:
        self.address = ""
        self.calls: dict[str, int] = {}
        self.most_at_once = 0
        self._at_once = 0
        self._lock = Lock()
        self._channel = grpc.insecure_channel(address, options=[("grpc.enable_retries", 0)])
        self._meddle = meddle

    def service(self, call: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[Any, Any] | None":
        """Return what answers a call."""
        path: str = call.method
        if not path.startswith(f"/{SERVICE}/"):
            return None
        onwards: grpc.UnaryUnaryMultiCallable[bytes, bytes] = self._channel.unary_unary(path)
        name = path.rsplit("/", 1)[1]
        metadata = tuple((k, v) for k, v in call.invocation_metadata if k == ERRORS)

        def handle(request: bytes, context: grpc.ServicerContext) -> bytes:
            with self._counted(name):
                try:
                    return self._meddle(
                        name,
                        request,
                        lambda wanted: bytes(onwards(wanted, timeout=60, metadata=metadata)),
                        context,
                    )
                except grpc.RpcError as e:
                    failed: Any = e
                    context.set_trailing_metadata(failed.trailing_metadata())
                    context.abort(failed.code(), failed.details())
                    raise AssertionError("abort raises") from e

        return grpc.unary_unary_rpc_method_handler(handle)

    @contextmanager
    def _counted(self, name: str) -> Iterator[None]:
        with self._lock:
            self.calls[name] = self.calls.get(name, 0) + 1
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            yield
        finally:
            with self._lock:
                self._at_once -= 1

    def close(self) -> None:
        """Close the connection to the store."""
        self._channel.close()


@contextmanager
def proxy(address: str, meddle: Meddle = pass_on) -> Iterator[Proxy]:
    """Run a proxy beside the block."""
    handler = Proxy(address, meddle)
    server = grpc.server(ThreadPoolExecutor(64))
    server.add_generic_rpc_handlers((handler,))
    handler.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield handler
    finally:
        server.stop(None).wait()
        handler.close()
