"""Puts the system together for one process: the application, its read models, and workers.

On Cassandra the read models stand beside the events and are fed by the type view; on any other
store they stand in a SQLite file and are fed by the library's notification log.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from eventsourcing.persistence import OperationalError

from eventstore_cassandra import CassandraApplicationRecorder
from patientmgmt.application import PatientManagement
from patientmgmt.domain.events import EVENT_TYPES
from patientmgmt.environment import environment, environment_beside
from patientmgmt.settling import Settler
from projections.cassandra import CassandraReadModels
from projections.feed import Feed
from projections.log_feed import LogFeed
from projections.read_models import ReadModelStore
from projections.sqlite import SQLiteReadModels
from projections.type_view_feed import TypeViewFeed
from projections.worker import Worker


@dataclass(frozen=True)
class Runtime:
    """The parts of the system in this process; all of them may be shared between threads."""

    application: PatientManagement
    read_models: ReadModelStore
    feed: Feed

    def worker(self) -> Worker:
        """Return a projection worker, which does nothing until it is run."""
        return Worker(self.feed, self.read_models, self.application.mapper.to_payload)

    def settler(self) -> Settler | None:
        """Return what decides unknown outcomes, to be run beside a worker.

        None where the store leaves none undecided: it has no notification log, or is not Cassandra.
        """
        recorder = self.application.recorder
        if not isinstance(recorder, CassandraApplicationRecorder):
            return None
        return Settler(recorder) if recorder.datastore.settings.notification_log else None


@contextmanager
def open_runtime(env: Mapping[str, str] | None = None) -> Iterator[Runtime]:
    """Open the stores that the environment names, and close them at the end.

    Without an environment it is that of the process, beside the application that runs, if any.

    :raises OSError: when a setting is not of its form, or a file cannot be opened.
    :raises PersistenceError: when the event store cannot be reached, or has no tables.
    :raises ReadModelsUnavailableError: the same for the read models.
    """
    values = environment_beside() if env is None else environment(env)
    data = _folder(values)
    with _application(values) as application:
        recorder = application.recorder
        if isinstance(recorder, CassandraApplicationRecorder):
            settings = recorder.datastore.settings
            yield Runtime(
                application,
                CassandraReadModels(recorder.datastore.session, settings.keyspace),
                TypeViewFeed(recorder, topics=list(EVENT_TYPES)),
            )
        else:
            read_models = SQLiteReadModels(data / "read-models.sqlite")
            try:
                yield Runtime(application, read_models, LogFeed(recorder, topics=list(EVENT_TYPES)))
            finally:
                read_models.close()


def _folder(env: Mapping[str, str]) -> Path:
    folder = Path(env["PATIENTMGMT_DATA"])
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise OSError(
            f"PATIENTMGMT_DATA: expected a folder to write to, found {folder} ({e.strerror})."
        ) from e
    return folder


def _application(env: Mapping[str, str]) -> PatientManagement:
    try:
        return PatientManagement(env)
    except sqlite3.Error as e:
        raise OperationalError(
            f"Cannot open the events in {env['SQLITE_DBNAME']}: {e}. Expected a SQLite file that "
            "can be written; set SQLITE_DBNAME or PATIENTMGMT_DATA to where it is."
        ) from e
