"""What all writers of a keyspace must have in common, as the keyspace itself says it.

A writer without the log beside one with it leaves events that followers never see; of two that are
serialised at different levels both may win a version; a cipher or compressor that one has and the
other has not makes states that the other cannot read. None of it is told by an error when it
happens. So the values stand in the keyspace, in the row of its schema version. A value that is not
there yet is claimed by the first who opens a recorder, in a conditional write; whoever has another
is refused. Between data centres too, hence ``SERIAL``, whatever the setting is.

A cipher and a compressor are told by their topics; nothing of a key is written.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from cassandra import ConsistencyLevel
from eventsourcing.persistence import OperationalError, ProgrammingError

from eventstore_cassandra.datastore import CassandraDatastore
from eventstore_cassandra.errors import DRIVER_ERRORS, is_certain, library_error
from eventstore_cassandra.profiles import APPEND
from eventstore_cassandra.schema_version import (
    COMPONENT,
    VERSION,
    SchemaVersion,
    checked_schema,
    found_version,
)
from eventstore_cassandra.settings import NONE, SERIAL_LEVELS, Settings


@dataclass(frozen=True)
class SharedSetting:
    """One of them."""

    column: str
    """Its column in ``schema_version``, and the name of it in :class:`SchemaVersion`."""
    variable: str
    choices: tuple[str, ...] = ()
    """What it may be; empty for a topic, or "none"."""

    @property
    def option(self) -> str:
        """The option of ``patientmgmt store settings``."""
        return f"--{self.column.replace('_', '-')}"

    def check(self, value: str) -> None:
        """Let pass what the setting may be.

        :raises ProgrammingError: for anything else, which no writer could have: it would keep out
            all of them.
        """
        # A topic may also be the name of a module, or one that an application has registered.
        is_topic = bool(value) and value.split() == [value]
        if value in self.choices or (
            not self.choices and is_topic and (value == NONE or value.lower() != NONE)
        ):
            return
        expected = " or ".join(self.choices) or f"a topic, like package.module:Class, or {NONE}"
        raise ProgrammingError(f"{self.option}: expected {expected}, found {value!r}.")


NOTIFICATION_LOG = SharedSetting("notification_log", "CASSANDRA_NOTIFICATION_LOG", ("yes", "no"))
SERIAL_CONSISTENCY = SharedSetting(
    "serial_consistency", "CASSANDRA_SERIAL_CONSISTENCY", SERIAL_LEVELS
)
CIPHER = SharedSetting("cipher", "CIPHER_TOPIC")
COMPRESSOR = SharedSetting("compressor", "COMPRESSOR_TOPIC")
SHARED = (NOTIFICATION_LOG, SERIAL_CONSISTENCY, CIPHER, COMPRESSOR)


def claimed_schema(datastore: CassandraDatastore) -> SchemaVersion:
    """Return what the keyspace says of itself, for whoever writes events or reads their states.

    What it does not say yet it says from now on, as the settings have it.

    :raises ProgrammingError: when it is not what this program and its settings need.
    :raises OperationalError: when the store cannot be reached.
    """
    schema = checked_schema(datastore)
    if schema.unfinished:
        raise ProgrammingError(
            f"Expected keyspace {datastore.settings.keyspace} to be whole, found that "
            f"`{schema.unfinished}` was begun and has not come to its end. Run it again."
        )
    wanted = _values(datastore.settings)
    while True:
        refuse_other(datastore, schema)
        missing = {
            column: value
            for column, value in wanted.items()
            if value is not None and getattr(schema, column) is None
        }
        if not missing:
            return schema
        schema = replace(schema, **_claim(datastore, missing))  # type: ignore[arg-type]


def refuse_other(
    datastore: CassandraDatastore, schema: SchemaVersion, among: Iterable[SharedSetting] = SHARED
) -> None:
    """Let pass settings that are as the keyspace has them, or that it does not have yet.

    :raises ProgrammingError: for any other.
    """
    wanted = _values(datastore.settings)
    for setting in among:
        expected, found = getattr(schema, setting.column), wanted[setting.column]
        if None not in (expected, found) and expected != found:
            raise ProgrammingError(
                f"{setting.variable}: expected {expected}, as all writers of keyspace "
                f"{datastore.settings.keyspace} have it, found {found}. Set the variable so; or, "
                "while nothing writes, change what the keyspace says, with `patientmgmt store "
                f"settings {setting.option} {found} --write`."
            )


def settings_of_keyspace(datastore: CassandraDatastore) -> Settings:
    """Return the datastore's settings with what the keyspace says instead of them.

    They are for those who look after a store and have not the application's environment. Tables
    of another version say nothing.

    :raises ProgrammingError: when the size of buckets or the type of ids is another than is set.
    :raises OperationalError: when the store cannot be reached.
    """
    settings = datastore.settings
    if found_version(datastore) != VERSION:
        return settings
    schema = checked_schema(datastore)
    return replace(
        settings,
        notification_log=(schema.notification_log or _values(settings)["notification_log"])
        == "yes",
        serial_consistency=schema.serial_consistency or settings.serial_consistency,
    )


def change_settings(datastore: CassandraDatastore, changes: Mapping[str, str | None]) -> None:
    """Let the keyspace say something else from now on, by column; only while nothing writes.

    :raises OperationalError: when the store cannot be reached. Run it again then.
    """
    checked_schema(datastore)
    columns = ", ".join(f"{column} = ?" for column in changes)
    query = f"UPDATE {{keyspace}}.schema_version SET {columns} WHERE component = ? IF EXISTS"
    _write(datastore, query, [*changes.values(), COMPONENT])


def _values(settings: Settings) -> dict[str, str | None]:
    return {
        "notification_log": "yes" if settings.notification_log else "no",
        "serial_consistency": settings.serial_consistency,
        "cipher": settings.cipher,
        "compressor": settings.compressor,
    }


def _claim(datastore: CassandraDatastore, values: Mapping[str, str]) -> dict[str, str]:
    """Return what the keyspace says after the claim, of these columns."""
    columns = ", ".join(f"{column} = ?" for column in values)
    free = " AND ".join(f"{column} = null" for column in values)
    query = f"UPDATE {{keyspace}}.schema_version SET {columns} WHERE component = ? IF {free}"
    reply = _write(datastore, query, [*values.values(), COMPONENT])
    if reply["[applied]"]:
        return dict(values)
    return {column: reply[column] for column in values}


def _write(datastore: CassandraDatastore, query: str, values: list[str | None]) -> dict[str, str]:
    bound = datastore.prepare(query).bind(values)
    bound.serial_consistency_level = ConsistencyLevel.SERIAL
    doing = "Cannot write what the keyspace says of its writers"
    for _ in range(datastore.settings.append_attempts):
        try:
            row: dict[str, str] = datastore.execute(bound, APPEND).one()
        except DRIVER_ERRORS as e:
            if is_certain(e):
                raise library_error(e, doing) from e
            continue
        return row
    raise OperationalError(f"{doing}: no answer. Run it again; a second time changes nothing.")
