"""What has to be written and taken away, without any database."""

from collections.abc import Sequence
from itertools import pairwise
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from projections.change import ERASED_VERSION, Change, Guard, Place, change, expected_rows, places
from tests.unit.projections.notes import (
    ALL,
    NOTES,
    SEEN,
    SHELVED,
    SHELVES,
    Note,
    Seen,
    Shelf,
    Shelved,
    change_to,
    histories,
    notes,
    on_shelves,
)

NOTE = UUID(int=7)


def at(shelf: str, title: str = "t") -> Place:
    return SHELVED, (shelf, title, NOTE)


def shelved(shelf: str, colour: str = "x") -> tuple[object, object]:
    return SHELVED, Shelved(shelf, "t", NOTE, colour)


def seen(shelf: str, colour: str = "x") -> tuple[object, object]:
    return SEEN, Seen(NOTE, shelf, colour)


def known(shelf: str) -> tuple[object, object]:
    return SHELVES, Shelf(ALL, shelf)


def test_a_first_event_puts_all_rows_and_takes_nothing_away() -> None:
    made = change_to(on_shelves(NOTE, "A"), 1)
    assert set(made.put) == {shelved("A"), seen("A"), known("A")}
    assert made.delete == set()


def test_the_guard_has_the_last_version_and_state() -> None:
    states = on_shelves(NOTE, "A", "B", "C")
    made = change_to(states, 3, since=1)
    assert made.aggregate_id == NOTE
    assert made.guard.version == 3
    assert NOTES.from_json(made.guard.state) == states[2]
    assert not made.guard.is_erased


def test_a_guard_of_an_erased_aggregate_says_so() -> None:
    assert Guard(ERASED_VERSION, "").is_erased


def test_who_moves_leaves_the_place_before() -> None:
    made = change_to(on_shelves(NOTE, "A", "B"), 2, since=1)
    assert made.delete == {at("A")}
    assert shelved("B") in made.put


def test_who_goes_leaves_the_place_and_takes_none() -> None:
    made = change_to(on_shelves(NOTE, "A", None), 2, since=1)
    assert (list(made.put), made.delete) == ([], {at("A")})


def test_every_place_on_the_way_is_left() -> None:
    made = change_to(on_shelves(NOTE, "A", "B", None, "C", "D"), 5, since=1)
    assert made.delete == {at("A"), at("B"), at("C")}


def test_who_comes_back_does_not_leave_the_place_and_is_put_there_again() -> None:
    made = change_to(on_shelves(NOTE, "A", "B", "A"), 3, since=1)
    assert made.delete == {at("B")}
    assert shelved("A") in made.put


def test_who_was_away_for_a_while_is_put_there_again() -> None:
    made = change_to(on_shelves(NOTE, "A", None, "A"), 3, since=1)
    assert made.delete == set()
    assert shelved("A") in made.put


def test_who_had_another_colour_for_a_while_is_put_there_again() -> None:
    states = notes(NOTE, [("A", "t", "x"), ("A", "t", "y"), ("A", "t", "x")])
    assert shelved("A") in change_to(states, 3, since=1).put


def test_a_row_that_stood_unchanged_all_the_time_need_not_be_written() -> None:
    made = change_to(on_shelves(NOTE, "A", "A", "A"), 3, since=1)
    assert (list(made.put), made.delete, made.guard.version) == ([], set(), 3)


def test_a_row_with_another_value_is_written() -> None:
    made = change_to(notes(NOTE, [("A", "t", "x"), ("A", "t", "y")]), 2, since=1)
    assert set(made.put) == {shelved("A", "y"), seen("A", "y")}


def test_a_lasting_row_stays_when_the_state_no_longer_has_it() -> None:
    made = change_to(on_shelves(NOTE, "A", "B", None), 3)
    assert {seen("A"), seen("B")} <= set(made.put)
    assert not [table for table, _ in made.delete if table == SEEN]


def test_a_lasting_row_has_its_last_value() -> None:
    made = change_to(notes(NOTE, [("A", "t", "x"), ("A", "t", "y"), (None, "t", "x")]), 3)
    assert [pair for pair in made.put if pair[0] == SEEN] == [seen("A", "y")]


def test_a_lasting_row_that_had_another_value_for_a_while_is_written_again() -> None:
    states = notes(NOTE, [("A", "t", "x"), ("A", "t", "y"), ("A", "t", "x"), (None, "t", "x")])
    assert seen("A") in change_to(states, 4, since=1).put


def test_a_lasting_row_that_stands_already_need_not_be_written() -> None:
    assert seen("A") not in change_to(on_shelves(NOTE, "A", None), 2, since=1).put


def test_everybodys_rows_are_never_taken_away() -> None:
    made = change_to(on_shelves(NOTE, "A", "B", None), 3)
    assert {known("A"), known("B")} <= set(made.put)
    assert not [table for table, _ in made.delete if table == SHELVES]


