"""From an acknowledged command to its row on the ward board, as a reader elsewhere sees it.

Three processes, as in a hospital: one carries out commands at a steady rate, one is the worker, and
one looks at the board. Patients are admitted to a ward that is new every tenth of a second, and a
look reads one such ward: so looking costs a query of some twenty rows, however many wait.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from threading import Thread
from time import perf_counter, process_time, sleep
from uuid import UUID

from benchmarks.measure import Sample, percentiles
from benchmarks.nodes import keyspace
from patientmgmt.domain.commands import AdmitPatient
from patientmgmt.runtime import MODELS, open_runtime
from projections.generations import LiveTables
from read_models.ward_board import ON_WARD

COMMANDS_PER_SECOND = 200
SENDERS = 16
WARDS_PER_SECOND = 10
LOOKS = 0.003
"""Seconds between two looks."""
PATIENCE = 30.0
"""Seconds after the last command in which its row must come."""

_CONTEXT = get_context("spawn")
Admitted = tuple[str, UUID, float]
"""A ward, a patient, and when the command was acknowledged, by the clock that processes share."""


@dataclass(frozen=True)
class ToRows:
    """What came of it."""

    commands_per_second: float
    p50: float
    """Seconds from acknowledgement to row; so is p99."""
    p99: float
    worker_cpu: float
    """Of one core, while commands came."""


def to_rows(env: Mapping[str, str], *, seconds: float) -> ToRows:
    """Admit patients for so many seconds, and return how long after that the board had them."""
    with keyspace(env) as inside, working(inside) as worker:
        ours, theirs = _CONTEXT.Pipe()
        watcher = _CONTEXT.Process(target=_watch, args=(inside, theirs))
        watcher.start()
        ours.recv()
        before = worker.cpu_seconds()
        sent = _admit(inside, ours, seconds)
        cpu = worker.cpu_seconds() - before
        ours.send(None)
        latencies = ours.recv()
        watcher.join()
    p50, p99 = percentiles([Sample(0, latencies)])
    return ToRows(sent / seconds, p50, p99, cpu / seconds)


class Working:
    """A worker in a process of its own."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def cpu_seconds(self) -> float:
        """Return the processor time that it has used so far."""
        self._pipe.send("cpu")
        return float(self._pipe.recv())


@contextmanager
def working(env: Mapping[str, str]) -> Iterator[Working]:
    """Run a worker beside the block, which begins when it has caught up."""
    ours, theirs = _CONTEXT.Pipe()
    process = _CONTEXT.Process(target=_work, args=(env, theirs))
    process.start()
    try:
        ours.recv()
        yield Working(ours)
    finally:
        ours.send(None)
        process.join(30)


def _work(env: Mapping[str, str], pipe: Connection) -> None:
    import sys

    hasattr(sys, "_patchw") and sys._patchw()
    with open_runtime(env) as runtime:
        worker = runtime.worker(in_crew=True)
        worker.catch_up()
        thread = Thread(target=worker.run)
        thread.start()
        pipe.send("ready")
        while pipe.recv() is not None:
            pipe.send(process_time())
        worker.stop()
        thread.join()


def _admit(env: Mapping[str, str], watcher: Connection, seconds: float) -> int:
    pace = SENDERS / COMMANDS_PER_SECOND
    with open_runtime(env) as runtime, ThreadPoolExecutor(SENDERS) as pool:
        warm_up = AdmitPatient(name="Ida Moe", age=40, ward="Warm-up")
        runtime.application.admit(warm_up)
        began = perf_counter()

        def send(number: int) -> int:
            sent, due = 0, began + number / COMMANDS_PER_SECOND
            while due < began + seconds:
                sleep(max(0, due - perf_counter()))
                ward = f"Ward {int((perf_counter() - began) * WARDS_PER_SECOND)}"
                admitted = runtime.application.admit(
                    AdmitPatient(name="Ida Moe", age=40, ward=ward)
                )
                found: Admitted = (ward, admitted.patient_id, perf_counter())
                watcher.send(found)
                sent += 1
                due += pace
            return sent

        return sum(pool.map(send, range(SENDERS)))


def _watch(env: Mapping[str, str], pipe: Connection) -> None:
    """Look for each patient that is told through the pipe; tell how long each took at the end."""
    waiting: dict[str, dict[UUID, float]] = {}
    latencies: list[float] = []
    end = None
    with open_runtime(env) as runtime:
        tables = LiveTables(runtime.database, MODELS["ward_board"]).tables
        pipe.send("ready")
        while end is None or (waiting and perf_counter() < end):
            while end is None and pipe.poll():
                told: Admitted | None = pipe.recv()
                if told is None:
                    end = perf_counter() + PATIENCE
                    break
                ward, patient_id, acknowledged = told
                waiting.setdefault(ward, {})[patient_id] = acknowledged
            for ward in [*waiting]:
                rows = tables().select(ON_WARD, (ward,))
                seen = perf_counter()
                there = [row.patient_id for row in rows if row.patient_id in waiting[ward]]
                latencies += [seen - waiting[ward].pop(patient_id) for patient_id in there]
                if not waiting[ward]:
                    del waiting[ward]
            sleep(LOOKS)
    if waiting:
        raise TimeoutError(f"Rows of {sum(map(len, waiting.values()))} patients did not come.")
    pipe.send(latencies)
