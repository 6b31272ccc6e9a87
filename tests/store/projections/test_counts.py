"""How many aggregates count under a name is told without reading them."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projections.change import places
from projections.database import Database, Generation, Tables
from tests.store.projections.looking import notes_of
from tests.unit.projections.notes import NOTES, Note, change_to, histories, notes, on_shelves


@pytest.fixture
def tables(database: Database) -> Tables:
    """The tables of notes, empty."""
    return notes_of(database)


def counts(tables: Tables) -> dict[str, int]:
    return {name: number for name, number in tables.counts().items() if number}


def test_nothing_counts_at_the_beginning(tables: Tables) -> None:
    assert counts(tables) == {}


def test_each_aggregate_counts_once_under_each_name(tables: Tables) -> None:
    for shelf in ("A", "A", "B", None):
        tables.carry_out([change_to(on_shelves(uuid4(), shelf), 1)])
    assert counts(tables) == {"all": 3, "A x": 2, "B x": 1}


def test_it_counts_as_its_last_state_does(tables: Tables) -> None:
    states = on_shelves(uuid4(), "A", "B", None, "C")
    for version, expected in (1, {"all": 1, "A x": 1}), (3, {}), (4, {"all": 1, "C x": 1}):
        tables.carry_out([change_to(states, version)])
        assert counts(tables) == expected


def test_doing_it_again_and_being_behind_count_nothing(tables: Tables) -> None:
    states = on_shelves(uuid4(), "A", "B", "C")
    for version in (1, 3, 3, 2, 1):
        tables.carry_out([change_to(states, version)])
    assert counts(tables) == {"all": 1, "C x": 1}


def test_many_aggregates_are_counted_in_one_call(tables: Tables) -> None:
    many = [on_shelves(uuid4(), "AB"[n % 2]) for n in range(500)]
    tables.carry_out([change_to(states, 1) for states in many])
    assert counts(tables) == {"all": 500, "A x": 250, "B x": 250}


def test_an_erased_aggregate_counts_no_longer_and_never_again(tables: Tables) -> None:
    states = on_shelves(uuid4(), "A", "B")
    tables.carry_out([change_to(states, 1), change_to(on_shelves(uuid4(), "A"), 1)])
    for _ in range(2):
        tables.erase(states[0].note_id, places(NOTES, states))
        tables.carry_out([change_to(states, 2)])
        assert counts(tables) == {"all": 1, "A x": 1}


def test_who_was_never_shown_may_be_erased_and_does_not_count(tables: Tables) -> None:
    states = on_shelves(uuid4(), "A")
    tables.erase(states[0].note_id, [])
    tables.carry_out([change_to(states, 1)])
    assert counts(tables) == {}


def test_an_emptied_database_counts_nothing_and_can_count_again(
    database: Database, tables: Tables
) -> None:
    states = on_shelves(uuid4(), "A")
    tables.carry_out([change_to(states, 1)])
    database.empty(Generation(NOTES, 1))
    assert counts(tables) == {}
    tables.carry_out([change_to(states, 1)])
    assert counts(tables) == {"all": 1, "A x": 1}


def test_threads_that_count_at_once_lose_nothing(database: Database, tables: Tables) -> None:
    def shelve(number: int) -> None:
        own = database.open(Generation(NOTES, 1))
        own.carry_out([change_to(on_shelves(UUID(int=number), "A"), 1)])

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(shelve, range(40)))
    assert counts(tables) == {"all": 40, "A x": 40}


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_changes_of_several_workers_end_in_who_counts(
    database: Database, data: st.DataObject
) -> None:
    """Each goes from a version that is shown to one of its own, and writes again, or late."""
    tables = notes_of(database)
    before = Counter(counts(tables))
    many = [notes(uuid4(), data.draw(histories)) for _ in range(data.draw(st.integers(1, 3)))]
    for states in many:
        late = []
        since = 0
        while since < len(states):
            end = data.draw(st.integers(since + 1, len(states)))
            made = change_to(states, end, since=since)
            tables.carry_out([made])
            late.append(made)
            since = end
        for made in data.draw(st.permutations(late)):
            tables.carry_out([made])
    expected = Counter(name for states in many for name in NOTES.counted(states[-1]))
    after = Counter(counts(tables))
    after.subtract(before)
    assert {name: n for name, n in after.items() if n} == expected


def test_a_state_of_which_nothing_counts_is_no_error(tables: Tables) -> None:
    note: Note = on_shelves(uuid4(), None)[0]
    tables.carry_out([change_to([note], 1)])
    assert counts(tables) == {}