def test_a_state_that_is_none_has_no_rows() -> None:
    made = change(NOTES, NOTE, None, [None], 1)
    assert (list(made.put), made.delete, made.guard) == ([], set(), Guard(1, ""))


def test_a_change_tells_what_the_aggregate_counts_as() -> None:
    assert change_to(on_shelves(NOTE, "A"), 1).counted == frozenset({"all", "A x"})
    assert change_to(on_shelves(NOTE, "A", None), 2, since=1).counted == frozenset()
    assert change_to(on_shelves(NOTE, "A", "B", "A"), 3, since=1).counted == frozenset(
        {"all", "A x"}
    )


def test_a_change_tells_nothing_of_what_an_aggregate_counts_as_all_the_time() -> None:
    assert change_to(on_shelves(NOTE, "A", "A", "A"), 3, since=1).counted is None
    assert change_to(on_shelves(NOTE, None, None), 2).counted is None


def test_erasing_takes_everything_but_everybodys_rows() -> None:
    states = on_shelves(NOTE, "A", None, "B")
    assert places(NOTES, [None, *states]) == {
        at("A"),
        at("B"),
        (SEEN, (NOTE, "A")),
        (SEEN, (NOTE, "B")),
    }


def test_rows_that_stand_are_the_last_ones_the_lasting_ones_and_everybodys() -> None:
    states = notes(NOTE, [("A", "t", "x"), ("A", "t", "y"), ("B", "t", "x")])
    assert expected_rows(NOTES, states) == {
        at("B"): Shelved("B", "t", NOTE, "x"),
        (SEEN, (NOTE, "A")): Seen(NOTE, "A", "y"),
        (SEEN, (NOTE, "B")): Seen(NOTE, "B", "x"),
        (SHELVES, (ALL, "A")): Shelf(ALL, "A"),
        (SHELVES, (ALL, "B")): Shelf(ALL, "B"),
    }
    assert expected_rows(NOTES, []) == {}


Write = tuple[int, bool, Place, object]
"""Version, whether it puts, where, and the row."""


def writes(made: Change) -> list[Write]:
    version = made.guard.version
    put = [(version, True, (table, table.key(row)), row) for table, row in made.put]
    return [*put, *((version, False, place, None) for place in made.delete)]


def highest_version_wins(arriving: Sequence[Write]) -> dict[Place, object]:
    """Return the rows that stand in a store in which all of this arrives one after the other."""
    newest: dict[Place, Write] = {}
    for write in arriving:
        present = newest.get(write[2])
        if present is None or write[0] > present[0] or (write[0] == present[0] and not write[1]):
            newest[write[2]] = write
    return {place: row for place, (_, put, _, row) in newest.items() if put}


def chain(states: Sequence[Note], ends: set[int]) -> list[Change]:
    """Cut a history into changes that end at the given versions."""
    starts = [0, *sorted(ends)]
    return [change_to(states, end, since=start) for start, end in pairwise(starts)]


@given(data=st.data())
def test_writes_of_several_workers_in_any_order_end_in_the_expected_rows(
    data: st.DataObject,
) -> None:
    """Each worker goes through the history in steps of its own; all but one may stop."""
    states = notes(uuid4(), data.draw(histories))
    ends = st.sets(st.integers(1, len(states)), max_size=4)
    changes = chain(states, data.draw(ends) | {len(states)})
    for _ in range(data.draw(st.integers(0, 2))):
        changes += chain(states, data.draw(ends))
    all_writes = [write for made in changes for write in writes(made)]
    again = data.draw(st.lists(st.sampled_from(all_writes), max_size=3)) if all_writes else []
    arriving = data.draw(st.permutations(all_writes + again))
    assert highest_version_wins(arriving) == expected_rows(NOTES, states)


@given(data=st.data())
def test_changes_from_any_version_to_any_other_do_no_harm(data: st.DataObject) -> None:
    states = notes(uuid4(), data.draw(histories))
    versions = st.integers(0, len(states))
    changes = chain(states, data.draw(st.sets(st.integers(1, len(states)))) | {len(states)})
    for start, end in data.draw(st.lists(st.tuples(versions, versions), max_size=5)):
        if start < end:
            changes.append(change_to(states, end, since=start))
    arriving = [write for made in data.draw(st.permutations(changes)) for write in writes(made)]
    assert highest_version_wins(arriving) == expected_rows(NOTES, states)


@given(history=histories, data=st.data())
def test_a_change_puts_or_takes_away_a_place_but_never_both(
    history: list[tuple[str | None, str, str]], data: st.DataObject
) -> None:
    states = notes(uuid4(), history)
    since = data.draw(st.integers(0, len(states) - 1))
    made = change_to(states, len(states), since=since)
    put = [(table, table.key(row)) for table, row in made.put]
    assert len(put) == len(set(put))
    assert not set(put) & set(made.delete)
