"""A server from its start to its end.

It ends at once for those who come, and late for those who are there: it says that it does not serve
any more, sends away who follows the log, lets the calls under way come to their end, and resolves
the appends whose clients did not wait for it.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from eventstore_cassandra import CassandraApplicationRecorder
from eventstore_grpc.messages import MAX_RECEIVED_BYTES
from eventstore_grpc.protocol.methods import SERVICE
from eventstore_grpc.server.handlers import Handlers
from eventstore_grpc.server.settings import ServerSettings
from eventstore_grpc.server.store import Store
from eventstore_grpc.server.tail import CATCHING_UP, Tail

WRITING, READING = 32, 16
"""Threads. More of them crowd each other out: 64 made appends slower than 32."""
GRACE = 5.0
"""Seconds for calls under way, once the server is to end."""
_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_RECEIVED_BYTES),
    ("grpc.max_send_message_length", -1),
    # Else a second server on the same port gets half of the calls, and nobody is told.
    ("grpc.so_reuseport", 0),
    # Clients may ask whether it is still there, and those whose machine has vanished are let go.
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
)

Ready = Callable[[int], None]
"""Is called with the port once the server listens."""


def serve(recorder: CassandraApplicationRecorder, settings: ServerSettings, ready: Ready) -> None:
    """Serve the store until SIGINT or SIGTERM.

    :raises OSError: when the port is taken, or a certificate cannot be read.
    """
    asyncio.run(_serve(recorder, settings, ready))


async def _serve(
    recorder: CassandraApplicationRecorder, settings: ServerSettings, ready: Ready
) -> None:
    with (
        ThreadPoolExecutor(WRITING, "append") as writing,
        ThreadPoolExecutor(READING, "read") as reading,
        ThreadPoolExecutor(1 + CATCHING_UP, "follow") as following,
    ):
        tail = Tail(recorder, recorder.event_types.type_of, executor=following)
        handlers = Handlers(Store(recorder), tail, writing=writing, reading=reading)
        async with listening(settings, handlers.generic(), ready, before_end=tail.close):
            await stop_signal().wait()


@asynccontextmanager
async def listening(
    settings: ServerSettings,
    handlers: grpc.GenericRpcHandler,
    ready: Ready,
    *,
    before_end: Callable[[], None] = lambda: None,
) -> AsyncIterator[None]:
    """Serve the methods, with health and reflection, as long as the block runs.

    :raises OSError: when the port is taken, or a certificate cannot be read.
    """
    server = grpc.aio.server(options=_OPTIONS)
    server.add_generic_rpc_handlers((handlers,))
    checks = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    names = (SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME)
    reflection.enable_server_reflection(names, server)
    port = _listen(server, settings)
    await server.start()
    for name in ("", SERVICE):
        await checks.set(name, health_pb2.HealthCheckResponse.SERVING)
    ready(port)
    try:
        yield
    finally:
        await _end(server, checks.enter_graceful_shutdown, before_end)


def _listen(server: grpc.aio.Server, settings: ServerSettings) -> int:
    credentials = settings.credentials()
    try:
        if credentials is None:
            return server.add_insecure_port(settings.target)
        return server.add_secure_port(settings.target, credentials)
    except RuntimeError as e:
        raise OSError(
            f"Cannot listen at {settings.target}: it is taken, or not an address of this machine. "
            "Choose another with --host and --port."
        ) from e


async def _end(
    server: grpc.aio.Server,
    say_so: Callable[[], Awaitable[None]],
    before_end: Callable[[], None],
) -> None:
    await say_so()
    before_end()
    await server.stop(GRACE)


def stop_signal() -> asyncio.Event:
    """Return what SIGINT and SIGTERM set from now on."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop
