"""The notification log: catching up from its beginning, pages along it, and live delivery."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from statistics import median
from time import monotonic_ns, perf_counter, sleep
from uuid import uuid4

from eventsourcing.persistence import StoredEvent

from benchmarks.appends import STATE, TOPIC
from benchmarks.measure import Sample, percentiles
from benchmarks.nodes import keyspace
from eventstore_cassandra import CassandraApplicationRecorder, CassandraFactory

EVENTS_IN_AN_APPEND = 50
WRITERS_OF_SINGLES = 32
SINGLES_SHARE = 5
"""The log of single events is so many times shorter, since it takes longer to write."""
PAGE = 1_000
APPENDS_PER_SECOND = 200
EVEN_WRITERS = 4
"""Threads; one alone does not keep that pace."""


@dataclass(frozen=True)
class Reading:
    """What was found of reading two logs: one of large appends, one of single events."""

    events: int
    written_per_second: float
    caught_up_per_second: float
    page_at_beginning_ms: float
    page_at_end_ms: float
    singles: int
    singles_written_per_second: float
    caught_up_singles_per_second: float


def reading(env: Mapping[str, str], *, events: int, pairs: int) -> Reading:
    """Fill each log in a keyspace of its own, and read it from its beginning."""
    events -= events % EVENTS_IN_AN_APPEND
    singles = events // SINGLES_SHARE
    with _new_log(env) as recorder:
        written = _write(recorder, events, in_an_append=EVENTS_IN_AN_APPEND, threads=1)
        caught_up = _catch_up(recorder, events, times=pairs)
        page_at_beginning = _page(recorder, 1)
        page_at_end = _page(recorder, events - 11)
    with _new_log(env) as recorder:
        singles_written = _write(recorder, singles, in_an_append=1, threads=WRITERS_OF_SINGLES)
        caught_up_singles = _catch_up(recorder, singles, times=pairs)
    return Reading(
        events=events,
        written_per_second=written,
        caught_up_per_second=caught_up,
        page_at_beginning_ms=1000 * page_at_beginning,
        page_at_end_ms=1000 * page_at_end,
        singles=singles,
        singles_written_per_second=singles_written,
        caught_up_singles_per_second=caught_up_singles,
    )


@contextmanager
def _new_log(env: Mapping[str, str]) -> Iterator[CassandraApplicationRecorder]:
    with keyspace(env) as inside:
        factory = CassandraFactory(inside)
        try:
            yield factory.application_recorder()
        finally:
            factory.close()


def _write(
    recorder: CassandraApplicationRecorder, events: int, *, in_an_append: int, threads: int
) -> float:
    """Append so many events to the log, and return how many were written per second."""

    def append(_: int) -> None:
        id_, versions = uuid4(), range(1, in_an_append + 1)
        recorder.insert_events([StoredEvent(id_, version, TOPIC, STATE) for version in versions])

    began = perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(append, range(events // in_an_append)):
            pass  # what an append has raised is raised here
    return events / (perf_counter() - began)


def _catch_up(recorder: CassandraApplicationRecorder, events: int, *, times: int) -> float:
    """Read all of the log, as a process that has no memory of it; return events per second."""
    rates = []
    for _ in range(times):
        reader = CassandraApplicationRecorder(recorder.datastore)
        began, position, found = perf_counter(), 0, 0
        while page := reader.select_notifications(position, PAGE, inclusive_of_start=False):
            position = page[-1].id
            found += len(page)
        rates.append(found / (perf_counter() - began))
        if found != events:
            raise RuntimeError(f"Expected {events} events in the log, found {found}.")
    return median(rates)


def _page(recorder: CassandraApplicationRecorder, start: int) -> float:
    latencies = []
    for _ in range(100):
        began = perf_counter()
        recorder.select_notifications(start, 10)
        latencies.append(perf_counter() - began)
    return median(latencies)


def delivery(env: Mapping[str, str], *, seconds: float) -> dict[str, float]:
    """Return p50 and p99 of the milliseconds from an append to its delivery in another process."""
    factory = CassandraFactory(dict(env))
    recorder = factory.application_recorder()
    writer = get_context("spawn").Process(target=_write_evenly, args=(dict(env), seconds))
    writer.start()
    appends = int(seconds * APPENDS_PER_SECOND)
    latencies = []
    with recorder.subscribe(gt=recorder.max_notification_id()) as subscription:
        for notification in subscription:
            latencies.append((monotonic_ns() - int(notification.state)) / 1e9)
            if len(latencies) == appends:
                break
    writer.join()
    factory.close()
    p50, p99 = percentiles([Sample(0, latencies)])
    return {"delivery_p50_ms": 1000 * p50, "delivery_p99_ms": 1000 * p99}


def _write_evenly(env: dict[str, str], seconds: float) -> None:
    """Append at an even pace; each event carries the moment before its append."""
    factory = CassandraFactory(env)
    recorder = factory.application_recorder()
    began = perf_counter()
    appends = int(seconds * APPENDS_PER_SECOND)

    def write(first: int) -> None:
        for number in range(first, appends, EVEN_WRITERS):
            sleep(max(0.0, began + number / APPENDS_PER_SECOND - perf_counter()))
            state = str(monotonic_ns()).encode()
            recorder.insert_events([StoredEvent(uuid4(), 1, TOPIC, state)])

    with ThreadPoolExecutor(EVEN_WRITERS) as pool:
        for _ in pool.map(write, range(EVEN_WRITERS)):
            pass  # what an append has raised is raised here
    factory.close()
