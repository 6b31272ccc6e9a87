"""Servers of the store's methods that do as a test tells them, behind an Envoy."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock
from types import TracebackType
from typing import Any, Self

import grpc
from google.protobuf.message import Message
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from eventstore_grpc.messages import MAX_RECEIVED_BYTES
from eventstore_grpc.protocol import methods
from eventstore_grpc.protocol.methods import SERVICE, Method

ALL_METHODS: Sequence[Method[Any, Any]] = (
    methods.FIND_BY_ID,
    methods.FIND_BY_TYPE,
    methods.UPDATE,
    methods.READ_STREAM,
    methods.SUBSCRIBE,
    methods.READ_LOG,
    methods.FIND_LOG_END,
    methods.FIND_VERSIONS,
)
Context = grpc.ServicerContext
Answer = Callable[[Message, Context], Message | None]
"""Returns the response, or None for an empty one."""
_THREADS = 40


class Backend:
    """A server in this process, as a context manager, which counts the calls that reach it."""

    def __init__(self, answer: Answer | None = None, *, is_well: bool = True) -> None:
        self.end = Event()
        """Is set when the server ends: for those who wait."""
        self._answer = answer
        self._lock = Lock()
        self._calls: Counter[str] = Counter()
        self._server = grpc.server(
            ThreadPoolExecutor(_THREADS),
            options=[("grpc.max_receive_message_length", MAX_RECEIVED_BYTES)],
        )
        handlers = {method.name: self._handler(method) for method in ALL_METHODS}
        generic = grpc.method_handlers_generic_handler(SERVICE, handlers)
        self._server.add_generic_rpc_handlers((generic,))
        checks = health.HealthServicer()
        status = health_pb2.HealthCheckResponse
        checks.set(SERVICE, status.SERVING if is_well else status.NOT_SERVING)
        health_pb2_grpc.add_HealthServicer_to_server(checks, self._server)
        self.port = self._server.add_insecure_port("127.0.0.1:0")

    @property
    def calls(self) -> Counter[str]:
        """How often each method was called so far."""
        with self._lock:
            return self._calls.copy()

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.end.set()
        self._server.stop(None).wait()

    def _handler(self, method: Method[Any, Any]) -> "grpc.RpcMethodHandler[Any, Any]":
        def answer(request: Message, context: Context) -> Message:
            with self._lock:
                self._calls[method.name] += 1
            found = self._answer(request, context) if self._answer else None
            empty: Message = method.response()
            return empty if found is None else found

        def stream(request: Message, context: Context) -> Iterator[Message]:
            yield answer(request, context)

        serializers: dict[str, Any] = {
            "request_deserializer": method.request.FromString,
            "response_serializer": method.response.SerializeToString,
        }
        if method.is_stream:
            return grpc.unary_stream_rpc_method_handler(stream, **serializers)
        return grpc.unary_unary_rpc_method_handler(answer, **serializers)
