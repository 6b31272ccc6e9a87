"""A connection that a forked process has from its parent is refused in every use, and says why."""

import os
import select
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any
from uuid import uuid4

import pytest
from eventsourcing.persistence import ProgrammingError, StoredEvent, Tracking

from eventstore_cassandra import (
    CassandraApplicationRecorder,
    CassandraDatastore,
    CassandraFactory,
    CassandraTrackingRecorder,
    Settings,
)
from eventstore_cassandra.operations import status
from eventstore_cassandra.profiles import LOOK_READ
from patientmgmt.queries import queries_of
from patientmgmt.runtime import create_tables
from projections.cassandra import CassandraDatabase

PATIENCE = 30.0
"""Seconds after which a call is taken for one that waits for ever; a refusal comes at once."""
_SELECT = "SELECT version FROM {keyspace}.events WHERE id = ?"

# Newer Pythons warn of what is tested here.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


def told_in_a_fork(call: Callable[[], object]) -> str:
    """Return the error that the call raises in a forked process, or "" where there is none."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            call()
            answer = "nothing was raised"
        except BaseException as e:  # noqa: BLE001 - reported, whatever it is
            answer = f"{type(e).__name__}: {e}"
        os.write(writer, answer.encode())
        os._exit(0)
    os.close(writer)
    try:
        if not select.select([reader], [], [], PATIENCE)[0]:
            os.kill(child, signal.SIGKILL)
        return os.read(reader, 10_000).decode() or "it waited"
    finally:
        os.waitpid(child, 0)
        os.close(reader)


@pytest.fixture(scope="module")
def with_read_models(settings: Settings) -> Iterator[CassandraDatastore]:
    datastore = CassandraDatastore(settings)
    database = CassandraDatabase(datastore.session, settings.keyspace)
    database.create_records()
    create_tables(database)
    yield datastore
    datastore.close()


def calls(datastore: CassandraDatastore) -> dict[str, Callable[[], object]]:
    """Everything that uses the session, made in the parent and to be called in the child."""
    recorder, tracking = (
        CassandraApplicationRecorder(datastore),
        CassandraTrackingRecorder(datastore),
    )
    known = uuid4()
    recorder.insert_events([StoredEvent(known, 1, "Happened", b"")])
    database = CassandraDatabase(datastore.session, datastore.settings.keyspace)
    queries = queries_of(database)
    session, statement = datastore.session, datastore.prepare(_SELECT)
    subscription = recorder.subscribe(gt=0)
    return {
        "execute": lambda: datastore.execute(statement.bind([known])),
        "prepare": lambda: datastore.prepare(_SELECT + " LIMIT 1"),
        "a statement that is prepared": lambda: datastore.prepare(_SELECT),
        "read_concurrently": lambda: datastore.read_concurrently(
            statement, [[known]], LOOK_READ, concurrency=2
        ),
        "session": lambda: datastore.session,
        "a session that was taken": lambda: session.execute("SELECT * FROM system.local"),
        "its prepare": lambda: session.prepare("SELECT * FROM system.local"),
        "append": lambda: recorder.insert_events([StoredEvent(known, 2, "Happened", b"")]),
        "append of a new aggregate": lambda: recorder.insert_events(
            [StoredEvent(uuid4(), 1, "Happened", b"")]
        ),
        "stream": lambda: recorder.select_events(known),
        "type view": lambda: recorder.select_events_by_type("Happened", limit=1),
        "notifications": lambda: recorder.select_notifications(1, 10),
        "subscription": lambda: next(subscription),
        "tracking": lambda: tracking.insert_tracking(Tracking("upstream", 1)),
        "status": lambda: status(datastore),
        "wards": queries.board.wards,
        "patients": queries.patients.page,
        "version": lambda: queries.board.version(known),
        "record": lambda: database.records.save("kind", "name", "text"),
    }


def test_every_use_of_the_connection_is_refused_in_a_forked_process(
    with_read_models: CassandraDatastore,
) -> None:
    for name, call in calls(with_read_models).items():
        told = told_in_a_fork(call)
        kind, _, _ = told.partition(": ")
        assert kind in ("ProgrammingError", "ConnectionUnusableError"), f"{name}: {told}"
        assert "after the fork" in told, f"{name}: {told}"


def test_it_is_refused_whatever_a_thread_was_doing_when_the_process_was_forked(
    with_read_models: CassandraDatastore, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = CassandraApplicationRecorder(with_read_models)
    sent, answered = Event(), Event()
    execute = with_read_models.execute

    def held(*args: Any) -> object:
        sent.set()
        answered.wait(PATIENCE)
        return execute(*args)

    with ThreadPoolExecutor(1) as pool:
        monkeypatch.setattr(with_read_models, "execute", held)
        events = [StoredEvent(uuid4(), 1, "Happened", b"")]
        appending = pool.submit(recorder.insert_events, events)
        assert sent.wait(PATIENCE)
        monkeypatch.undo()
        with with_read_models._lock:
            told = told_in_a_fork(
                lambda: recorder.insert_events([StoredEvent(uuid4(), 1, "Happened", b"")])
            )
            prepared = told_in_a_fork(lambda: with_read_models.prepare(_SELECT))
        answered.set()
        assert appending.result()
    assert "after the fork" in told
    assert "after the fork" in prepared


def test_closing_in_a_forked_process_leaves_the_parents_connections_alone(
    with_read_models: CassandraDatastore,
) -> None:
    assert told_in_a_fork(with_read_models.close) == "nothing was raised"
    assert with_read_models.execute("SELECT * FROM system.local").one()


def test_an_application_that_is_made_after_the_fork_works(settings: Settings) -> None:
    env = {
        "CASSANDRA_CONTACT_POINTS": ",".join(settings.contact_points),
        "CASSANDRA_PORT": str(settings.port),
        "CASSANDRA_KEYSPACE": settings.keyspace,
    }

    def work() -> None:
        recorder = CassandraFactory(env).application_recorder()
        recorder.insert_events([StoredEvent(uuid4(), 1, "Happened", b"")])

    assert told_in_a_fork(work) == "nothing was raised"


def test_a_connection_that_was_closed_says_so(settings: Settings) -> None:
    datastore = CassandraDatastore(settings)
    recorder = CassandraApplicationRecorder(datastore)
    datastore.close()
    with pytest.raises(ProgrammingError, match="is closed"):
        recorder.select_events(uuid4())
