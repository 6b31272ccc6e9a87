"""Processes that append at the same time, and stay for as long as they are measured."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from threading import BrokenBarrierError, Lock
from time import sleep
from typing import Any

from cassandra.cluster import ResponseFuture

from benchmarks.measure import Sample, stretch, unanswered
from benchmarks.operations import Appending, appending
from eventstore_cassandra.reads import is_read

WARM_UP_SECONDS = 1.0


@dataclass(frozen=True)
class Done:
    """What one process did in one stretch."""

    sample: Sample
    reads: int
    """Requests that read; several for an append, or a part of one where threads share them."""
    writes: int


class Processes:
    """Some processes, each with a connection for each kind of append. See :func:`started`."""

    def __init__(self, ends: Sequence[Connection]) -> None:
        self._ends = ends

    def measure(self, what: str, seconds: float) -> list[Done]:
        """Have all of them append for some seconds, beginning together."""
        for end in self._ends:
            end.send((what, seconds))
        return [_received(end) for end in self._ends]


@contextmanager
def started(
    env: Mapping[str, str],
    kinds: Sequence[str],
    *,
    processes: int,
    threads: int,
    delay: float = 0.0,
) -> Iterator[Processes]:
    """Start so many processes of so many threads, and end them with the block.

    :param delay: seconds that each request of the first process waits before it is sent.
    """
    context = get_context("spawn")
    begin = context.Barrier(processes)
    ends: list[Connection] = []
    running = []
    for number in range(processes):
        end, other = context.Pipe()
        arguments = (dict(env), kinds, threads, 0.0 if number else delay, begin, other)
        process = context.Process(target=_work, args=arguments, daemon=True)
        process.start()
        other.close()
        ends.append(end)
        running.append(process)
    try:
        for end in ends:
            _received(end)
        yield Processes(ends)
    finally:
        begin.abort()
        for end in ends:
            end.close()
        for process in running:
            process.join()


def _received(end: Connection) -> Any:
    try:
        return end.recv()
    except EOFError:
        raise RuntimeError("One of the processes has ended: its error stands above.") from None


def total(done: Sequence[Done]) -> Sample:
    """Return what all processes did together."""
    samples = [each.sample for each in done]
    return Sample(
        sum(sample.per_second for sample in samples),
        [latency for sample in samples for latency in sample.latencies],
        unanswered(samples),
    )


class _Requests:
    """Counts the requests of a connection, and delays them."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._lock = Lock()
        self.reads = self.writes = 0

    def __call__(self, request: ResponseFuture) -> None:
        with self._lock:
            if is_read(request.query):
                self.reads += 1
            else:
                self.writes += 1
        if self._delay:
            sleep(self._delay)


def _work(
    env: dict[str, str],
    kinds: Sequence[str],
    threads: int,
    delay: float,
    begin: Any,
    end: Connection,
) -> None:
    with ExitStack() as stack:
        opened = {kind: stack.enter_context(appending(env, kind)) for kind in kinds}
        counts = {kind: _watched(each, delay) for kind, each in opened.items()}
        for each in opened.values():
            stretch(each.append, threads=2, seconds=WARM_UP_SECONDS)
        end.send("ready")
        while True:
            try:
                what, seconds = end.recv()
            except EOFError:
                return
            counted = counts[what]
            before = counted.reads, counted.writes
            try:
                begin.wait()
            except BrokenBarrierError:  # one of the others has ended
                return
            sample = stretch(opened[what].append, threads=threads, seconds=seconds)
            end.send(Done(sample, counted.reads - before[0], counted.writes - before[1]))


def _watched(opened: Appending, delay: float) -> _Requests:
    requests = _Requests(delay)
    opened.datastore.session.add_request_init_listener(requests)
    return requests
