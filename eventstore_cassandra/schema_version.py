"""The version of the tables: which one a keyspace has, and which one this program needs.

Each change of the tables gets the next number, with a note and a script in ``updates/``. The row
that tells the number is written last, so that a creation or an update that was cut short is seen.
Which of the two it was, the columns tell: a creation makes tables with all of theirs, and one that
lacks a column of this version is older. What is fixed for a keyspace when it is created stands in
the same row.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from eventsourcing.persistence import ProgrammingError

from eventstore_cassandra.append import AggregateId
from eventstore_cassandra.datastore import CassandraDatastore
from eventstore_cassandra.errors import library_errors
from eventstore_cassandra.profiles import APPEND, SERIAL_READ
from eventstore_cassandra.settings import DEFAULT_ID_TYPE, DEFAULT_LOG_BUCKET_SIZE, ID_TYPES

VERSION = 5
"""What this program needs."""
BEFORE_NUMBERS = 1
"""The version of a keyspace that has events, but no table to tell its version."""

COMPONENT = "event store"
"""The key of the row."""
_COLUMN_SINCE = {
    ("notification_log", "last"): 3,
    ("events", "erased"): 4,
    ("snapshots", "append_id"): 4,
    ("notification_log", "served"): 5,
}
"""Columns that tables of an earlier version than this have not."""
_HAVE_IDS = {"events": "id", "notification_log": "appends", "snapshots": "id"}
_COLUMNS = "SELECT table_name, column_name, type FROM system_schema.columns WHERE keyspace_name = ?"
_READ = "SELECT version, log_bucket_size FROM {keyspace}.schema_version WHERE component = ?"
_READ_ALL = (
    "SELECT version, log_bucket_size, notification_log, serial_consistency, cipher, compressor,"
    " unfinished FROM {keyspace}.schema_version WHERE component = ?"
)
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
    notification_log: str | None = None
    """What all writers have, "yes" or "no"; None as long as there was none. So of these three:"""
    serial_consistency: str | None = None
    cipher: str | None = None
    compressor: str | None = None
    unfinished: str | None = None
    """The command that has taken the keyspace apart and has not put it together yet."""

    @property
    def id_type(self) -> type[AggregateId]:
        """What ids of aggregates are in Python."""
        return UUID if self.originator_id_type == "uuid" else str


def found_version(datastore: CassandraDatastore) -> int | None:
    """Return the version of the keyspace; None where the tables are not there, or not all of them.

    :raises OperationalError: when the store cannot be reached.
    """
    columns = _columns(datastore)
    lacking = [
        since
        for (table, column), since in _COLUMN_SINCE.items()
        if table in columns and column not in columns[table]
    ]
    row = _row(datastore) if "schema_version" in columns else None
    if row is None:
        is_before = "events" in columns and "schema_version" not in columns
        return BEFORE_NUMBERS if is_before or lacking else None
    version: int = row["version"]
    return min([version, *(since - 1 for since in lacking)])


def checked_schema(datastore: CassandraDatastore) -> SchemaVersion:
    """Return what the keyspace says of itself, once it is what this program and its settings need.

    :raises ProgrammingError: when tables are missing, older or newer, or the keyspace has another
        size of buckets or type of ids than is set.
    :raises OperationalError: when the store cannot be reached.
    """
    keyspace = datastore.settings.keyspace
    version = found_version(datastore)
    row = _row(datastore, _READ_ALL) if version == VERSION else None
    if row is None:
        raise ProgrammingError(_refusal(keyspace, version))
    wanted = datastore.settings.log_bucket_size
    if wanted not in (None, row["log_bucket_size"]):
        raise ProgrammingError(
            f"CASSANDRA_LOG_BUCKET_SIZE: expected {row['log_bucket_size']}, which keyspace "
            f"{keyspace} was created with, found {wanted}. It cannot be changed: unset the "
            "variable."
        )
    return SchemaVersion(**row, originator_id_type=checked_id_type(datastore) or DEFAULT_ID_TYPE)


def refuse_other_version(datastore: CassandraDatastore) -> None:
    """Let pass a keyspace without tables, or with those of this version and the type of ids set.

    :raises ProgrammingError: for any other.
    """
    version = found_version(datastore)
    if version not in (None, VERSION):
        raise ProgrammingError(_refusal(datastore.settings.keyspace, version))
    checked_id_type(datastore)


def write_version(datastore: CassandraDatastore, version: int = VERSION) -> None:
    """Say of which version the tables are now; the size of the log's buckets stays."""
    size = datastore.settings.log_bucket_size or DEFAULT_LOG_BUCKET_SIZE
    before = _row(datastore)
    if before is None:
        bound = datastore.prepare(_CREATE).bind([COMPONENT, version, size])
    else:
        bound = datastore.prepare(_ADVANCE).bind([version, COMPONENT, before["version"]])
    with library_errors("Cannot write the schema version"):
        datastore.execute(bound, APPEND)


def checked_id_type(datastore: CassandraDatastore) -> str | None:
    """Return the type of ids in the tables, None where there are none.

    :raises ProgrammingError: when it is not the one that is set, or not the same in all of them.
    """
    keyspace, wanted = datastore.settings.keyspace, datastore.settings.originator_id_type
    columns = _columns(datastore)
    types = {
        name: next(
            known for known in ID_TYPES if f"tuple<uuid, {known}," in type_ or type_ == known
        )
        for name, column in _HAVE_IDS.items()
        if (type_ := columns.get(name, {}).get(column))
    }
    if len(set(types.values())) > 1:
        told = ", ".join(f"{type_} in {name}" for name, type_ in types.items())
        raise ProgrammingError(
            f"Expected ids of one type in the tables of keyspace {keyspace}, found {told}: two "
            "programs have created them at once. Drop the keyspace, in which nothing can have been "
            "recorded, and create it from one process."
        )
    found = next(iter(types.values()), None)
    if found and wanted not in (None, found):
        raise ProgrammingError(
            f"ORIGINATOR_ID_TYPE: expected {found}, which keyspace {keyspace} was created with, "
            f"found {wanted}. It cannot be changed: unset the variable."
        )
    return found


def _columns(datastore: CassandraDatastore) -> dict[str, dict[str, str]]:
    """Return the types of the columns of each table."""
    with library_errors("Cannot read which tables there are"):
        bound = datastore.prepare(_COLUMNS).bind([datastore.settings.keyspace])
        rows = list(datastore.execute(bound))
    columns: dict[str, dict[str, str]] = {}
    for table, column, kind in rows:
        columns.setdefault(table, {})[column] = kind
    return columns


def _row(datastore: CassandraDatastore, query: str = _READ) -> dict[str, Any] | None:
    with library_errors("Cannot read the schema version"):
        bound = datastore.prepare(query).bind([COMPONENT])
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
