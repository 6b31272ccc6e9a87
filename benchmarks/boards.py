"""What it costs that nothing happens, and that fifty boards are open while something does.

Web server, worker, browsers and commands are processes of their own. The boards ask as pages do:
every two seconds, with the tag of what they have. Commands go through the same web server.
"""

import json
import logging
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from multiprocessing.connection import Connection
from statistics import quantiles
from threading import Thread
from time import perf_counter, process_time, sleep

from benchmarks.counting import requests_of
from benchmarks.filling import admission, fill
from benchmarks.nodes import keyspace
from benchmarks.working import CONTEXT, Usage, working
from patientmgmt.runtime import open_runtime
from patientmgmt.web import create_app, stop_background_work
from patientmgmt.web.server import listen, serve

PATIENTS = 600
BOARDS = 50
PERIOD = 2.0
"""Seconds from one look of an open board to the next."""
COMMANDS_PER_SECOND = 10
CALM = 15.0
"""Seconds after the last event in which a worker still looks for late ones."""


@dataclass(frozen=True)
class Idle:
    """A worker to whom nothing happens."""

    requests_per_second: float
    cpu: float
    """Of one core."""


@dataclass(frozen=True)
class Open:
    """Commands through a web server on which so many boards are open."""

    boards: int
    looks_per_second: float
    unchanged: float
    """Looks that were answered 304, as a part of all."""
    server_cpu: float
    """Of one core."""
    server_requests_per_second: float
    """To Cassandra."""
    p50: float
    """Seconds for a command; so is p95."""
    p95: float


@dataclass(frozen=True)
class Boards:
    """All of it."""

    idle: Idle
    unwatched: Open
    """Commands without open boards."""
    calm: Open
    """Open boards without commands; it has no percentiles."""
    busy: Open
    """Open boards, and commands that change them."""


def boards(env: Mapping[str, str], *, seconds: float) -> Boards:
    """Measure each for so many seconds."""
    with keyspace(env) as inside:
        with open_runtime(inside) as runtime:
            fill(runtime, PATIENTS, lambda number: [admission(number)])
        with working(inside) as [worker], _serving(inside) as server:
            sleep(CALM)
            before, began = worker.usage(), perf_counter()
            sleep(seconds)
            after, took = worker.usage(), perf_counter() - began
            idle = Idle(
                (after.requests - before.requests) / took,
                (after.cpu_seconds - before.cpu_seconds) / took,
            )
            return Boards(
                idle,
                server.measure(0, seconds, commands=True),
                server.measure(BOARDS, seconds, commands=False),
                server.measure(BOARDS, seconds, commands=True),
            )


class _Server:
    """A web server in a process of its own."""

    def __init__(self, pipe: Connection, port: int) -> None:
        self._pipe = pipe
        self._port = port

    def measure(self, count: int, seconds: float, *, commands: bool) -> Open:
        """Let so many boards be open for so many seconds, and commands come beside them."""
        with ThreadPoolExecutor(2) as pool:
            asking = pool.submit(_look, self._port, count, seconds) if count else None
            before = self._usage()
            latencies = _command(self._port, seconds) if commands else []
            statuses = asking.result() if asking else []
            after = self._usage()
        cuts = quantiles(latencies, n=100) if commands else [0.0] * 99
        return Open(
            count,
            len(statuses) / seconds,
            statuses.count(304) / len(statuses) if statuses else 0.0,
            (after.cpu_seconds - before.cpu_seconds) / seconds,
            (after.requests - before.requests) / seconds,
            cuts[49],
            cuts[94],
        )

    def _usage(self) -> Usage:
        self._pipe.send("usage")
        usage: Usage = self._pipe.recv()
        return usage


@contextmanager
def _serving(env: Mapping[str, str]) -> Iterator[_Server]:
    ours, theirs = CONTEXT.Pipe()
    process = CONTEXT.Process(target=_serve, args=(env, theirs), daemon=True)
    process.start()
    try:
        yield _Server(ours, ours.recv())
    finally:
        process.terminate()
        process.join(30)


def _serve(env: Mapping[str, str], pipe: Connection) -> None:
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    with open_runtime(env) as runtime, listen("127.0.0.1", 0) as listener:
        requests = requests_of(runtime)
        app = create_app(runtime.application, runtime.queries, {"SECRET_KEY": "measured"})
        port = listener.getsockname()[1]

        def tell() -> None:
            pipe.send(port)
            while pipe.recv():
                pipe.send(Usage(process_time(), requests()))

        Thread(target=tell, daemon=True).start()
        try:
            serve(app, listener, ready=lambda _: None)
        finally:
            stop_background_work(app)


def _look(port: int, count: int, seconds: float) -> list[int]:
    """Ask as open boards do, in a process of their own; return the status of each answer."""
    with CONTEXT.Pool(1) as pool:
        statuses: list[int] = pool.apply(_look_here, (port, count, seconds))
        return statuses


def _look_here(port: int, count: int, seconds: float) -> list[int]:
    end = perf_counter() + seconds

    def look(number: int) -> list[int]:
        connection = HTTPConnection("127.0.0.1", port, timeout=10)
        statuses, tag, due = [], "", perf_counter() + number * PERIOD / count
        while due < end:
            sleep(max(0, due - perf_counter()))
            connection.request("GET", "/board", headers={"If-None-Match": tag})
            answer = connection.getresponse()
            answer.read()
            tag = answer.headers["ETag"]
            statuses.append(answer.status)
            due += PERIOD
        connection.close()
        return statuses

    with ThreadPoolExecutor(count) as pool:
        return [status for some in pool.map(look, range(count)) for status in some]


def _command(port: int, seconds: float) -> list[float]:
    """Admit patients at a steady rate, and return how long each command took."""
    connection, latencies = HTTPConnection("127.0.0.1", port, timeout=10), list[float]()
    began = due = perf_counter()
    while due < began + seconds:
        sleep(max(0, due - perf_counter()))
        _, told = admission(len(latencies))
        sent = perf_counter()
        connection.request(
            "POST", "/api/patients", json.dumps(told), {"Content-Type": "application/json"}
        )
        answer = connection.getresponse()
        answer.read()
        if answer.status not in (200, 201):
            raise ValueError(f"Expected that a patient is admitted, found {answer.status}.")
        latencies.append(perf_counter() - sent)
        due += 1 / COMMANDS_PER_SECOND
    connection.close()
    return latencies
