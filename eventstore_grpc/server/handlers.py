"""The methods of the service as gRPC calls them.

The server is one asyncio loop; the recorder's calls block, and are made in threads. A call whose
client hangs up, or whose deadline passes, is not carried out if it has not begun. If it has, it is
carried through: an append that was sent is resolved, whoever waits for it.

*Errors.* The original has no status codes: its clients look at ``success`` and ``error`` in the
response of a call that succeeded as such. They still find them there. A client that wants status
codes says so in the call's metadata (:data:`~eventstore_grpc.protocol.methods.ERRORS`); methods
that the original does not have always tell errors by their status.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import Executor
from typing import Any, TypeAlias, TypeVar

import grpc
from google.protobuf.message import Message

from eventstore_grpc.protocol import methods
from eventstore_grpc.protocol import storegrpc_pb2 as pb
from eventstore_grpc.protocol.methods import AS_STATUS, ERRORS, SERVICE, Method
from eventstore_grpc.received import reader_of, understood
from eventstore_grpc.server.store import Store
from eventstore_grpc.server.tail import Tail
from eventstore_grpc.statuses import (
    Failure,
    InvalidRequestError,
    Reason,
    failure_of,
    not_known_any_more,
)

logger = logging.getLogger(__name__)

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
RequestT = TypeVar("RequestT", bound=Message)
ResponseT = TypeVar("ResponseT", bound=Message)

_TRIES_BEFORE = "grpc-previous-rpc-attempts"
"""What gRPC adds to a call that it makes again."""
_IN_THE_RESPONSE: Mapping[type[Message], Callable[[str], Message]] = {
    pb.FindResponse: lambda error: pb.FindResponse(success=False, error=error),
    pb.UpdateResponse: lambda error: pb.UpdateResponse(success=False, error=error),
}
"""How the original tells an error, by the type of the response."""


class Handlers:
    """The calls of one server.

    :param writing: threads for appends.
    :param reading: threads for everything else.
    """

    def __init__(self, store: Store, tail: Tail, *, writing: Executor, reading: Executor) -> None:
        self._store = store
        self._tail = tail
        self._writing = writing
        self._reading = reading

    def generic(self) -> grpc.GenericRpcHandler:
        """Return all methods, to be added to a server."""
        store, reading = self._store, self._reading
        unary = (
            self._unary(methods.UPDATE, store.update, self._writing),
            self._unary(methods.FIND_BY_ID, store.find_by_id, reading),
            self._unary(methods.FIND_BY_TYPE, store.find_by_type, reading),
            self._unary(methods.READ_LOG, store.read_log, reading),
            self._unary(methods.FIND_LOG_END, store.find_log_end, reading),
            self._unary(methods.FIND_VERSIONS, store.find_versions, reading),
        )
        streams = (
            self._stream(methods.READ_STREAM, self._read_stream, _serialized),
            # The tail has serialized them already, once for all who follow.
            self._stream(methods.SUBSCRIBE, self._subscribe, bytes),
        )
        return grpc.method_handlers_generic_handler(SERVICE, dict((*unary, *streams)))

    def _unary(
        self,
        method: Method[RequestT, ResponseT],
        answer: Callable[[RequestT], ResponseT],
        executor: Executor,
    ) -> "tuple[str, grpc.RpcMethodHandler[Any, Any]]":
        async def handle(request: RequestT | InvalidRequestError, context: Context) -> Message:
            loop = asyncio.get_running_loop()
            try:
                return await loop.run_in_executor(executor, answer, understood(request))
            except Exception as e:  # noqa: BLE001 - whatever it is, the client is told
                return await self._tell(method, e, context)

        handler = grpc.unary_unary_rpc_method_handler(
            handle,
            request_deserializer=reader_of(method),
            response_serializer=_serialized,
        )
        return method.name, handler

    def _stream(
        self,
        method: Method[RequestT, Any],
        answer: Callable[[RequestT], AsyncIterator[Any]],
        serialize: Callable[[Any], bytes],
    ) -> "tuple[str, grpc.RpcMethodHandler[Any, Any]]":
        async def handle(
            request: RequestT | InvalidRequestError, context: Context
        ) -> AsyncIterator[Any]:
            try:
                async for response in answer(understood(request)):
                    yield response
            except Exception as e:  # noqa: BLE001 - whatever it is, the client is told
                await _abort(_failure(method, e), context)

        handler = grpc.unary_stream_rpc_method_handler(
            handle,
            request_deserializer=reader_of(method),
            response_serializer=serialize,
        )
        return method.name, handler

    async def _read_stream(self, request: pb.FindByIDRequest) -> AsyncIterator[pb.FindResponse]:
        loop = asyncio.get_running_loop()
        parts = self._store.read_stream(request)
        while (part := await loop.run_in_executor(self._reading, _next, parts)) is not None:
            yield part

    async def _subscribe(self, request: pb.SubscribeRequest) -> AsyncIterator[bytes]:
        async for page in self._tail.follow(request.after, frozenset(request.topics)):
            yield page

    async def _tell(
        self, method: Method[RequestT, ResponseT], error: Exception, context: Context
    ) -> Message:
        failure = _failure(method, error)
        if method is methods.UPDATE and _was_tried_before(context):
            failure = not_known_any_more(failure)
        as_response = _IN_THE_RESPONSE.get(method.response)
        if as_response is None or (ERRORS, AS_STATUS) in (context.invocation_metadata() or ()):
            await _abort(failure, context)
            raise AssertionError("abort raises") from error
        return as_response(failure.sentence)


def _failure(method: Method[Any, Any], error: Exception) -> Failure:
    failure = failure_of(error)
    if failure.reason is Reason.UNEXPECTED:
        logger.exception("%s failed.", method.name, exc_info=error)
    elif failure.reason in (Reason.OUTCOME_UNKNOWN, Reason.STORE_UNREACHABLE, Reason.STORE_DAMAGED):
        logger.warning("%s failed: %s", method.name, failure.sentence)
    return failure


async def _abort(failure: Failure, context: Context) -> None:
    status = failure.status()
    await context.abort(status.code, status.details, status.trailing_metadata or ())


def _was_tried_before(context: Context) -> bool:
    return any(key == _TRIES_BEFORE for key, _ in context.invocation_metadata() or ())


def _next(parts: Iterator[pb.FindResponse]) -> pb.FindResponse | None:
    return next(parts, None)


def _serialized(message: Message) -> bytes:
    return message.SerializeToString()
