"""An append of one event to a new aggregate: by the bare driver, without the log, and with it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import uuid4

from cassandra.query import UNSET_VALUE, BatchStatement
from eventsourcing.persistence import StoredEvent

from benchmarks.measure import Operation
from benchmarks.nodes import without_log
from eventstore_cassandra import CassandraApplicationRecorder, CassandraDatastore, CassandraFactory
from eventstore_cassandra.appending import EVENT
from eventstore_cassandra.errors import DRIVER_ERRORS, library_error
from eventstore_cassandra.profiles import APPEND

TOPIC = "PatientAdmitted"
STATE = (
    b'{"id":"b63b703a-a35e-4b66-918e-9255ba539968","recorded_at":"2026-11-24T06:22:24.069382Z",'
    b'"name":"Ann Example","ward":"Cardiology","age":34,"note":"padded to about 200 bytes ......."}'
)
DRIVER, LOG_OFF, LOG_ON = "driver", "log off", "log on"
_CREATE = "INSERT INTO {keyspace}.events (id, current_version) VALUES (?, ?) IF NOT EXISTS"


@dataclass(frozen=True)
class Appending:
    """A connection, and an append through it."""

    append: Operation
    datastore: CassandraDatastore


@contextmanager
def appending(env: Mapping[str, str], what: str) -> Iterator[Appending]:
    """Open a connection for appends of this kind, in the keyspace that is for it."""
    factory = CassandraFactory(dict(env) if what == LOG_ON else without_log(env))
    recorder = factory.application_recorder()
    try:
        append = _bare(recorder) if what == DRIVER else _recorded(recorder)
        yield Appending(append, recorder.datastore)
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
