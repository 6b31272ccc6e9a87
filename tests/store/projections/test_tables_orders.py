"""Several workers at once end in the rows that are expected, whichever goes first."""

from itertools import pairwise
from uuid import uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projections.cassandra import CassandraDatabase
from projections.change import Change, places
from projections.database import Database
from tests.store.projections.looking import guard, notes_of, own_rows, stand
from tests.unit.projections.notes import NOTES, Note, change_to, histories, notes

on_databases = settings(
    max_examples=50,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@on_databases
@given(data=st.data())
def test_workers_that_read_and_write_in_turns_end_in_the_same_rows(
    database: Database, data: st.DataObject
) -> None:
    """Each reads the guard, goes from there to a version of its own, and writes late or never."""
    tables = notes_of(database)
    states = notes(uuid4(), data.draw(histories))
    id_, made = states[0].note_id, list[Change]()
    for _ in range(data.draw(st.integers(0, 8))):
        shown = tables.guards([id_])[id_].version if tables.guards([id_]) else 0
        if made and (shown == len(states) or data.draw(st.booleans())):
            tables.carry_out([made.pop(data.draw(st.integers(0, len(made) - 1)))])
        elif shown < len(states):
            end = data.draw(st.integers(shown + 1, len(states)))
            made.append(change_to(states, end, since=shown))
    late = data.draw(st.permutations(made))
    for change in late[: data.draw(st.integers(0, len(late)))]:
        tables.carry_out([change])
    shown = tables.guards([id_])[id_].version if tables.guards([id_]) else 0
    if shown < len(states):
        tables.carry_out([change_to(states, len(states), since=shown)])
    for change in late:
        tables.carry_out([change])
    stand(tables, states)
    assert guard(tables, id_).version == len(states)


def in_steps(states: list[Note], ends: set[int]) -> list[Change]:
    starts = [0, *sorted(ends)]
    return [change_to(states, end, since=start) for start, end in pairwise(starts)]


@on_databases
@given(data=st.data())
def test_writes_that_arrive_late_in_cassandra_end_in_the_same_rows(
    cassandra_database: CassandraDatabase, data: st.DataObject
) -> None:
    """Hints, and requests without an answer, arrive in any order; SQLite has neither."""
    tables = notes_of(cassandra_database)
    states = notes(uuid4(), data.draw(histories))
    ends = st.sets(st.integers(1, len(states)), max_size=4)
    changes = in_steps(states, data.draw(ends) | {len(states)})
    changes += in_steps(states, data.draw(ends))
    for change in data.draw(st.permutations(changes)):
        tables.carry_out([change])
    stand(tables, states)
    assert guard(tables, states[0].note_id).version == len(states)


@on_databases
@given(data=st.data())
def test_whatever_workers_write_before_or_after_an_erased_aggregate_stays_away(
    database: Database, data: st.DataObject
) -> None:
    tables = notes_of(database)
    states = notes(uuid4(), data.draw(histories))
    ends = data.draw(st.sets(st.integers(1, len(states)), max_size=4)) | {len(states)}
    for change in data.draw(st.permutations([*in_steps(states, ends), None])):
        if change is None:
            tables.erase(states[0].note_id, places(NOTES, states))
        else:
            tables.carry_out([change])
    assert own_rows(tables, states[0].note_id) == {}
    assert guard(tables, states[0].note_id).is_erased
