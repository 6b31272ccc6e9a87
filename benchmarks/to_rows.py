"""From an acknowledged command to its row on the ward board, as a reader elsewhere sees it.

Each in a process of its own, as in earnest: one carries out commands at a steady rate, one or two
are workers, and one looks at the board. Patients are admitted to a ward that is new every tenth of
a second, and a look reads one such ward: so looking costs a query of some twenty rows, however many
wait. The first seconds warm up and do not count.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from threading import Lock
from time import perf_counter, sleep
from uuid import UUID

from benchmarks.measure import Sample, percentiles
from benchmarks.nodes import keyspace
from benchmarks.working import CONTEXT, working
from patientmgmt.domain.commands import AdmitPatient
from patientmgmt.runtime import MODELS, open_runtime
from projections.generations import LiveTables
from read_models.ward_board import ON_WARD

COMMANDS_PER_SECOND = 200
SENDERS = 16
WARDS_PER_SECOND = 10
LOOKS = 0.003
"""Seconds between two looks."""
WARM_UP = 5.0
"""Seconds."""
PATIENCE = 30.0
"""Seconds after the last command in which its row must come."""

Admitted = tuple[str, UUID, float]
"""A ward, a patient, and when the command was acknowledged, by the clock that processes share."""


@dataclass(frozen=True)
class ToRows:
    """What came of it."""

    workers: int
    per_second: float
    """Commands."""
    p50: float
    """Seconds from acknowledgement to row; so is p99."""
    p99: float
    cpu: float
    """Of one core, by all workers together."""


def to_rows(env: Mapping[str, str], *, workers: int, seconds: float) -> ToRows:
    """Admit patients for so many seconds, and return how long after that the board had them."""
    with keyspace(env) as inside, working(inside, workers) as all_workers:
        ours, theirs = CONTEXT.Pipe()
        watcher = CONTEXT.Process(target=_watch, args=(inside, theirs))
        watcher.start()
        ours.recv()
        before = sum(worker.usage().cpu_seconds for worker in all_workers)
        sent = _admit(inside, ours, WARM_UP + seconds)
        cpu = sum(worker.usage().cpu_seconds for worker in all_workers) - before
        ours.send(None)
        latencies: list[float] = ours.recv()
        watcher.join()
    warm = latencies[int(WARM_UP * COMMANDS_PER_SECOND) :]
    p50, p99 = percentiles([Sample(0, warm)])
    took = WARM_UP + seconds
    return ToRows(workers, sent / took, p50, p99, cpu / took)


def _admit(env: Mapping[str, str], watcher: Connection, seconds: float) -> int:
    pace, lock = SENDERS / COMMANDS_PER_SECOND, Lock()
    with open_runtime(env) as runtime, ThreadPoolExecutor(SENDERS) as pool:
        began = perf_counter()

        def send(number: int) -> int:
            sent, due = 0, began + number / COMMANDS_PER_SECOND
            while due < began + seconds:
                sleep(max(0, due - perf_counter()))
                ward = f"Ward {int((perf_counter() - began) * WARDS_PER_SECOND)}"
                command = AdmitPatient(name="Ida Moe", age=40, ward=ward)
                admitted = runtime.application.admit(command)
                found: Admitted = (ward, admitted.patient_id, perf_counter())
                with lock:
                    watcher.send(found)
                sent += 1
                due += pace
            return sent

        return sum(pool.map(send, range(SENDERS)))


def _watch(env: Mapping[str, str], pipe: Connection) -> None:
    """Look for each patient that is told through the pipe; tell at the end how long each took."""
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
