"""What the tables of every database promise of reading."""

from collections.abc import Sequence
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projections.change import Change, Guard
from projections.database import Database, Tables
from projections.table import Key
from tests.store.projections.looking import notes_of
from tests.unit.projections.notes import ENTRIES, SAMPLES, SHELVED, Entry, Shelved, change_to, notes

NOTE = UUID(int=7, version=4)
HERE = ("g", 1)
ORDERS = [-(2**63), -10, -9, -1, 0, 1, 9, 10, 2**63 - 1]
KEYS = [b"", b"\x00", b"\x00\x00", b"\x00\xff", b"\x01", b"\x7f", b"\x80", b"\xff", b"\xff\x00"]


def entry(order: int, key: bytes = b"k", *, where: int = 1, text: str = "x") -> Entry:
    return Entry("g", where, order, key, NOTE, text)


def filled(tables: Tables, rows: Sequence[Entry]) -> Tables:
    put = [(ENTRIES, row) for row in rows]
    tables.carry_out([Change(NOTE, put=put, delete=[], counted=None, guard=Guard(1, ""))])
    return tables


@pytest.fixture
def tables(database: Database) -> Tables:
    """The tables of notes, empty."""
    return notes_of(database)


@pytest.fixture
def three_by_three(tables: Tables) -> Tables:
    """The tables with orders 1 to 3, each with three keys, and another partition."""
    rows = [entry(order, key) for order in (1, 2, 3) for key in (b"a", b"b", b"c")]
    return filled(tables, [*rows, entry(9, b"z", where=2)])


def found(rows: Sequence[Entry]) -> list[tuple[int, bytes]]:
    return [(row.order, row.key) for row in rows]


def test_a_row_is_found_by_its_key(three_by_three: Tables) -> None:
    key = (*HERE, 2, b"b", NOTE)
    assert three_by_three.get(ENTRIES, key) == entry(2, b"b")
    for other in ((*HERE, 2, b"x", NOTE), (*HERE, 2, b"b", uuid4()), ("h", 1, 2, b"b", NOTE)):
        assert three_by_three.get(ENTRIES, other) is None


def test_those_of_the_rows_that_there_are_are_found_by_their_keys(three_by_three: Tables) -> None:
    keys: list[Key] = [(*HERE, order, b"b", NOTE) for order in (3, 7, 1)]
    rows = three_by_three.get_all(ENTRIES, keys)
    assert sorted(found(rows)) == [(1, b"b"), (3, b"b")]
    assert three_by_three.get_all(ENTRIES, []) == []


def test_a_row_of_a_table_without_an_order_is_found(tables: Tables) -> None:
    assert tables.get(SAMPLES, (uuid4(),)) is None
    assert tables.select(SAMPLES, (uuid4(),)) == []
    assert tables.select(SAMPLES, (uuid4(),), reverse=True, limit=1) == []


def test_columns_may_be_called_as_the_databases_own_words_are(tables: Tables) -> None:
    states = notes(uuid4(), [("A", "t", "x")])
    tables.carry_out([change_to(states, 1)])
    row = Shelved("A", "t", states[0].note_id, "x")
    assert tables.get(SHELVED, ("A", "t", states[0].note_id)) == row
    assert tables.select(SHELVED, ("A",), after=("s",), reverse=False) == [row]
    assert tables.select_all(SHELVED, [("A",)], reverse=True, limit=1) == [row]


def test_a_partition_is_read_in_its_order_and_against_it(three_by_three: Tables) -> None:
    forwards = [(order, key) for order in (1, 2, 3) for key in (b"a", b"b", b"c")]
    assert found(three_by_three.select(ENTRIES, HERE)) == forwards
    assert found(three_by_three.select(ENTRIES, HERE, reverse=True)) == forwards[::-1]
    assert three_by_three.select(ENTRIES, ("h", 1)) == []


