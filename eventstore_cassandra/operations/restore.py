"""After a restore: whatever is derived is emptied, and made anew from the events that are there.

Theory of operation
===================
A backup is older than what was made of the events since: positions of the log, snapshots, the
tracking of followers and their views may all be ahead, or of a history that is no more. None of
them is mended; all are emptied, and the log is built anew.

*How they are emptied.* The log and tracking are written by conditional writes, for which each
replica keeps what was last promised and accepted, beside the table and by the table's id. TRUNCATE
leaves that: a write that was accepted and not completed would be completed by whoever comes next,
and bring a row or a head of before into the empty table. DROP and CREATE give the table a new id,
for which nothing was ever promised. The type view is made anew likewise, and Cassandra fills it:
files that were put beside a table have passed by its view. Snapshots are truncated: one that came
back would be held against the events like any other.

*Cut short.* The keyspace says from the first step to the last that this was begun, and recorders
refuse to open meanwhile; else an application would go on with a log that is empty, and followers
would take its end for the end. Each step can be taken again, so that the command is run again.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from importlib.resources import files

from eventstore_cassandra.datastore import CassandraDatastore
from eventstore_cassandra.errors import library_errors
from eventstore_cassandra.operations.progress import Progress
from eventstore_cassandra.operations.rebuild import rebuild_log
from eventstore_cassandra.profiles import LOOK_READ
from eventstore_cassandra.schema import run_script
from eventstore_cassandra.schema_version import checked_schema
from eventstore_cassandra.shared_settings import (
    SERIAL_CONSISTENCY,
    change_settings,
    refuse_other,
)

COMMAND = "patientmgmt store restored --write"
"""What has to be run again where it was cut short."""

OWN_TABLES = (
    "events",
    "event_types",
    "notification_log",
    "schema_version",
    "snapshots",
    "tracking",
)
_TABLES = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?"
_DROP = (
    "DROP MATERIALIZED VIEW IF EXISTS {keyspace}.events_by_type;"
    "DROP TABLE IF EXISTS {keyspace}.notification_log;"
    "DROP TABLE IF EXISTS {keyspace}.tracking;"
    "TRUNCATE {keyspace}.snapshots;"
)


@dataclass(frozen=True)
class Restored:
    """What was made anew, and what was not."""

    appended: int
    """Events that were appended to the new log; 0 unless it was to write, or if there is none."""
    other_tables: Sequence[str]
    """Tables of the keyspace that are not the event store's: applications know what is in them."""


def restore(datastore: CassandraDatastore, *, write: bool) -> Generator[Progress, None, Restored]:
    """Empty what is derived from the events, and build the log anew; only look unless ``write``.

    Nothing else may use the keyspace meanwhile. It may be stopped at any time and run again.

    :raises ProgrammingError: when the tables are not those that this program needs, or the
        keyspace has another serial consistency.
    :raises OperationalError: when the store cannot be reached. Run it again then.
    """
    schema = checked_schema(datastore)
    has_log = schema.notification_log != "no"
    if write:
        refuse_other(datastore, schema, [SERIAL_CONSISTENCY])
        change_settings(datastore, {"unfinished": COMMAND})
        run_script(datastore, _DROP)
        cql = files("eventstore_cassandra").joinpath("schema.cql").read_text(encoding="utf-8")
        run_script(datastore, cql.replace("{id_type}", schema.originator_id_type))
    rebuilt = yield from rebuild_log(datastore, write=write and has_log)
    if write:
        change_settings(datastore, {"unfinished": None})
    return Restored(rebuilt.appended, _other_tables(datastore))


def empty_snapshots(datastore: CassandraDatastore) -> None:
    """Remove all snapshots; applications may run meanwhile, and take new ones.

    :raises ProgrammingError: when the tables are not those that this program needs.
    :raises OperationalError: when a node is away, or the store cannot be reached.
    """
    checked_schema(datastore)
    run_script(datastore, "TRUNCATE {keyspace}.snapshots")


def _other_tables(datastore: CassandraDatastore) -> list[str]:
    with library_errors("Cannot read which tables there are"):
        bound = datastore.prepare(_TABLES).bind([datastore.settings.keyspace])
        rows = datastore.execute(bound, LOOK_READ)
        return sorted({row["table_name"] for row in rows} - {*OWN_TABLES})
