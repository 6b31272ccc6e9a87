"""Puts the system together for one process: the application, its read models, and workers.

The environment decides, as everywhere in the event sourcing library:

* ``PERSISTENCE_MODULE``: ``eventsourcing.sqlite`` (the default here) or ``eventstore_cassandra``.
* ``PATIENTMGMT_DATA``: the folder of everything that is kept in files, ``var`` by default.
* ``SQLITE_DBNAME``: the file of events on SQLite, ``patients.sqlite`` in that folder by default.
* ``CASSANDRA_*``: see :class:`eventstore_cassandra.Settings`.

On Cassandra the read models stand beside the events and are fed by the type view; on any other
store they stand in a SQLite file and are fed by the library's notification log.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from eventstore_cassandra import CassandraApplicationRecorder
from patientmgmt.application import PatientManagement
from patientmgmt.domain.events import EVENT_TYPES
from projections.cassandra import CassandraReadModels
from projections.feed import Feed
from projections.log_feed import LogFeed
from projections.read_models import ReadModelStore
from projections.sqlite import SQLiteReadModels
from projections.type_view_feed import TypeViewFeed
from projections.worker import Worker

DEFAULT_DATA = "var"
SQLITE = "eventsourcing.sqlite"
CASSANDRA = "eventstore_cassandra"


def environment(given: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the given environment with this system's defaults filled in."""
    env = dict(given)
    data = Path(env.setdefault("PATIENTMGMT_DATA", DEFAULT_DATA))
    env.setdefault("PERSISTENCE_MODULE", SQLITE)
    env.setdefault("SQLITE_DBNAME", str(data / "patients.sqlite"))
    return env


@dataclass(frozen=True)
class Runtime:
    """The parts of the system in this process; all of them may be shared between threads."""

    application: PatientManagement
    read_models: ReadModelStore
    feed: Feed

    def worker(self) -> Worker:
        """Return a projection worker, which does nothing until it is run."""
        return Worker(self.feed, self.read_models, self.application.mapper.to_payload)


@contextmanager
def open_runtime(env: Mapping[str, str] | None = None) -> Iterator[Runtime]:
    """Open the stores that the environment names, and close them at the end.

    :raises OSError: when a setting is not of its form, or a file cannot be opened.
    :raises PersistenceError: when the event store cannot be reached, or has no tables.
    :raises ReadModelsUnavailableError: the same for the read models.
    """
    values = environment(os.environ if env is None else env)
    data = Path(values["PATIENTMGMT_DATA"])
    data.mkdir(parents=True, exist_ok=True)
    with PatientManagement(values) as application:
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
