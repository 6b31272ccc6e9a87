"""A keyspace says which version its tables have, and any other than the needed one is refused."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from importlib.resources import files
from typing import Any
from uuid import uuid4

import pytest
from eventsourcing.persistence import ProgrammingError

from eventstore_cassandra import (
    CassandraAggregateRecorder,
    CassandraApplicationRecorder,
    CassandraDatastore,
    Settings,
    create_tables,
)
from eventstore_cassandra.operations import finish, rebuild_log, status, verify
from eventstore_cassandra.profiles import APPEND, SCHEMA
from eventstore_cassandra.schema import run_script, statements
from eventstore_cassandra.schema_version import VERSION, SchemaVersion, checked_schema
from eventstore_cassandra.updates import update_tables
from tests.store.operations.crafting import Store, events, keyspace

REFUSING: list[Callable[[CassandraDatastore], object]] = [
    CassandraApplicationRecorder,
    checked_schema,
    status,
    lambda datastore: finish(verify(datastore)),
    lambda datastore: finish(rebuild_log(datastore, write=True)),
]


@pytest.fixture
def fresh(settings: Settings) -> Iterator[CassandraDatastore]:
    """A keyspace without tables."""
    with keyspace(settings) as datastore:
        yield datastore


def create_version_1(datastore: CassandraDatastore) -> None:
    """Create the tables as they were before there was a log, without any column of later."""
    cql = files("eventstore_cassandra").joinpath("schema.cql").read_text(encoding="utf-8")
    for statement in statements(cql):
        later = "barred|erased" if ".events (" in statement else "append_id"
        if ".events (" in statement or ".snapshots (" in statement:
            statement = re.sub(rf"\n *({later}) .*,", "", statement)
        run_script(datastore, statement)
    drop_what_version_2_added(datastore)


def drop_what_version_2_added(datastore: CassandraDatastore) -> None:
    for table in ("notification_log", "schema_version"):
        datastore.session.execute(f"DROP TABLE {datastore.settings.keyspace}.{table}", timeout=60)


def statements_of_updates() -> list[str]:
    """Return what an update from version 1 runs, in order."""
    folder = files("eventstore_cassandra.updates")
    texts = [folder.joinpath(f"{n}.cql").read_text("utf-8") for n in range(2, VERSION + 1)]
    return [statement for text in texts for statement in statements(text)]


class KilledAt(CassandraDatastore):
    """A datastore whose process ends before one of its changes, counted from 0."""

    def __init__(self, settings: Settings, change: int) -> None:
        super().__init__(settings)
        self.left = change

    def execute(self, statement: Any, profile: str | None = None) -> Any:
        if profile in (SCHEMA, APPEND):
            if self.left == 0:
                raise KeyboardInterrupt
            self.left -= 1
        return super().execute(statement, profile)


def write_row(datastore: CassandraDatastore, version: int) -> None:
    query = "UPDATE {keyspace}.schema_version SET version = ? WHERE component = ? IF EXISTS"
    statement = datastore.prepare(query)
    datastore.session.execute(statement, [version, "event store"])


def open_with(datastore: CassandraDatastore, log_bucket_size: int | None) -> CassandraDatastore:
    """Give a datastore another setting, and leave its connections alone."""
    datastore.settings = replace(datastore.settings, log_bucket_size=log_bucket_size)
    return datastore


def columns(datastore: CassandraDatastore) -> set[tuple[str, ...]]:
    rows = datastore.session.execute(
        "SELECT table_name, column_name, type, kind FROM system_schema.columns"
        " WHERE keyspace_name = %s",
        (datastore.settings.keyspace,),
    )
    return {tuple(row) for row in rows}


def test_a_new_keyspace_has_the_version_and_the_usual_buckets(fresh: CassandraDatastore) -> None:
    create_tables(fresh)
    assert checked_schema(fresh) == SchemaVersion(
        version=VERSION, log_bucket_size=10_000, originator_id_type="uuid"
    )


def test_a_keyspace_keeps_the_bucket_size_that_it_was_created_with(
    fresh: CassandraDatastore,
) -> None:
    create_tables(open_with(fresh, 3))
    create_tables(open_with(fresh, None))
    recorder = CassandraApplicationRecorder(fresh)
    for _ in range(7):
        recorder.insert_events(events(uuid4(), 1))
    assert status(fresh).buckets == 3
    assert status(fresh).bucket_size == 3


@pytest.mark.parametrize("use", [CassandraApplicationRecorder, create_tables])
def test_another_bucket_size_is_refused(
    store: Store, use: Callable[[CassandraDatastore], object]
) -> None:
    before = store.datastore.settings
    try:
        with pytest.raises(ProgrammingError, match=r"expected 10, which keyspace .* found 11"):
            use(open_with(store.datastore, 11))
    finally:
        store.datastore.settings = before


@pytest.mark.parametrize("use", [*REFUSING, update_tables])
def test_a_keyspace_without_tables_names_the_command_that_makes_them(
    settings: Settings, use: Callable[[CassandraDatastore], object]
) -> None:
    datastore = CassandraDatastore(replace(settings, keyspace="nothing_is_here"))
    try:
        with pytest.raises(ProgrammingError, match="patientmgmt init"):
            use(datastore)
    finally:
        datastore.close()


@pytest.mark.parametrize("use", [*REFUSING, create_tables, update_tables])
def test_newer_tables_are_refused_with_the_name_of_their_update_note(
    store: Store, use: Callable[[CassandraDatastore], object]
) -> None:
    newer = VERSION + 1
    write_row(store.datastore, newer)
    match = rf"version {newer}.*newer release.*updates/{newer}\.md"
    try:
        with pytest.raises(ProgrammingError, match=match):
            use(store.datastore)
    finally:
        write_row(store.datastore, VERSION)


@pytest.mark.parametrize("use", [*REFUSING, create_tables])
def test_older_tables_are_refused_with_the_note_and_the_command_that_updates_them(
    store: Store, use: Callable[[CassandraDatastore], object]
) -> None:
    write_row(store.datastore, 1)
    try:
        with pytest.raises(ProgrammingError, match=r"updates/2\.md.*patientmgmt store update"):
            use(store.datastore)
    finally:
        write_row(store.datastore, VERSION)


def test_a_keyspace_of_before_there_were_versions_is_updated(fresh: CassandraDatastore) -> None:
    create_version_1(fresh)
    with pytest.raises(ProgrammingError, match="found version 1"):
        create_tables(fresh)
    notes = update_tables(fresh)
    assert len(notes) == VERSION - 1
    assert all("patientmgmt store rebuild-log --write" in note for note in notes[:2])
    assert checked_schema(fresh) == SchemaVersion(
        version=VERSION, log_bucket_size=10_000, originator_id_type="uuid"
    )
    updated = columns(fresh)
    assert update_tables(fresh) == []
    create_tables(fresh)
    assert columns(fresh) == updated


def test_events_of_before_are_in_the_log_after_update_and_rebuild(
    fresh: CassandraDatastore,
) -> None:
    aggregate = uuid4()
    create_tables(fresh)
    before = CassandraDatastore(fresh.settings)
    CassandraAggregateRecorder(before).insert_events(events(aggregate, 1, 2))
    before.close()
    drop_what_version_2_added(fresh)
    update_tables(fresh)
    finish(rebuild_log(fresh, write=True))
    store = Store(fresh)
    store.recorder.insert_events(events(aggregate, 3))
    assert store.log() == [(aggregate, 1), (aggregate, 2), (aggregate, 3)]
    assert store.findings() == {}


def test_an_update_goes_on_from_the_version_that_is_written(fresh: CassandraDatastore) -> None:
    """The log of version 2 had a row for each event; it is made anew from the events."""
    aggregate = uuid4()
    create_tables(open_with(fresh, 10))
    before = CassandraDatastore(fresh.settings)
    CassandraAggregateRecorder(before).insert_events(events(aggregate, 1, 2))
    before.close()
    drop_what_version_2_added(fresh)
    run_script(fresh, files("eventstore_cassandra.updates").joinpath("2.cql").read_text("utf-8"))
    fresh.session.execute(
        f"INSERT INTO {fresh.settings.keyspace}.schema_version"
        " (component, version, log_bucket_size) VALUES ('event store', 2, 10)"
    )
    notes = update_tables(fresh)
    assert len(notes) == VERSION - 2
    assert "new positions" in notes[0]
    assert checked_schema(fresh) == SchemaVersion(
        version=VERSION, log_bucket_size=10, originator_id_type="uuid"
    )
    finish(rebuild_log(fresh, write=True))
    store = Store(fresh)
    assert store.log() == [(aggregate, 1), (aggregate, 2)]
    assert store.findings() == {}


# The scripts' statements, the row after each script, and the row at the end.
CHANGES_OF_AN_UPDATE = len(statements_of_updates()) + VERSION - 1 + 1


@pytest.mark.parametrize("changes", [[0], [1], range(2, CHANGES_OF_AN_UPDATE)])
def test_updates_that_were_cut_short_can_be_run_again_wherever_that_was(
    fresh: CassandraDatastore, changes: Sequence[int]
) -> None:
    create_version_1(fresh)
    for change in changes:
        dying = KilledAt(fresh.settings, change)
        with pytest.raises(KeyboardInterrupt):
            update_tables(dying)
        dying.close()
        before = columns(fresh)
        for use in (create_tables, CassandraApplicationRecorder):
            with pytest.raises(
                ProgrammingError, match=r"found version 1\..*`patientmgmt store upda"
            ):
                use(fresh)
        assert columns(fresh) == before
    assert len(update_tables(fresh)) == VERSION - 1
    recorder, aggregate = CassandraApplicationRecorder(fresh), uuid4()
    assert recorder.insert_events(events(aggregate, 1)) == [1]
    create_tables(fresh)
    assert checked_schema(fresh).version == VERSION


def test_an_init_that_called_an_old_log_a_new_one_is_put_right_by_an_update(
    fresh: CassandraDatastore,
) -> None:
    create_version_1(fresh)
    run_script(fresh, files("eventstore_cassandra.updates").joinpath("2.cql").read_text("utf-8"))
    fresh.session.execute(
        f"INSERT INTO {fresh.settings.keyspace}.schema_version"
        " (component, version, log_bucket_size) VALUES ('event store', 3, 10)"
    )
    for use in (create_tables, CassandraApplicationRecorder):
        with pytest.raises(ProgrammingError, match=r"found version 2\..*patientmgmt store update"):
            use(fresh)
    assert "new positions" in update_tables(fresh)[0]
    assert CassandraApplicationRecorder(fresh).insert_events(events(uuid4(), 1)) == [1]


def test_a_log_without_the_column_that_is_needed_is_no_part_of_a_creation(
    fresh: CassandraDatastore,
) -> None:
    run_script(fresh, statements_of_updates()[0])
    before = columns(fresh)
    with pytest.raises(ProgrammingError, match="found version 1"):
        create_tables(fresh)
    assert columns(fresh) == before


@pytest.mark.parametrize("table", ["snapshots", "notification_log"])
@pytest.mark.parametrize("id_type", [None, "uuid", "text"])
def test_tables_that_two_programs_created_with_ids_of_two_types_are_refused(
    settings: Settings, table: str, id_type: str | None
) -> None:
    schema = files("eventstore_cassandra").joinpath("schema.cql").read_text(encoding="utf-8")
    (of_table,) = [text for text in statements(schema) if f"keyspace}}.{table} (" in text]
    with keyspace(settings, originator_id_type="text") as fresh:
        run_script(fresh, of_table)
        fresh.settings = replace(fresh.settings, originator_id_type="uuid")
        run_script(fresh, schema)
        fresh.settings = replace(fresh.settings, originator_id_type=id_type)
        with pytest.raises(
            ProgrammingError, match=rf"one type .*, found uuid in events, .*{table}"
        ):
            create_tables(fresh)
        with pytest.raises(ProgrammingError, match="found none, or not all of them"):
            checked_schema(fresh)


def test_a_creation_that_was_cut_short_is_seen_and_can_be_repeated(
    fresh: CassandraDatastore,
) -> None:
    cql = files("eventstore_cassandra").joinpath("schema.cql").read_text(encoding="utf-8")
    run_script(fresh, cql)
    with pytest.raises(ProgrammingError, match=r"or not all of them.*patientmgmt init"):
        checked_schema(fresh)
    create_tables(fresh)
    assert checked_schema(fresh).version == VERSION
