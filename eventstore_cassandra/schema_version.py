"""The version of the tables: which one a keyspace has, and which one this program needs.

Each change of the tables gets the next number, with a note and a script in ``updates/``. The row
that tells the number is written last, so that a creation or an update that was cut short is seen.
What is fixed for a keyspace when it is created stands in the same row.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from eventsourcing.persistence import ProgrammingError

from eventstore_cassandra.append import AggregateId
from eventstore_cassandra.datastore import APPEND, SERIAL_READ, CassandraDatastore
from eventstore_cassandra.errors import library_errors
from eventstore_cassandra.settings import DEFAULT_ID_TYPE, DEFAULT_LOG_BUCKET_SIZE

VERSION = 4
"""What this program needs."""
BEFORE_NUMBERS = 1
"""The version of a keyspace that has events, but no table to tell its version."""

_COMPONENT = "event store"
_TABLES = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?"
_ID_TYPE = (
    "SELECT type FROM system_schema.columns"
    " WHERE keyspace_name = ? AND table_name = 'events' AND column_name = 'id'"
)
_READ = "SELECT version, log_bucket_size FROM {keyspace}.schema_version WHERE component = ?"
_CREATE = (
    "INSERT INTO {keyspace}.schema_version (component, version, log_bucket_size)"
    " VALUES (?, ?, ?) IF NOT EXISTS"
)
_ADVANCE = "UPDATE {keyspace}.schema_version SET version = ? WHERE component = ? IF version = ?"


@dataclass(frozen=True)
class SchemaVersion:
    """What a keyspace says of itself."""

    version: int
    log_bucket_size: int
    """Positions in one bucket of the notification log, for as long as the keyspace exists."""
    originator_id_type: str
    """What ids of aggregates are, "uuid" or "text", for as long as the keyspace exists."""

    @property
    def id_type(self) -> type[AggregateId]:
        """What ids of aggregates are in Python."""
        return UUID if self.originator_id_type == "uuid" else str


def found_version(datastore: CassandraDatastore) -> int | None:
    """Return the version of the keyspace; None where the tables are not there, or not all of them.

    :raises OperationalError: when the store cannot be reached.
    """
    with library_errors("Cannot read which tables there are"):
        rows = datastore.execute(datastore.prepare(_TABLES).bind([datastore.settings.keyspace]))
        tables = {row.table_name for row in rows}
    if "schema_version" in tables:
        row = _row(datastore)
        return row["version"] if row else None
    return BEFORE_NUMBERS if "events" in tables else None


def checked_schema(datastore: CassandraDatastore) -> SchemaVersion:
    """Return what the keyspace says of itself, once it is what this program and its settings need.

    :raises ProgrammingError: when tables are missing, older or newer, or the keyspace has another
        size of buckets or type of ids than is set.
    :raises OperationalError: when the store cannot be reached.
    """
    keyspace = datastore.settings.keyspace
    version = found_version(datastore)
    row = _row(datastore) if version == VERSION else None
    if row is None:
        raise ProgrammingError(_refusal(keyspace, version))
    wanted = datastore.settings.log_bucket_size
    if wanted not in (None, row["log_bucket_size"]):
        raise ProgrammingError(
            f"CASSANDRA_LOG_BUCKET_SIZE: expected {row['log_bucket_size']}, which keyspace "
            f"{keyspace} was created with, found {wanted}. It cannot be changed: unset the "
            "variable."
        )
    return SchemaVersion(**row, originator_id_type=_checked_id_type(datastore) or DEFAULT_ID_TYPE)


def refuse_other_version(datastore: CassandraDatastore) -> None:
    """Let pass a keyspace without tables, or with those of this version and the type of ids set.

    :raises ProgrammingError: for any other.
    """
    version = found_version(datastore)
    if version not in (None, VERSION):
        raise ProgrammingError(_refusal(datastore.settings.keyspace, version))
    _checked_id_type(datastore)


def write_version(datastore: CassandraDatastore) -> None:
    """Say that the tables are those of this version now; the size of the log's buckets stays."""
    size = datastore.settings.log_bucket_size or DEFAULT_LOG_BUCKET_SIZE
    before = _row(datastore)
    if before is None:
        bound = datastore.prepare(_CREATE).bind([_COMPONENT, VERSION, size])
    else:
        bound = datastore.prepare(_ADVANCE).bind([VERSION, _COMPONENT, before["version"]])
    with library_errors("Cannot write the schema version"):
        datastore.execute(bound, APPEND)


def _checked_id_type(datastore: CassandraDatastore) -> str | None:
    """Return the type of ids in the table of events, None where there is no table.

    :raises ProgrammingError: when it is not the one that is set.
    """
    keyspace, wanted = datastore.settings.keyspace, datastore.settings.originator_id_type
    with library_errors("Cannot read the type of ids"):
        row = datastore.execute(datastore.prepare(_ID_TYPE).bind([keyspace])).one()
    if row and wanted not in (None, row.type):
        raise ProgrammingError(
            f"ORIGINATOR_ID_TYPE: expected {row.type}, which keyspace {keyspace} was created with, "
            f"found {wanted}. It cannot be changed: unset the variable."
        )
    return row.type if row else None


def _row(datastore: CassandraDatastore) -> dict[str, Any] | None:
    with library_errors("Cannot read the schema version"):
        bound = datastore.prepare(_READ).bind([_COMPONENT])
        row: dict[str, Any] | None = datastore.execute(bound, SERIAL_READ).one()
    return row


def _refusal(keyspace: str, version: int | None) -> str:
    expected = f"Expected version {VERSION} of the event store's tables in keyspace {keyspace}"
    if version is None:
        return (
            f"{expected}, found none, or not all of them. Check CASSANDRA_KEYSPACE, or create them "
            "with `patientmgmt init`."
        )
    if version < VERSION:
        return (
            f"{expected}, found version {version}. Read the update note "
            f"(eventstore_cassandra/updates/{version + 1}.md), then run `patientmgmt store update`."
        )
    return (
        f"{expected}, found version {version}, made by a newer release. Install that release; its "
        f"update note (eventstore_cassandra/updates/{version}.md) says what has changed."
    )
