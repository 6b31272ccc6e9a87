"""The notification log: catching up from its beginning, pages along it, and live delivery."""

from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing import get_context
from statistics import median
from time import monotonic_ns, perf_counter, sleep
from uuid import uuid4

from eventsourcing.persistence import StoredEvent

from benchmarks.appends import STATE, TOPIC
from benchmarks.measure import Sample, percentiles
from eventstore_cassandra import CassandraApplicationRecorder, CassandraFactory

EVENTS_IN_AN_APPEND = 50
PAGE = 1_000
APPENDS_PER_SECOND = 200


@dataclass(frozen=True)
class Reading:
    """What was found of reading."""

    events: int
    written_per_second: float
    caught_up_per_second: float
    page_at_beginning_ms: float
    page_at_end_ms: float


def reading(recorder: CassandraApplicationRecorder, *, events: int, pairs: int) -> Reading:
    """Fill a log of its own, and read it from position 1, as a process that has no memory of it."""
    began = perf_counter()
    for _ in range(events // EVENTS_IN_AN_APPEND):
        id_ = uuid4()
        recorder.insert_events(
            [StoredEvent(id_, version, TOPIC, STATE) for version in range(EVENTS_IN_AN_APPEND)]
        )
    written = events / (perf_counter() - began)
    rates = []
    for _ in range(pairs):
        reader = CassandraApplicationRecorder(recorder.datastore)
        began, position = perf_counter(), 0
        while page := reader.select_notifications(position, PAGE, inclusive_of_start=False):
            position = page[-1].id
        rates.append(position / (perf_counter() - began))
    return Reading(
        events=events,
        written_per_second=written,
        caught_up_per_second=median(rates),
        page_at_beginning_ms=1000 * _page(recorder, 1),
        page_at_end_ms=1000 * _page(recorder, events - 11),
    )


def _page(recorder: CassandraApplicationRecorder, start: int) -> float:
    latencies = []
    for _ in range(100):
        began = perf_counter()
        recorder.select_notifications(start, 10)
        latencies.append(perf_counter() - began)
    return median(latencies)


def delivery(env: Mapping[str, str], *, seconds: float) -> tuple[float, float]:
    """Return p50 and p99 of the seconds from commit to delivery in another process."""
    factory = CassandraFactory(dict(env))
    recorder = factory.application_recorder()
    writer = get_context("spawn").Process(target=_write, args=(dict(env), seconds))
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
    return percentiles([Sample(0, latencies)])


def _write(env: dict[str, str], seconds: float) -> None:
    """Append at an even pace; each event carries the moment before its append."""
    factory = CassandraFactory(env)
    recorder = factory.application_recorder()
    began = perf_counter()
    for number in range(int(seconds * APPENDS_PER_SECOND)):
        sleep(max(0.0, began + number / APPENDS_PER_SECOND - perf_counter()))
        state = str(monotonic_ns()).encode()
        recorder.insert_events([StoredEvent(uuid4(), 1, TOPIC, state)])
    factory.close()
