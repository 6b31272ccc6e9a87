"""What leads from each version of the tables to the next: ``N.cql`` makes version N of the one
before and can be run again, ``N.md`` is its note for operators.
"""

from importlib.resources import files

from eventstore_cassandra.datastore import CassandraDatastore
from eventstore_cassandra.schema import run_script
from eventstore_cassandra.schema_version import (
    VERSION,
    checked_id_type,
    checked_schema,
    found_version,
    write_version,
)
from eventstore_cassandra.settings import DEFAULT_ID_TYPE


def update_tables(datastore: CassandraDatastore) -> list[str]:
    """Bring the tables to the version that this program needs; return the notes of what was done.

    Run it from one process at a time, like everything that changes tables.

    :raises ProgrammingError: where there are no tables, those of a newer release, or ids of another
        type than is set.
    :raises OperationalError: when the store cannot be reached. Run it again then.
    """
    found = found_version(datastore) or VERSION
    id_type = checked_id_type(datastore) or DEFAULT_ID_TYPE
    notes = []
    for version in range(found + 1, VERSION + 1):
        cql = files(__name__).joinpath(f"{version}.cql").read_text("utf-8")
        run_script(datastore, cql.replace("{id_type}", id_type))
        # If this is cut short, the next run does all of it again, and tells all of the notes.
        write_version(datastore, found)
        notes.append(files(__name__).joinpath(f"{version}.md").read_text("utf-8"))
    if notes:
        write_version(datastore)
    checked_schema(datastore)
    return notes
