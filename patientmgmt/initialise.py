"""Creating what the system needs on Cassandra: keyspace, tables, read models, event types."""

from collections.abc import Mapping

from eventsourcing.utils import Environment

from eventstore_cassandra import (
    CassandraDatastore,
    Settings,
    Topology,
    create_keyspace,
    create_tables,
)
from eventstore_cassandra.event_types import EventTypes
from patientmgmt.application import PatientManagement
from patientmgmt.domain.events import EVENT_TYPES
from patientmgmt.runtime import create_tables as create_read_models
from projections.cassandra import CassandraDatabase


def initialise_cassandra(env: Mapping[str, str], topology: Topology) -> str:
    """Create what is not there yet, and return the keyspace's name; doing it again is harmless.

    :raises OSError: when a setting is not of its form.
    :raises PersistenceError: when the cluster cannot be reached, or refuses.
    :raises ReadModelsUnavailableError: the same for the read models' tables.
    """
    settings = Settings.from_env(Environment(PatientManagement.name, dict(env)))
    if settings.originator_id_type not in (None, "uuid"):
        raise OSError(
            f"ORIGINATOR_ID_TYPE: expected uuid, which ids of patients are, found "
            f"{settings.originator_id_type}. Unset the variable."
        )
    datastore = CassandraDatastore(settings)
    try:
        create_keyspace(datastore, topology)
        create_tables(datastore)
        database = CassandraDatabase(datastore.session, settings.keyspace)
        database.create_records()
        create_read_models(database)
        # Without a recorder: what all writers have in common is not for this command to say.
        EventTypes(datastore, attempts=settings.append_attempts).register(EVENT_TYPES)
    finally:
        datastore.close()
    return settings.keyspace
