"""Read models that catch up: feeds by themselves, each model, two shards, and memory."""

from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from os import sysconf
from pathlib import Path
from time import perf_counter

from benchmarks.filling import WARDS, Told, admission, begin_again, fill
from benchmarks.nodes import keyspace
from patientmgmt.runtime import MODELS, Runtime, open_runtime
from projections.feeds.feed import Feed
from projections.generations import Generations
from projections.projection import Projection
from projections.shards import Shard

EVENTS_OF_A_PATIENT = 5
BOARD = "ward_board"
_CONTEXT = get_context("spawn")


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
    mib_early: float
    """Memory of a process that follows the ward board, after a tenth of the events."""
    mib_at_end: float


def catching_up(env: Mapping[str, str], *, events: int) -> CatchingUp:
    """Fill an event store, and let each read model read it from its beginning."""
    with keyspace(env) as inside:
        with open_runtime(inside) as runtime:
            fill(runtime, events // EVENTS_OF_A_PATIENT, _five_events)
            view = _feed_rate(runtime.feed)
            models = {name: _catch_up(runtime, name) for name in MODELS}
            begin_again(runtime, BOARD)
        with open_runtime({**inside, "PATIENTMGMT_FEED": "log"}) as runtime:
            log = _feed_rate(runtime.feed)
        shards = _in_processes(inside, 2)
        with open_runtime(inside) as runtime:
            begin_again(runtime, BOARD)
        early, at_end = _memory(inside, events)
    return CatchingUp(events, view, log, models, events / shards, early, at_end)


def _five_events(number: int) -> Told:
    moves: Told = [
        ("PatientTransferred", {"new_ward": f"Ward {(number + n) % WARDS}"})
        for n in range(EVENTS_OF_A_PATIENT - 2)
    ]
    last: Told = [("PatientDischarged", {})] if number % 2 else [moves[0]]
    return [admission(number), *moves, *last]


def _feed_rate(feed: Feed) -> float:
    place, found, began = None, 0, perf_counter()
    while True:
        batch = feed.poll(place)
        found, place = found + len(batch.events), batch.checkpoint
        if not batch.more:
            return found / (perf_counter() - began)


def _catch_up(runtime: Runtime, name: str) -> float:
    projection = Projection(
        begin_again(runtime, name), runtime.feed, runtime.database, runtime.decode
    )
    began = perf_counter()
    return projection.catch_up() / (perf_counter() - began)


def _in_processes(env: Mapping[str, str], count: int) -> float:
    """Return how many seconds so many processes need for the ward board together."""
    barrier = _CONTEXT.Barrier(count + 1)
    processes = [
        _CONTEXT.Process(target=_follow_shard, args=(env, shard, barrier))
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
        live = Generations(runtime.database).live(MODELS[BOARD])
        projection = Projection(live, runtime.feed, runtime.database, runtime.decode, shard=shard)
        barrier.wait(60)
        projection.catch_up()


def _memory(env: Mapping[str, str], events: int) -> tuple[float, float]:
    """Return what a process needs after a tenth of the events and after all, in MiB."""
    ours, theirs = _CONTEXT.Pipe()
    process = _CONTEXT.Process(target=_follow_and_tell, args=(env, events // 10, theirs))
    process.start()
    early, at_end = ours.recv()
    process.join()
    return early, at_end


def _follow_and_tell(env: Mapping[str, str], early: int, pipe: Connection) -> None:
    shown, sizes = 0, list[float]()
    with open_runtime(env) as runtime:
        live = Generations(runtime.database).live(MODELS[BOARD])
        projection = Projection(live, runtime.feed, runtime.database, runtime.decode)
        while True:
            step = projection.step()
            shown += step.applied
            if not sizes and shown >= early:
                sizes.append(_resident_mib())
            if not step.applied and not step.more:
                break
        pipe.send((sizes[0], _resident_mib()))


def _resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * sysconf("SC_PAGE_SIZE") / 2**20
