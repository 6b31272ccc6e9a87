"""What the tables of every database promise of changes."""

from uuid import uuid4

import pytest

from projections.change import ERASED_VERSION, Guard, Place, change, expected_rows, places
from projections.database import Database, Generation, Tables
from tests.store.projections.looking import guard, notes_of, own_rows, stand
from tests.unit.projections.notes import (
    ALL,
    NOTES,
    SHELVED,
    SHELVES,
    Note,
    Shelf,
    change_to,
    notes,
    on_shelves,
)


@pytest.fixture
def tables(database: Database) -> Tables:
    """The tables of notes, empty."""
    return notes_of(database)


def step_by_step(tables: Tables, states: list[Note]) -> None:
    for version in range(1, len(states) + 1):
        tables.carry_out([change_to(states, version, since=version - 1)])


def erase(tables: Tables, states: list[Note]) -> None:
    tables.erase(states[0].note_id, places(NOTES, states))


def test_nothing_is_there_at_the_beginning(tables: Tables) -> None:
    assert [row for table in NOTES.tables for row in tables.all_rows(table)] == []
    assert tables.guards([uuid4()]) == {}
    assert tables.guards([]) == {}


def test_rows_of_a_first_state_stand_and_the_guard_tells_it(tables: Tables) -> None:
    states = on_shelves(uuid4(), "A")
    step_by_step(tables, states)
    stand(tables, states)
    assert guard(tables, states[0].note_id) == Guard(1, NOTES.to_json(states[0]))


@pytest.mark.parametrize(
    "shelves",
    [
        pytest.param(["A", "B"], id="to another shelf"),
        pytest.param(["A", None], id="away"),
        pytest.param(["A", "B", "A"], id="back to an earlier shelf"),
        pytest.param(["A", None, "A"], id="away and back"),
        pytest.param(["A", None, "B"], id="away and to another shelf"),
        pytest.param(["A", "A", "A"], id="nothing"),
        pytest.param(["A", "B", "A", "B", "A", None], id="to and fro"),
    ],
)
def test_only_the_rows_of_the_last_state_stand_and_lasting_ones(
    tables: Tables, shelves: list[str | None]
) -> None:
    at_once, one_by_one = on_shelves(uuid4(), *shelves), on_shelves(uuid4(), *shelves)
    tables.carry_out([change_to(at_once, len(at_once))])
    stand(tables, at_once)
    step_by_step(tables, one_by_one)
    stand(tables, one_by_one)
    assert guard(tables, one_by_one[0].note_id).version == len(shelves)


def test_a_row_with_another_key_leaves_its_old_place(tables: Tables) -> None:
    states = notes(uuid4(), [("A", "t", "x"), (None, "t", "x"), ("A", "u", "x")])
    step_by_step(tables, states)
    stand(tables, states)


def test_doing_it_again_changes_nothing(tables: Tables) -> None:
    states = on_shelves(uuid4(), "A", "B", None, "C")
    for _ in range(2):
        step_by_step(tables, states)
        tables.carry_out([change_to(states, 4)])
        tables.carry_out([change_to(states, 4, since=2)])
    stand(tables, states)
    assert guard(tables, states[0].note_id) == Guard(4, NOTES.to_json(states[3]))


def test_a_worker_that_is_behind_changes_nothing(tables: Tables) -> None:
    states = on_shelves(uuid4(), "A", "B", "C", None)
    step_by_step(tables, states)
    tables.carry_out([change_to(states, 2, since=1)])
    tables.carry_out([change_to(states, 3, since=1)])
    stand(tables, states)
    assert guard(tables, states[0].note_id).version == 4


@pytest.mark.parametrize("last", ["A", "C", None])
def test_a_worker_that_is_behind_may_write_versions_that_another_passed_at_once(
    tables: Tables, last: str | None
) -> None:
    states = notes(uuid4(), [("A", "t", "x"), ("B", "u", "y"), (last, "t", "x")])
    tables.carry_out([change_to(states, 1)])
    tables.carry_out([change_to(states, 3, since=1)])
    tables.carry_out([change_to(states, 2, since=1)])
    stand(tables, states)


def test_everybodys_rows_stand_once_and_stay(tables: Tables) -> None:
    for _ in range(3):
        step_by_step(tables, on_shelves(uuid4(), "A", "B", None))
    assert tables.select(SHELVES, (ALL,)) == [Shelf(ALL, "A"), Shelf(ALL, "B")]