@pytest.mark.parametrize(
    ("after", "reverse", "expected"),
    [
        ((2,), False, [(3, b"a"), (3, b"b"), (3, b"c")]),
        ((2,), True, [(1, b"c"), (1, b"b"), (1, b"a")]),
        ((2, b"b"), False, [(2, b"c"), (3, b"a"), (3, b"b"), (3, b"c")]),
        ((2, b"b"), True, [(2, b"a"), (1, b"c"), (1, b"b"), (1, b"a")]),
        ((2, b"b", NOTE), False, [(2, b"c"), (3, b"a"), (3, b"b"), (3, b"c")]),
        ((2, b"bb"), True, [(2, b"b"), (2, b"a"), (1, b"c"), (1, b"b"), (1, b"a")]),
        ((3,), False, []),
        ((1,), True, []),
    ],
)
def test_reading_goes_on_strictly_behind_what_begins_so(
    three_by_three: Tables, after: Key, reverse: bool, expected: list[tuple[int, bytes]]
) -> None:
    for limit in (None, 2, 100):
        rows = three_by_three.select(ENTRIES, HERE, after=after, reverse=reverse, limit=limit)
        assert found(rows) == expected[:limit]


@pytest.mark.parametrize("limit", [1, 8, 9, 10, 2**31 - 1, 2**31, 2**63 - 1, 2**63, 2**70])
def test_a_limit_may_be_as_large_as_one_likes(three_by_three: Tables, limit: int) -> None:
    for reverse in (False, True):
        rows = three_by_three.select(ENTRIES, HERE, limit=limit, reverse=reverse)
        assert len(rows) == min(limit, 9)
        rows = three_by_three.select_all(ENTRIES, [HERE], limit=limit, reverse=reverse)
        assert len(rows) == min(limit, 9)


def test_partitions_are_read_one_after_the_other_each_up_to_the_limit(
    three_by_three: Tables,
) -> None:
    partitions = [("g", 2), ("h", 1), HERE]
    rows = three_by_three.select_all(ENTRIES, partitions, limit=2)
    assert found(rows) == [(9, b"z"), (1, b"a"), (1, b"b")]
    rows = three_by_three.select_all(ENTRIES, partitions, limit=2, reverse=True)
    assert found(rows) == [(9, b"z"), (3, b"c"), (3, b"b")]
    assert len(three_by_three.select_all(ENTRIES, partitions)) == 10
    assert three_by_three.select_all(ENTRIES, []) == []


def test_many_partitions_come_in_the_order_asked_for(tables: Tables) -> None:
    filled(tables, [entry(1, where=where) for where in range(200)])
    wanted = [*range(199, -1, -2), *range(0, 200, 2)]
    rows = tables.select_all(ENTRIES, [("g", where) for where in wanted])
    assert [row.where for row in rows] == wanted


def test_numbers_and_bytes_are_sorted_alike_everywhere(tables: Tables) -> None:
    filled(tables, [entry(order, key) for order in reversed(ORDERS) for key in reversed(KEYS)])
    expected = [(order, key) for order in ORDERS for key in KEYS]
    assert found(tables.select(ENTRIES, HERE)) == expected
    behind = tables.select(ENTRIES, HERE, after=(0, b"\x00"))
    assert found(behind) == expected[expected.index((0, b"\x00")) + 1 :]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(titles=st.sets(st.text(max_size=4), min_size=1, max_size=12))
def test_texts_are_sorted_by_their_characters(database: Database, titles: set[str]) -> None:
    tables, shelf = notes_of(database), uuid4().hex
    many = [notes(uuid4(), [(shelf, title, "x")]) for title in titles]
    tables.carry_out([change_to(states, 1) for states in many])
    ordered = sorted(titles)
    assert [row.order for row in tables.select(SHELVED, (shelf,))] == ordered
    middle = ordered[len(ordered) // 2]
    behind = [row.order for row in tables.select(SHELVED, (shelf,), after=(middle,))]
    assert behind == ordered[len(ordered) // 2 + 1 :]
    before = [row.order for row in tables.select(SHELVED, (shelf,), after=(middle,), reverse=True)]
    assert before == ordered[: len(ordered) // 2][::-1]


def test_all_rows_are_all_rows(tables: Tables) -> None:
    rows = [entry(order, where=where) for order in range(120) for where in range(50)]
    filled(tables, rows)
    assert sorted(tables.all_rows(ENTRIES), key=ENTRIES.key) == sorted(rows, key=ENTRIES.key)
