"""A projection worker in a process of its own, and what it uses."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from threading import Thread
from time import monotonic, process_time, sleep

from benchmarks.counting import requests_of
from patientmgmt.runtime import MODELS, open_runtime
from projections.crew import members, shard_count

CONTEXT = get_context("spawn")
SETTLING = 30.0
"""Seconds in which workers divide the work among them."""


@dataclass(frozen=True)
class Usage:
    """What a process has used so far."""

    cpu_seconds: float
    requests: int
    """To Cassandra."""


class Working:
    """A worker that runs."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def usage(self) -> Usage:
        """Return what it has used so far."""
        self._pipe.send("usage")
        usage: Usage = self._pipe.recv()
        return usage


@contextmanager
def working(env: Mapping[str, str], count: int = 1) -> Iterator[list[Working]]:
    """Run so many workers beside the block, which begins when they have divided the work."""
    with ExitStack() as stack:
        workers = [stack.enter_context(_one(env)) for _ in range(count)]
        _wait_until_divided(env, count)
        yield workers


@contextmanager
def _one(env: Mapping[str, str]) -> Iterator[Working]:
    ours, theirs = CONTEXT.Pipe()
    process = CONTEXT.Process(target=_work, args=(env, theirs))
    process.start()
    try:
        ours.recv()
        yield Working(ours)
    finally:
        ours.send(None)
        process.join(30)


def _work(env: Mapping[str, str], pipe: Connection) -> None:
    with open_runtime(env) as runtime:
        requests = requests_of(runtime)
        worker = runtime.worker(in_crew=True)
        thread = Thread(target=worker.run)
        thread.start()
        pipe.send("ready")
        while pipe.recv() is not None:
            pipe.send(Usage(process_time(), requests()))
        worker.stop()
        thread.join()


def _wait_until_divided(env: Mapping[str, str], count: int) -> None:
    deadline = monotonic() + SETTLING
    with open_runtime(env) as runtime:
        records = runtime.database.records
        while True:
            held = [len(member.parts) for member in members(records)]
            is_all = sum(held) == len(MODELS) * shard_count(records)
            if is_all and len(held) == count and all(held):
                return
            if monotonic() > deadline:
                raise TimeoutError(f"{count} workers did not divide the work: they hold {held}.")
            sleep(0.1)
