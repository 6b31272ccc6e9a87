"""Appends through the recorder, against the bare driver with the same prepared batch.

All append one event to an aggregate of its own each time, at the same consistency, from the same
number of threads. Without the notification log the recorder sends that batch too, and adds the
checks, the event type, and the protocol that makes every outcome known. With the log each append is
written into the log as well, in batches that threads share.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from multiprocessing import get_context
from uuid import uuid4

from cassandra.query import UNSET_VALUE, BatchStatement
from eventsourcing.persistence import StoredEvent

from benchmarks.measure import (
    Comparison,
    Operation,
    Sample,
    compare,
    percentiles,
    rate,
    stretch,
    unanswered,
)
from benchmarks.nodes import without_log
from eventstore_cassandra import CassandraApplicationRecorder, CassandraFactory
from eventstore_cassandra.errors import DRIVER_ERRORS, library_error
from eventstore_cassandra.profiles import APPEND
from eventstore_cassandra.recorders import EVENT

TOPIC = "PatientAdmitted"
STATE = (
    b'{"id":"b63b703a-a35e-4b66-918e-9255ba539968","recorded_at":"2026-11-24T06:22:24.069382Z",'
    b'"name":"Ann Example","ward":"Cardiology","age":34,"note":"padded to about 200 bytes ......."}'
)
DRIVER, LOG_OFF, LOG_ON = "driver", "log off", "log on"
THREADS = (1, 8, 32, 128)
PROCESSES, THREADS_EACH = 4, 16
_CREATE = "INSERT INTO {keyspace}.events (id, current_version) VALUES (?, ?) IF NOT EXISTS"
WARM_UP_STRETCHES = 9
"""For each node, three of each operation. A server that was just started gets faster for some 20 s,
until its Java has compiled what is often used."""


@dataclass(frozen=True)
class Appends:
    """One line of the report."""

    what: str
    processes: int
    threads: int
    comparison: Comparison

    def figures(self) -> dict[str, float | str]:
        """Return rates per second, their ratio, latencies in milliseconds, and what failed."""
        p50, p99 = percentiles(self.comparison.subject)
        return {
            "what": self.what,
            "processes": self.processes,
            "threads": self.threads,
            "driver_per_second": rate(self.comparison.baseline),
            "per_second": rate(self.comparison.subject),
            "ratio": self.comparison.ratio,
            "p50_ms": 1000 * p50,
            "p99_ms": 1000 * p99,
            **self.comparison.unanswered(),
        }


def measure(
    env: Mapping[str, str], *, seconds: float, pairs: int, warm_up: int
) -> Iterator[Appends]:
    """Measure in one process, then in several.

    :param warm_up: stretches that are not measured, before the first that is.
    """
    with (
        _operation(env, DRIVER) as driver,
        _operation(env, LOG_OFF) as log_off,
        _operation(env, LOG_ON) as log_on,
    ):
        for operation in islice(cycle([driver, log_off, log_on]), warm_up):
            stretch(operation, threads=8, seconds=seconds)
        for what, subject in ((LOG_OFF, log_off), (LOG_ON, log_on)):
            for threads in THREADS:
                found = compare(driver, subject, threads=threads, seconds=seconds, pairs=pairs)
                yield Appends(what, 1, threads, found)
    for what in (LOG_OFF, LOG_ON):
        found = Comparison([], [])
        for _ in range(pairs):
            found.baseline.append(_in_processes(env, DRIVER, seconds))
            found.subject.append(_in_processes(env, what, seconds))
        yield Appends(what, PROCESSES, THREADS_EACH, found)


@contextmanager
def _operation(env: Mapping[str, str], what: str) -> Iterator[Operation]:
    factory = CassandraFactory(dict(env) if what == LOG_ON else without_log(env))
    recorder = factory.application_recorder()
    try:
        yield _bare(recorder) if what == DRIVER else _recorded(recorder)
    finally:
        factory.close()


def _recorded(recorder: CassandraApplicationRecorder) -> Operation:
    return lambda: recorder.insert_events([StoredEvent(uuid4(), 1, TOPIC, STATE)])


def _bare(recorder: CassandraApplicationRecorder) -> Operation:
    session = recorder.datastore.session
    create, event = recorder.datastore.prepare(_CREATE), recorder.datastore.prepare(EVENT)
    number = recorder.event_types.type_of(TOPIC)
    text = STATE.decode()

    def append() -> None:
        batch = BatchStatement()
        aggregate = uuid4()
        batch.add(create, [aggregate, 1])
        batch.add(event, [aggregate, 1, number, text, UNSET_VALUE, uuid4()])
        try:
            row = session.execute(batch, execution_profile=APPEND).one()
        except DRIVER_ERRORS as e:
            raise library_error(e, f"The batch for {aggregate}") from e
        if not row["[applied]"]:
            raise RuntimeError(f"The batch for {aggregate} was not applied.")

    return append


def _in_processes(env: Mapping[str, str], what: str, seconds: float) -> Sample:
    """Measure in several processes that begin together; their rates are added."""
    context = get_context("spawn")
    samples = context.SimpleQueue()
    start = context.Barrier(PROCESSES)
    processes = [
        context.Process(target=_one_of_several, args=(dict(env), what, seconds, start, samples))
        for _ in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    found: list[Sample] = [samples.get() for _ in processes]
    for process in processes:
        process.join()
    return Sample(
        sum(sample.per_second for sample in found),
        [latency for sample in found for latency in sample.latencies],
        unanswered(found),
    )


def _one_of_several(
    env: dict[str, str], what: str, seconds: float, start: object, samples: object
) -> None:
    with _operation(env, what) as operation:
        stretch(operation, threads=2, seconds=seconds / 4)
        start.wait()  # type: ignore[attr-defined]
        samples.put(stretch(operation, threads=THREADS_EACH, seconds=seconds))  # type: ignore[attr-defined]
