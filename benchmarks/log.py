"""The notification log: catching up from its beginning, pages along it, and live delivery."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from math import nan
from multiprocessing import get_context
from statistics import median
from time import monotonic_ns, perf_counter, sleep
from uuid import uuid4

from eventsourcing.persistence import OperationalError, StoredEvent

from benchmarks.measure import Sample, is_answered, percentiles
from benchmarks.nodes import keyspace
from benchmarks.operations import STATE, TOPIC
from eventstore_cassandra import CassandraApplicationRecorder, CassandraFactory

EVENTS_IN_AN_APPEND = 50
WRITERS_OF_SINGLES = 32
SINGLES_SHARE = 5
"""The log of single events is so many times shorter, since it takes longer to write."""
PAGE = 1_000
ATTEMPTS = 100
"""So often what has to be done is tried, before the cluster is given up."""
APPENDS_PER_SECOND = 200
EVEN_WRITERS = 4
"""Threads; one alone does not keep that pace."""
_END = "End"
"""The topic of the event after which nothing more is delivered."""


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
    unanswered: int
    """Appends and reads that got no answer; of such appends it is not known what is in the log."""


@dataclass(frozen=True)
class _Written:
    """What was written of so many events."""

    events: int
    per_second: float
    unanswered: int
    in_an_append: int

    def has(self, found: int) -> bool:
        """Tell whether the log may hold so many events."""
        return 0 <= found - self.events <= self.unanswered * self.in_an_append


@dataclass(frozen=True)
class _CaughtUp:
    per_second: float
    unanswered: int


def reading(env: Mapping[str, str], *, events: int, pairs: int) -> Reading:
    """Fill each log in a keyspace of its own, and read it from its beginning."""
    events -= events % EVENTS_IN_AN_APPEND
    singles = events // SINGLES_SHARE
    with _new_log(env) as recorder:
        written = _write(recorder, events, in_an_append=EVENTS_IN_AN_APPEND, threads=1)
        caught_up = _catch_up(recorder, written, times=pairs)
        page_at_beginning = _page(recorder, 1)
        page_at_end = _page(recorder, events - 11)
    with _new_log(env) as recorder:
        singles_written = _write(recorder, singles, in_an_append=1, threads=WRITERS_OF_SINGLES)
        caught_up_singles = _catch_up(recorder, singles_written, times=pairs)
    return Reading(
        events=events,
        written_per_second=written.per_second,
        caught_up_per_second=caught_up.per_second,
        page_at_beginning_ms=1000 * page_at_beginning,
        page_at_end_ms=1000 * page_at_end,
        singles=singles,
        singles_written_per_second=singles_written.per_second,
        caught_up_singles_per_second=caught_up_singles.per_second,
        unanswered=sum(
            each.unanswered for each in (written, singles_written, caught_up, caught_up_singles)
        ),
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
) -> _Written:
    """Append so many events to the log."""

    def append(_: int) -> bool:
        id_, versions = uuid4(), range(1, in_an_append + 1)
        stored = [StoredEvent(id_, version, TOPIC, STATE) for version in versions]
        return is_answered(lambda: recorder.insert_events(stored))

    began = perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        answered = list(pool.map(append, range(events // in_an_append)))
    written = answered.count(True) * in_an_append
    took = perf_counter() - began
    return _Written(written, written / took, answered.count(False), in_an_append)


def _catch_up(
    recorder: CassandraApplicationRecorder, written: _Written, *, times: int
) -> _CaughtUp:
    """Read all of the log, as a process that has no memory of it; what fails is read again."""
    rates, unanswered = [], 0
    for _ in range(times):
        reader = CassandraApplicationRecorder(recorder.datastore)
        began, position, found = perf_counter(), 0, 0
        while True:
            try:
                page = reader.select_notifications(position, PAGE, inclusive_of_start=False)
            except OperationalError:
                unanswered += 1
                if unanswered == ATTEMPTS:
                    raise
                continue
            if not page:
                break
            position = page[-1].id
            found += len(page)
        rates.append(found / (perf_counter() - began))
        if not written.has(found):
            raise RuntimeError(f"Expected {written} in the log, found {found} events.")
    return _CaughtUp(median(rates), unanswered)


def _page(recorder: CassandraApplicationRecorder, start: int) -> float:
    latencies = []
    for _ in range(100):
        began = perf_counter()
        if is_answered(lambda: recorder.select_notifications(start, 10)):
            latencies.append(perf_counter() - began)
    return median(latencies) if latencies else nan


def delivery(env: Mapping[str, str], *, seconds: float) -> dict[str, float]:
    """Return p50 and p99 of the milliseconds from an append to its delivery in another process.

    What an append that got no answer has written is delivered too, and counts.
    """
    factory = CassandraFactory(dict(env))
    recorder = factory.application_recorder()
    writer = get_context("spawn").Process(target=_write_evenly, args=(dict(env), seconds))
    writer.start()
    latencies = []
    with recorder.subscribe(gt=recorder.max_notification_id()) as subscription:
        for notification in subscription:
            if notification.topic == _END:
                unanswered = int(notification.state)
                break
            latencies.append((monotonic_ns() - int(notification.state)) / 1e9)
    writer.join()
    factory.close()
    p50, p99 = percentiles([Sample(0, latencies)])
    return {
        "delivery_p50_ms": 1000 * p50,
        "delivery_p99_ms": 1000 * p99,
        "delivery_unanswered": unanswered,
    }


def _write_evenly(env: dict[str, str], seconds: float) -> None:
    """Append at an even pace; each event carries the moment before its append.

    The last one carries how many appends got no answer.
    """
    factory = CassandraFactory(env)
    recorder = factory.application_recorder()
    began = perf_counter()
    appends = int(seconds * APPENDS_PER_SECOND)

    def write(first: int) -> int:
        unanswered = 0
        for number in range(first, appends, EVEN_WRITERS):
            sleep(max(0.0, began + number / APPENDS_PER_SECOND - perf_counter()))
            state = str(monotonic_ns()).encode()
            unanswered += not is_answered(partial(_append, recorder, TOPIC, state))
        return unanswered

    with ThreadPoolExecutor(EVEN_WRITERS) as pool:
        unanswered = sum(pool.map(write, range(EVEN_WRITERS)))
    for _ in range(ATTEMPTS):
        if is_answered(partial(_append, recorder, _END, str(unanswered).encode())):
            break
        unanswered += 1
    factory.close()


def _append(recorder: CassandraApplicationRecorder, topic: str, state: bytes) -> None:
    recorder.insert_events([StoredEvent(uuid4(), 1, topic, state)])
