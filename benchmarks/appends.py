"""Appends through the recorder, against the bare driver with the same prepared batch.

Both append one event to an aggregate of its own each time, at the same consistency, from the same
number of threads over the same connection. What the recorder adds is the checks, the event type,
and the protocol that makes every outcome known.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import uuid4

from cassandra.query import UNSET_VALUE, BatchStatement
from eventsourcing.persistence import StoredEvent

from benchmarks.measure import Comparison, compare, percentiles, rate, stretch
from eventstore_cassandra import CassandraAggregateRecorder
from eventstore_cassandra.datastore import APPEND
from eventstore_cassandra.recorders import CREATE, EVENT

TOPIC = "PatientAdmitted"
STATE = (
    b'{"id":"b63b703a-a35e-4b66-918e-9255ba539968","recorded_at":"2026-11-24T06:22:24.069382Z",'
    b'"name":"Ann Example","ward":"Cardiology","age":34,"note":"padded to about 200 bytes ......."}'
)
THREADS = (1, 8, 32)


@dataclass(frozen=True)
class Appends:
    """One line of the report."""

    threads: int
    comparison: Comparison

    def figures(self) -> dict[str, float]:
        """Return rates per second, their ratio, and the recorder's latencies in milliseconds."""
        p50, p99 = percentiles(self.comparison.subject)
        return {
            "threads": self.threads,
            "driver_per_second": rate(self.comparison.baseline),
            "recorder_per_second": rate(self.comparison.subject),
            "ratio": self.comparison.ratio,
            "recorder_p50_ms": 1000 * p50,
            "recorder_p99_ms": 1000 * p99,
        }


def measure(
    recorder: CassandraAggregateRecorder, *, seconds: float, pairs: int
) -> Iterator[Appends]:
    """Measure with each number of threads, after a warm-up that is not counted."""
    session = recorder.datastore.session
    create, event = recorder.datastore.prepare(CREATE), recorder.datastore.prepare(EVENT)
    number = recorder.event_types.type_of(TOPIC)
    text = STATE.decode()

    def bare() -> None:
        batch = BatchStatement()
        aggregate = uuid4()
        batch.add(create, [aggregate, 1])
        batch.add(event, [aggregate, 1, number, text, UNSET_VALUE, uuid4()])
        row = session.execute(batch, execution_profile=APPEND).one()
        if not row["[applied]"]:
            raise RuntimeError(f"The batch for {aggregate} was not applied.")

    def recorded() -> None:
        recorder.insert_events([StoredEvent(uuid4(), 1, TOPIC, STATE)])

    for operation in (bare, recorded):
        stretch(operation, threads=8, seconds=seconds)
    for threads in THREADS:
        yield Appends(
            threads, compare(bare, recorded, threads=threads, seconds=seconds, pairs=pairs)
        )
