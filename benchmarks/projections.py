"""Read models: feeds by themselves, catching up, two shards, and from a commit to a row."""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from threading import Event, Thread
from time import perf_counter, sleep
from uuid import UUID, uuid4

from eventsourcing.persistence import StoredEvent

from benchmarks.measure import Sample, percentiles
from benchmarks.nodes import keyspace
from patientmgmt.domain.commands import AdmitPatient
from patientmgmt.runtime import MODELS, Runtime, open_runtime
from projections.checkpoints import Checkpoints
from projections.database import Generation
from projections.feeds.feed import Feed
from projections.generations import Generations
from projections.projection import Projection
from projections.shards import Shard

EVENTS_OF_A_PATIENT = 5
WRITERS = 32
WARDS = 40
COMMANDS_PER_SECOND = 200
WAITERS = 32
"""Threads that each carry out a command and wait for its row."""
LOOKS = 0.001
"""Seconds between two looks at a row."""


@dataclass(frozen=True)
class CatchingUp:
    """Rates of one process over the same events, in events per second."""

    events: int
    type_view: float
    """Of the feed by itself."""
    log: float
    models: Mapping[str, float]
    two_shards: float
    """Of two processes with one shard of the ward board each."""


def catching_up(env: Mapping[str, str], *, events: int) -> CatchingUp:
    """Fill an event store, and let each read model read it from its beginning."""
    with keyspace(env) as inside:
        with open_runtime(inside) as runtime:
            _fill(runtime, events)
            view = _feed_rate(runtime.feed)
            models = {name: _catch_up(runtime, name) for name in MODELS}
            _begin_again(runtime, "ward_board")
        with open_runtime({**inside, "PATIENTMGMT_FEED": "log"}) as runtime:
            log = _feed_rate(runtime.feed)
        shards = _in_processes(inside, 2)
    return CatchingUp(events, view, log, models, events / shards)


def to_rows(env: Mapping[str, str], *, seconds: float) -> tuple[float, float]:
    """Return p50 and p99 in seconds, from before an admission until the board has it."""
    with keyspace(env) as inside:
        stop, ready = get_context("spawn").Event(), get_context("spawn").Event()
        worker = get_context("spawn").Process(target=_work, args=(inside, ready, stop))
        worker.start()
        try:
            ready.wait(60)
            with open_runtime(inside) as runtime:
                return percentiles([_admissions(runtime, seconds)])
        finally:
            stop.set()
            worker.join(30)


def _fill(runtime: Runtime, events: int) -> None:
    def admit(number: int) -> None:
        id_, ward = uuid4(), f"Ward {number % WARDS}"
        common = {"id": str(id_), "recorded_at": "2026-01-01T12:00:00+00:00"}
        admission = {**common, "name": f"Patient {number}", "age": number % 90, "ward": ward}
        told: list[tuple[str, Mapping[str, object]]] = [("PatientAdmitted", admission)]
        for n in range(EVENTS_OF_A_PATIENT - 2):
            moved = {**common, "new_ward": f"Ward {(number + n) % WARDS}"}
            told.append(("PatientTransferred", moved))
        if number % 2:
            told.append(("PatientDischarged", common))
        runtime.application.recorder.insert_events(
            [
                StoredEvent(id_, version, topic, json.dumps(payload).encode())
                for version, (topic, payload) in enumerate(told, start=1)
            ]
        )

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(admit, range(events // EVENTS_OF_A_PATIENT)))


def _feed_rate(feed: Feed) -> float:
    place, found, began = None, 0, perf_counter()
    while True:
        batch = feed.poll(place)
        found, place = found + len(batch.events), batch.checkpoint
        if not batch.more:
            return found / (perf_counter() - began)


def _catch_up(runtime: Runtime, name: str) -> float:
    projection = Projection(
        _begin_again(runtime, name), runtime.feed, runtime.database, runtime.decode
    )
    began = perf_counter()
    return projection.catch_up() / (perf_counter() - began)


def _begin_again(runtime: Runtime, name: str) -> Generation:
    live = Generations(runtime.database).live(MODELS[name])
    Checkpoints(runtime.database.records, live).forget_all()
    runtime.database.empty(live)
    return live


def _in_processes(env: Mapping[str, str], count: int) -> float:
    """Return how many seconds so many processes need for the ward board together."""
    context = get_context("spawn")
    barrier = context.Barrier(count + 1)
    processes = [
        context.Process(target=_follow_shard, args=(env, shard, barrier))
        for shard in Shard.every(count)
    ]
    for process in processes:
        process.start()
    barrier.wait(60)
    began = perf_counter()
    for process in processes:
        process.join()
    return perf_counter() - began


def _follow_shard(env: Mapping[str, str], shard: Shard, barrier: Barrier) -> None:
    with open_runtime(env) as runtime:
        live = Generations(runtime.database).live(MODELS["ward_board"])
        projection = Projection(live, runtime.feed, runtime.database, runtime.decode, shard=shard)
        barrier.wait(60)
        projection.catch_up()


def _work(env: Mapping[str, str], ready: Event, stop: Event) -> None:
    with open_runtime(env) as runtime:
        worker = runtime.worker(in_crew=True)
        worker.catch_up()
        thread = Thread(target=worker.run)
        thread.start()
        ready.set()
        stop.wait()
        worker.stop()
        thread.join()


def _admissions(runtime: Runtime, seconds: float) -> Sample:
    pace = WAITERS / COMMANDS_PER_SECOND
    end = perf_counter() + seconds

    def admit_and_wait(number: int) -> list[float]:
        took: list[float] = []
        sleep(number / COMMANDS_PER_SECOND)
        while (began := perf_counter()) < end:
            patient = runtime.application.admit(AdmitPatient(name="Ida Moe", age=40, ward="AA"))
            _wait_for(runtime, patient.patient_id)
            took.append(perf_counter() - began)
            sleep(max(0, began + pace - perf_counter()))
        return took

    with ThreadPoolExecutor(WAITERS) as pool:
        latencies = [one for some in pool.map(admit_and_wait, range(WAITERS)) for one in some]
    return Sample(len(latencies) / seconds, latencies)


def _wait_for(runtime: Runtime, patient_id: UUID) -> None:
    while runtime.queries.board.version(patient_id) < 1:
        sleep(LOOKS)
