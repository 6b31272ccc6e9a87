"""What is only so in Cassandra: tables that an operator makes, and names, sizes and connections."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from uuid import uuid4

import pytest

from eventstore_cassandra import CassandraDatastore
from projections.cassandra import CassandraDatabase
from projections.change import Change, Guard, places
from projections.database import Generation
from projections.errors import ChangeRefusedError, ReadModelsUnavailableError, TablesMissingError
from projections.generations import Generations
from tests.store.projections.looking import notes_of, own_rows, stand
from tests.unit.projections.notes import (
    ENTRIES,
    NOTES,
    SAMPLES,
    SHELVED,
    Entry,
    change_to,
    notes,
    on_shelves,
)

FIRST = Generation(NOTES, 1)


@pytest.fixture
def empty_keyspace(read_model_datastore: CassandraDatastore) -> Iterator[str]:
    keyspace = f"read_models_{uuid4().hex[:12]}"
    read_model_datastore.session.execute(
        f"CREATE KEYSPACE {keyspace} WITH replication = "
        "{'class': 'SimpleStrategy', 'replication_factor': 1}"
    )
    yield keyspace
    read_model_datastore.session.execute(f"DROP KEYSPACE {keyspace}", timeout=60)


def test_creating_the_tables_again_changes_nothing(cassandra_database: CassandraDatabase) -> None:
    states = on_shelves(uuid4(), "A")
    notes_of(cassandra_database).carry_out([change_to(states, 1)])
    cassandra_database.create(FIRST)
    cassandra_database.create_records()
    Generations(cassandra_database).ensure(NOTES)
    stand(notes_of(cassandra_database), states)


def test_missing_tables_are_told_with_what_to_do(
    read_model_datastore: CassandraDatastore, empty_keyspace: str
) -> None:
    database = CassandraDatabase(read_model_datastore.session, empty_keyspace)
    told = rf"keyspace {empty_keyspace} .*Run `patientmgmt init`\."
    with pytest.raises(TablesMissingError, match=told):
        Generations(database).registered(NOTES)
    with pytest.raises(TablesMissingError, match=told):
        database.open(FIRST).guards([uuid4()])
    with pytest.raises(TablesMissingError, match=told):
        database.open(FIRST).carry_out([change_to(on_shelves(uuid4(), "A"), 1)])


def test_tables_that_were_never_made_are_told_with_what_to_do(
    read_model_datastore: CassandraDatastore, empty_keyspace: str
) -> None:
    database = CassandraDatabase(read_model_datastore.session, empty_keyspace)
    database.create_records()
    with pytest.raises(ReadModelsUnavailableError, match=r"notes has no tables yet\. Run `pa"):
        Generations(database).live(NOTES)


def test_tables_dropped_later_are_told_with_what_to_do(
    read_model_datastore: CassandraDatastore, empty_keyspace: str
) -> None:
    database = CassandraDatabase(read_model_datastore.session, empty_keyspace)
    database.create(FIRST)
    tables, states = database.open(FIRST), on_shelves(uuid4(), "A")
    tables.carry_out([change_to(states, 1)])
    read_model_datastore.session.execute(f"DROP TABLE {empty_keyspace}.notes_1_shelved", timeout=60)
    with pytest.raises(TablesMissingError, match="Run `patientmgmt init`"):
        tables.select(SHELVED, ("A",))
    with pytest.raises(TablesMissingError, match="Run `patientmgmt init`"):
        tables.carry_out([change_to(on_shelves(uuid4(), "A"), 1)])


def test_dropping_removes_all_tables_and_may_be_done_again(
    read_model_datastore: CassandraDatastore, empty_keyspace: str
) -> None:
    database = CassandraDatabase(read_model_datastore.session, empty_keyspace)
    database.create(FIRST)
    for _ in range(2):
        database.drop(FIRST)
    found = read_model_datastore.session.execute(
        "SELECT table_name FROM system_schema.tables WHERE keyspace_name = %s", [empty_keyspace]
    )
    assert list(found) == []


def test_a_missing_keyspace_is_told_with_what_to_do(
    read_model_datastore: CassandraDatastore,
) -> None:
    database = CassandraDatabase(read_model_datastore.session, "no_such_keyspace")
    calls: list[Callable[[], object]] = [
        lambda: database.records.load("kind", "name"),
        database.create_records,
        lambda: database.create(FIRST),
        lambda: database.open(FIRST).guards([uuid4()]),
    ]
    for call in calls:
        with pytest.raises(TablesMissingError, match="Run `patientmgmt init`"):
            call()


@pytest.mark.parametrize("keyspace", ["", "1a", "a-b", "a; DROP KEYSPACE b", "a" * 49, "a\n"])
def test_a_name_that_no_keyspace_can_have_is_refused(
    read_model_datastore: CassandraDatastore, keyspace: str
) -> None:
    with pytest.raises(ValueError, match="is no name of a keyspace"):
        CassandraDatabase(read_model_datastore.session, keyspace)


def refused(database: CassandraDatabase, change: Change, told: str) -> None:
    """Check that a change is refused with a sentence, and others are carried out afterwards."""
    tables, states = notes_of(database), on_shelves(uuid4(), "A")
    with pytest.raises(ChangeRefusedError, match=rf"refused a request .*: .*{told}"):
        tables.carry_out([change])
    assert tables.guards([change.aggregate_id]) == {}
    tables.carry_out([change_to(states, 1)])
    stand(tables, states)


def test_a_key_that_is_too_long_is_refused_and_not_told_as_missing_tables(
    cassandra_database: CassandraDatabase,
) -> None:
    states = notes(uuid4(), [("A", "x" * 70_000, "x")])
    refused(cassandra_database, change_to(states, 1), "longer than maximum of 65535")


def test_a_partition_without_a_name_is_refused(cassandra_database: CassandraDatabase) -> None:
    refused(cassandra_database, change_to(on_shelves(uuid4(), ""), 1), "[Kk]ey may not be empty")


def test_a_large_row_that_no_batch_could_hold_is_kept(
    cassandra_database: CassandraDatabase,
) -> None:
    tables, note_id = notes_of(cassandra_database), uuid4()
    rows = [Entry("g", 1, order, b"k", note_id, "x" * 300_000) for order in range(4)]
    put = [(ENTRIES, row) for row in rows]
    tables.carry_out([Change(note_id, put, [], None, Guard(1, ""))])
    assert tables.select(ENTRIES, ("g", 1)) == rows


def test_a_row_that_is_larger_than_the_server_takes_is_a_refused_change(
    cassandra_database: CassandraDatabase,
) -> None:
    """Otherwise a worker would try it over and over, and nothing after it would be shown."""
    note_id = uuid4()
    put = [(ENTRIES, Entry("g", 1, 1, b"k", note_id, "x" * 17_000_000))]
    with pytest.raises(ChangeRefusedError):
        notes_of(cassandra_database).carry_out([Change(note_id, put, [], None, Guard(1, ""))])


def test_a_lost_connection_is_told_by_every_method(
    read_model_datastore: CassandraDatastore, cassandra_database: CassandraDatabase
) -> None:
    datastore = CassandraDatastore(read_model_datastore.settings)
    database = CassandraDatabase(datastore.session, datastore.settings.keyspace)
    tables, states = database.open(FIRST), on_shelves(uuid4(), "A")
    id_, records = states[0].note_id, database.records
    prepared: list[Callable[[], object]] = [
        lambda: tables.get(SAMPLES, (id_,)),
        lambda: tables.get_all(SAMPLES, [(id_,)]),
        lambda: tables.select(SHELVED, ("A",)),
        lambda: tables.select_all(SHELVED, [("A",)]),
        lambda: list(tables.all_rows(SHELVED)),
        lambda: tables.guards([id_]),
        tables.counts,
        lambda: tables.carry_out([change_to(states, 1)]),
        lambda: tables.erase(id_, places(NOTES, states)),
        lambda: records.load("kind", "name"),
        lambda: records.load_all("kind"),
        lambda: records.save("kind", "name", "text"),
        lambda: records.replace("other", "name", None, "text"),
        lambda: records.delete("kind", "name"),
    ]
    for call in prepared:
        call()
    not_prepared: list[Callable[[], object]] = [
        lambda: tables.select(SHELVED, ("A",), limit=1, reverse=True),
        database.create_records,
        lambda: database.create(FIRST),
        lambda: database.empty(FIRST),
        lambda: database.drop(FIRST),
    ]
    datastore.session.cluster.shutdown()
    for call in prepared + not_prepared:
        with pytest.raises(ReadModelsUnavailableError, match=r"cannot be reached: .* Check that"):
            call()


def test_truncated_tables_can_be_filled_again(
    read_model_datastore: CassandraDatastore, cassandra_database: CassandraDatabase
) -> None:
    tables, states = notes_of(cassandra_database), on_shelves(uuid4(), "A", "B")
    tables.carry_out([change_to(states, 2)])
    tables.erase(states[0].note_id, places(NOTES, states))
    for name in ("guards", "tally", *NOTES.by_name):
        read_model_datastore.session.execute(
            f"TRUNCATE {read_model_datastore.settings.keyspace}.notes_1_{name}", timeout=60
        )
    assert own_rows(tables, states[0].note_id) == {}
    tables.carry_out([change_to(states, 1)])
    stand(tables, states[:1])


def test_a_model_of_the_same_name_and_another_keyspace_are_apart(
    read_model_datastore: CassandraDatastore,
    cassandra_database: CassandraDatabase,
    empty_keyspace: str,
) -> None:
    other = CassandraDatabase(read_model_datastore.session, empty_keyspace)
    other.create(Generation(replace(NOTES, version=2), 1))
    states = on_shelves(uuid4(), "A")
    notes_of(cassandra_database).carry_out([change_to(states, 1)])
    assert other.open(FIRST).guards([states[0].note_id]) == {}