def test_a_long_history_with_long_texts_is_shown(tables: Tables) -> None:
    history = [
        (f"{n:03}" + "\N{HOSPITAL}" * 397, f"{n:03}" + "\N{ADULT}" * 397, "x") for n in range(40)
    ]
    states = notes(uuid4(), [*history])
    tables.carry_out([change_to(states, 40)])
    stand(tables, states)


def test_long_keys_of_many_aggregates_in_one_partition_are_shown(tables: Tables) -> None:
    """A batch of them would be larger than a server takes."""
    many = [notes(uuid4(), [("A", f"{n:02}" + "x" * 15_000, "x")]) for n in range(20)]
    tables.carry_out([change_to(states, 1) for states in many])
    assert len(tables.select(SHELVED, ("A",))) == 20


def test_many_aggregates_are_changed_in_one_call(tables: Tables) -> None:
    many = [on_shelves(uuid4(), *["A", "B"][: 1 + n % 2]) for n in range(700)]
    tables.carry_out([change_to(states, len(states)) for states in many])
    ids = [states[0].note_id for states in many]
    guards = tables.guards([*ids, uuid4()])
    assert guards == {
        states[0].note_id: Guard(len(states), NOTES.to_json(states[-1])) for states in many
    }
    expected = {row for states in many for row in expected_rows(NOTES, states).values()}
    assert {row for table in NOTES.tables for row in tables.all_rows(table)} == expected
    assert [len(tables.select(SHELVED, (shelf,))) for shelf in "AB"] == [350, 350]


def test_nothing_to_change_is_no_error(tables: Tables) -> None:
    tables.carry_out([])
    assert list(tables.all_rows(SHELVED)) == []


def test_a_state_that_is_none_moves_the_guard_only(tables: Tables) -> None:
    note_id = uuid4()
    tables.carry_out([change(NOTES, note_id, None, [None, None], 2)])
    assert guard(tables, note_id) == Guard(2, "")
    assert own_rows(tables, note_id) == {}


def test_an_erased_aggregate_is_nowhere_and_others_are(tables: Tables) -> None:
    states = notes(uuid4(), [("A", "t", "x"), ("B", "u", "x"), ("B", "u", "y")])
    other = notes(uuid4(), [("B", "u", "x")])
    step_by_step(tables, states)
    step_by_step(tables, other)
    for _ in range(2):
        erase(tables, states)
        assert own_rows(tables, states[0].note_id) == {}
        stand(tables, other)
    assert guard(tables, states[0].note_id) == Guard(ERASED_VERSION, "")
    assert guard(tables, states[0].note_id).is_erased
    assert tables.select(SHELVES, (ALL,)) == [Shelf(ALL, "A"), Shelf(ALL, "B")]


def test_erasing_again_without_knowing_any_place_changes_nothing(tables: Tables) -> None:
    states = on_shelves(uuid4(), "A")
    step_by_step(tables, states)
    erase(tables, states)
    tables.erase(states[0].note_id, [])
    step_by_step(tables, states)
    assert own_rows(tables, states[0].note_id) == {}


def test_places_that_were_forgotten_are_erased_when_it_is_done_again(tables: Tables) -> None:
    states = on_shelves(uuid4(), "A", "B")
    step_by_step(tables, states)
    tables.erase(states[0].note_id, place_of_first(states))
    erase(tables, states)
    assert own_rows(tables, states[0].note_id) == {}


def place_of_first(states: list[Note]) -> list[Place]:
    return list(places(NOTES, states[:1]))


def test_who_was_never_shown_may_be_erased(tables: Tables) -> None:
    states = on_shelves(uuid4(), "A")
    erase(tables, states)
    step_by_step(tables, states)
    assert own_rows(tables, states[0].note_id) == {}
    assert guard(tables, states[0].note_id).is_erased


def test_an_emptied_database_can_be_filled_again(database: Database, tables: Tables) -> None:
    states = on_shelves(uuid4(), "A", "B")
    step_by_step(tables, states)
    database.empty(Generation(NOTES, 1))
    assert tables.guards([states[0].note_id]) == {}
    assert [row for table in NOTES.tables for row in tables.all_rows(table)] == []
    tables.carry_out([change_to(states, 1)])
    stand(tables, states[:1])
