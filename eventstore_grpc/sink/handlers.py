"""The methods of the service as gRPC calls them: each request is logged, and answered at once."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, TypeAlias, TypeVar

import grpc
from google.protobuf.message import Message

from eventstore_grpc.protocol import methods
from eventstore_grpc.protocol import storegrpc_pb2 as pb
from eventstore_grpc.protocol.methods import SERVICE, Method
from eventstore_grpc.received import reader_of, understood
from eventstore_grpc.sink import answers
from eventstore_grpc.sink.seen import Counts, described
from eventstore_grpc.statuses import Failure, InvalidRequestError, Reason, failure_of

logger = logging.getLogger(__name__)

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
RequestT = TypeVar("RequestT", bound=Message)
ResponseT = TypeVar("ResponseT", bound=Message)


class Handlers:
    """The calls of one sink. To be made and used in one event loop.

    :param mirrored: is called with each append.
    """

    def __init__(self, mirrored: Callable[[pb.UpdateRequest], None]) -> None:
        self.counts = Counts()
        self._mirrored = mirrored
        self._is_closed = asyncio.Event()

    def close(self) -> None:
        """Send those away who follow the log."""
        self._is_closed.set()

    def generic(self) -> grpc.GenericRpcHandler:
        """Return all methods, to be added to a server."""
        unary = (
            self._unary(methods.UPDATE, self._update),
            self._unary(methods.FIND_BY_ID, answers.find_by_id),
            self._unary(methods.FIND_BY_TYPE, answers.find_by_type),
            self._unary(methods.READ_LOG, answers.read_log),
            self._unary(methods.FIND_LOG_END, answers.find_log_end),
            self._unary(methods.FIND_VERSIONS, answers.find_versions),
        )
        streams = (
            self._stream(methods.READ_STREAM, is_endless=False),
            self._stream(methods.SUBSCRIBE, is_endless=True),
        )
        return grpc.method_handlers_generic_handler(SERVICE, dict((*unary, *streams)))

    def _update(self, request: pb.UpdateRequest) -> pb.UpdateResponse:
        self._mirrored(request)
        return answers.update(request)

    def _unary(
        self, method: Method[RequestT, ResponseT], answer: Callable[[RequestT], ResponseT]
    ) -> "tuple[str, grpc.RpcMethodHandler[Any, Any]]":
        async def handle(request: RequestT | InvalidRequestError, context: Context) -> ResponseT:
            return answer(await self._logged(method, request, context))

        handler = grpc.unary_unary_rpc_method_handler(
            handle,
            request_deserializer=reader_of(method),
            response_serializer=method.response.SerializeToString,
        )
        return method.name, handler

    def _stream(
        self, method: Method[RequestT, ResponseT], *, is_endless: bool
    ) -> "tuple[str, grpc.RpcMethodHandler[Any, Any]]":
        async def handle(
            request: RequestT | InvalidRequestError, context: Context
        ) -> AsyncIterator[ResponseT]:
            await self._logged(method, request, context)
            if is_endless:
                await self._is_closed.wait()
                await _abort(Failure(Reason.GOING_AWAY, "The sink ends."), context)
            nothing: Sequence[ResponseT] = ()
            for response in nothing:
                yield response

        handler = grpc.unary_stream_rpc_method_handler(
            handle,
            request_deserializer=reader_of(method),
            response_serializer=method.response.SerializeToString,
        )
        return method.name, handler

    async def _logged(
        self, method: Method[RequestT, Any], request: RequestT | InvalidRequestError, call: Context
    ) -> RequestT:
        """Count and log a request, and return it; the call ends with one that cannot be read."""
        try:
            found = understood(request)
        except InvalidRequestError as e:
            self.counts.requests[method.name] += 1
            logger.warning("%s: %s So far %s.", method.name, e, self.counts)
            await _abort(failure_of(e), call)
            raise
        size = self.counts.add(method.name, found)
        logger.info(
            "%s: %s; %d bytes. So far %s.", method.name, described(found), size, self.counts
        )
        return found


async def _abort(failure: Failure, context: Context) -> None:
    status = failure.status()
    await context.abort(status.code, status.details, status.trailing_metadata or ())
