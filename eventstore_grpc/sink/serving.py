"""A sink from its start to its end.

At its end it finishes the comparison: first with the log, as far as that goes then, while what is
mirrored can still come; then, when all calls have ended, with the appends that have come.
"""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from eventstore_grpc.remote.connection import Connection
from eventstore_grpc.remote.settings import ClientSettings
from eventstore_grpc.server.serving import Ready, listening, stop_signal
from eventstore_grpc.server.settings import ServerSettings
from eventstore_grpc.sink import report
from eventstore_grpc.sink.comparison import PATIENCE, Comparison
from eventstore_grpc.sink.handlers import Handlers
from eventstore_grpc.sink.reading import StoreReader
from eventstore_grpc.sink.watching import LOOKS, Watch

REPORT_SECONDS = 60.0

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Compare:
    """What the sink compares with."""

    store: ClientSettings
    patience: float = PATIENCE
    """Seconds that one side may be behind the other."""


def serve(
    settings: ServerSettings,
    ready: Ready,
    *,
    compare: Compare | None = None,
    report_seconds: float = REPORT_SECONDS,
    tell: Tell,
) -> bool:
    """Take what is mirrored until SIGINT or SIGTERM.

    Return whether both sides have the same, as far as they were to be compared.

    :param tell: receives the reports.
    :raises OSError: when the port is taken, or a certificate cannot be read.
    """
    if compare is None:
        asyncio.run(_serve(settings, ready, report_seconds, tell))
        return True
    with (
        closing(Connection(compare.store)) as connection,
        ThreadPoolExecutor(LOOKS, "compare") as executor,
    ):
        reader = StoreReader(connection)
        serving = _serve_and_compare(
            settings, ready, report_seconds, tell, compare, reader, executor
        )
        return asyncio.run(serving)


async def _serve(settings: ServerSettings, ready: Ready, report_seconds: float, tell: Tell) -> None:
    stop = stop_signal()
    handlers = Handlers(lambda _request: None)

    def report_now() -> None:
        tell(report.seen(handlers.counts))

    async with listening(settings, handlers.generic(), ready, before_end=handlers.close):
        await _until(stop, _repeat(report_now, report_seconds))
    report_now()


async def _serve_and_compare(
    settings: ServerSettings,
    ready: Ready,
    report_seconds: float,
    tell: Tell,
    compare: Compare,
    reader: StoreReader,
    executor: ThreadPoolExecutor,
) -> bool:
    stop, loop = stop_signal(), asyncio.get_running_loop()
    comparison = Comparison(compare.patience)
    store = compare.store.address

    def begun(position: int) -> None:
        tell(f"Comparing with the store at {store}, its log behind position {position}.")

    def report_now() -> None:
        tell(report.seen(handlers.counts))
        tell(report.compared(comparison, watch, store))
        comparison.begin_report()

    watch = Watch(comparison, reader, executor, begun=begun)
    handlers = Handlers(lambda request: comparison.mirrored(request, loop.time()))
    async with listening(settings, handlers.generic(), ready, before_end=handlers.close):
        await _until(stop, _repeat(report_now, report_seconds), watch.run())
        await watch.finish_log(compare.patience)
    await watch.finish_appends(compare.patience)
    comparison.give_up_all()
    report_now()
    return report.is_whole(comparison, watch)


async def _until(stop: asyncio.Event, *jobs: Coroutine[Any, Any, None]) -> None:
    """Do the jobs until the stop; whatever one of them raises passes through."""
    tasks = [asyncio.ensure_future(each) for each in (stop.wait(), *jobs)]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _repeat(job: Callable[[], None], seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds)
        job()
