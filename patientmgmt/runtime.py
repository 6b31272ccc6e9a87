"""Puts the system together for one process: the application, its read models, and workers.

On Cassandra the read models stand beside the events and are fed by the type view; so they are over
gRPC, but stand in a SQLite file. On any other store they stand in such a file and are fed by the
library's notification log.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from eventsourcing.persistence import ApplicationRecorder, OperationalError

from eventstore_cassandra import CassandraApplicationRecorder
from eventstore_grpc import RemoteRecorder
from patientmgmt.application import PatientManagement
from patientmgmt.domain.events import EVENT_TYPES
from patientmgmt.environment import environment, environment_beside
from patientmgmt.queries import Queries, queries_of
from patientmgmt.settling import Settler
from projections.cassandra import CassandraDatabase
from projections.crew import Crew, Member
from projections.database import Database
from projections.feeds.feed import Feed
from projections.feeds.log import LogFeed
from projections.feeds.type_view import TypeViewFeed
from projections.folding import Decode
from projections.generations import Generations
from projections.sqlite import SQLiteDatabase
from projections.sweeping import PERIOD
from projections.truth import LogTruth, TokenTruth, Truth
from projections.worker import Worker
from read_models import find_all

MODELS = find_all()


@dataclass(frozen=True)
class Runtime:
    """The parts of the system in this process; all of them may be shared between threads."""

    application: PatientManagement
    database: Database
    queries: Queries
    feed: Feed
    truth: Truth
    sweep_period: timedelta

    @property
    def decode(self) -> Decode:
        """What reads the payloads of stored events."""
        return self.application.mapper.to_payload

    def worker(self, *, in_crew: bool = False) -> Worker:
        """Return a projection worker, which does nothing until it is run.

        :param in_crew: whether it shares the work with others, and waits while they do all of it.
        """
        records, models = self.database.records, MODELS.values()
        return Worker(
            self.database,
            models,
            self.feed,
            self.decode,
            truth=self.truth if in_crew else None,
            sweep_period=self.sweep_period,
            crew=Crew(records, Member.of_this_process(), models) if in_crew else None,
        )

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
            database = CassandraDatabase(recorder.datastore.session, settings.keyspace)
            yield Runtime(
                application,
                database,
                queries_of(database),
                _feed_on_cassandra(values, recorder),
                TokenTruth(recorder),
                _sweep_period(values),
            )
        else:
            is_remote = isinstance(recorder, RemoteRecorder)
            name = "read-models-over-grpc.sqlite" if is_remote else "read-models.sqlite"
            with closing(SQLiteDatabase(data / name)) as file:
                create_tables(file)
                yield Runtime(
                    application,
                    file,
                    queries_of(file),
                    *_followed_elsewhere(values, recorder),
                    _sweep_period(values),
                )


def create_tables(database: Database) -> None:
    """Make the tables of all read models, where they are missing.

    :raises ReadModelsUnavailableError: when the database cannot be reached, or refuses.
    """
    generations = Generations(database)
    for model in MODELS.values():
        generations.ensure(model)


def _feed_on_cassandra(env: Mapping[str, str], recorder: CassandraApplicationRecorder) -> Feed:
    match env.get("PATIENTMGMT_FEED", TypeViewFeed.name):
        case TypeViewFeed.name:
            return TypeViewFeed(recorder, topics=list(EVENT_TYPES))
        case LogFeed.name if recorder.datastore.settings.notification_log:
            return LogFeed(recorder, topics=list(EVENT_TYPES))
        case LogFeed.name:
            raise OSError(
                "PATIENTMGMT_FEED: expected type_view, since this keyspace keeps no notification "
                "log (CASSANDRA_NOTIFICATION_LOG), found log."
            )
        case found:
            raise OSError(f"PATIENTMGMT_FEED: expected type_view or log, found {found}.")


def _followed_elsewhere(
    env: Mapping[str, str], recorder: ApplicationRecorder
) -> tuple[Feed, Truth]:
    """Return what is followed, and compared with, where read models are kept in a file."""
    if isinstance(recorder, RemoteRecorder):
        return TypeViewFeed(recorder, topics=list(EVENT_TYPES)), TokenTruth(recorder)
    return _feed_elsewhere(env, recorder), LogTruth(recorder)


def _feed_elsewhere(env: Mapping[str, str], recorder: ApplicationRecorder) -> Feed:
    if (found := env.get("PATIENTMGMT_FEED", LogFeed.name)) != LogFeed.name:
        raise OSError(
            f"PATIENTMGMT_FEED: expected log, since this store has no other feed, found {found}."
        )
    return LogFeed(recorder, topics=list(EVENT_TYPES))


def _sweep_period(env: Mapping[str, str]) -> timedelta:
    found = env.get("PATIENTMGMT_SWEEP_SECONDS", "")
    if not found:
        return PERIOD
    if not (found.isascii() and found.isdigit() and 0 < int(found) < 10**9):
        raise OSError(
            f"PATIENTMGMT_SWEEP_SECONDS: expected a whole number of seconds, at least 1, found "
            f"{found}."
        )
    return timedelta(seconds=int(found))


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
