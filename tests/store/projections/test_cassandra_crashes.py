"""A worker on Cassandra that dies in the midst of a change, and whoever goes on."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from cassandra import OperationTimedOut
from cassandra.query import BatchStatement, BoundStatement

from eventstore_cassandra import CassandraDatastore
from projections.cassandra import CassandraDatabase
from projections.change import Place, places
from projections.database import Generation, Tables
from projections.errors import ReadModelsUnavailableError
from tests.store.projections.looking import guard, notes_of, own_rows, stand
from tests.unit.projections.notes import NOTES, SHELVED, Note, change_to, notes, on_shelves


class DyingSession:
    """The rest of a session, as it is for a worker that is killed before such a statement."""

    def __init__(self, session: Any, before: str) -> None:
        self._session = session
        self._before = before
        self._is_dead = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def execute(self, statement: Any, *args: Any, **kwargs: Any) -> Any:
        self._die_before(statement)
        return self._session.execute(statement, *args, **kwargs)

    def execute_async(self, statement: Any, *args: Any, **kwargs: Any) -> Any:
        self._die_before(statement)
        return self._session.execute_async(statement, *args, **kwargs)

    def _die_before(self, statement: Any) -> None:
        self._is_dead |= any(self._before in text for text in texts_of(statement))
        if self._is_dead:
            raise OperationTimedOut


def texts_of(statement: Any) -> Iterator[str]:
    """Return the CQL of a statement, or of those in a batch."""
    match statement:
        case BoundStatement():
            yield statement.prepared_statement.query_string
        case BatchStatement():
            pass
        case _:
            yield str(statement)


BEFORE_DELETIONS, BEFORE_COUNTS, BEFORE_GUARDS = "DELETE FROM", "_tally WHERE", "_guards ("


def dying(datastore: CassandraDatastore, before: str) -> Tables:
    session: Any = DyingSession(datastore.session, before)
    return CassandraDatabase(session, datastore.settings.keyspace).open(Generation(NOTES, 1))


def shelves(tables: Tables, states: list[Note]) -> list[str]:
    """Return where the note is now, by its rows."""
    places: list[Place] = [*own_rows(tables, states[0].note_id)]
    return sorted(key[0] for table, key in places if table is SHELVED)


def crash(datastore: CassandraDatastore, before: str, states: list[Note], version: int) -> None:
    with pytest.raises(ReadModelsUnavailableError):
        dying(datastore, before).carry_out([change_to(states, version, since=1)])


@pytest.mark.parametrize(
    ("before", "found"),
    [
        (BEFORE_DELETIONS, ["A", "C"]),
        (BEFORE_COUNTS, ["C"]),
        (BEFORE_GUARDS, ["C"]),
    ],
    ids=["rows", "deletions", "counts"],
)
def test_who_dies_after_them_leaves_an_aggregate_somewhere_and_its_guard_at_the_version_before(
    read_model_datastore: CassandraDatastore,
    cassandra_database: CassandraDatabase,
    before: str,
    found: list[str],
) -> None:
    tables, states = notes_of(cassandra_database), on_shelves(uuid4(), "A", "B", "C", None)
    tables.carry_out([change_to(states, 1)])
    crash(read_model_datastore, before, states, 3)
    assert shelves(tables, states) == found
    assert guard(tables, states[0].note_id).version == 1
    assert NOTES.from_json(guard(tables, states[0].note_id).state) == states[0]


@pytest.mark.parametrize("before", [BEFORE_DELETIONS, BEFORE_COUNTS, BEFORE_GUARDS])
@pytest.mark.parametrize("end", [2, 3, 4, 5])
def test_a_change_that_a_crash_cut_off_is_completed_by_whoever_goes_on(
    read_model_datastore: CassandraDatastore,
    cassandra_database: CassandraDatabase,
    before: str,
    end: int,
) -> None:
    tables = notes_of(cassandra_database)
    states = notes(
        uuid4(),
        [("A", "t", "x"), ("B", "t", "x"), ("C", "u", "y"), (None, "u", "y"), ("A", "t", "x")],
    )
    tables.carry_out([change_to(states, 1)])
    crash(read_model_datastore, before, states, 3)
    tables.carry_out([change_to(states, end, since=1)])
    last = max(end, 3)
    if end < last:
        tables.carry_out([change_to(states, last, since=end)])
    stand(tables, states[:last])
    assert guard(tables, states[0].note_id).version == last
    expected = dict.fromkeys(NOTES.counted(states[last - 1]), 1)
    assert {name: n for name, n in tables.counts().items() if n} == expected


def test_a_guard_promises_the_rows(
    read_model_datastore: CassandraDatastore, cassandra_database: CassandraDatabase
) -> None:
    """Whenever it dies: either the guard tells the version before, or all rows are there."""
    tables = notes_of(cassandra_database)
    for before in (" INTO ", BEFORE_DELETIONS, BEFORE_COUNTS, BEFORE_GUARDS, "nothing at all"):
        states = on_shelves(uuid4(), "A", "B")
        tables.carry_out([change_to(states, 1)])
        try:
            dying(read_model_datastore, before).carry_out([change_to(states, 2, since=1)])
        except ReadModelsUnavailableError:
            assert guard(tables, states[0].note_id).version == 1
        else:
            assert guard(tables, states[0].note_id).version == 2
            stand(tables, states)


@pytest.mark.parametrize("before", [BEFORE_COUNTS, BEFORE_GUARDS])
def test_an_erasure_that_a_crash_cut_off_is_completed_when_it_is_done_again(
    read_model_datastore: CassandraDatastore, cassandra_database: CassandraDatabase, before: str
) -> None:
    tables, states = notes_of(cassandra_database), on_shelves(uuid4(), "A", "B")
    tables.carry_out([change_to(states, 2)])
    with pytest.raises(ReadModelsUnavailableError):
        dying(read_model_datastore, before).erase(states[0].note_id, places(NOTES, states))
    assert own_rows(tables, states[0].note_id) == {}
    assert not guard(tables, states[0].note_id).is_erased
    tables.erase(states[0].note_id, places(NOTES, states))
    tables.carry_out([change_to(states, 2)])
    assert own_rows(tables, states[0].note_id) == {}
    assert guard(tables, states[0].note_id).is_erased


def test_two_that_died_at_different_places_do_no_harm(
    read_model_datastore: CassandraDatastore, cassandra_database: CassandraDatabase
) -> None:
    tables = notes_of(cassandra_database)
    states = on_shelves(uuid4(), "A", "B", "C", "D")
    tables.carry_out([change_to(states, 1)])
    crash(read_model_datastore, BEFORE_GUARDS, states, 3)
    crash(read_model_datastore, BEFORE_DELETIONS, states, 2)
    tables.carry_out([change_to(states, 4, since=1)])
    stand(tables, states)
    assert shelves(tables, states) == ["D"]
