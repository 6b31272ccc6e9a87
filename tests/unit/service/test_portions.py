"""How much is read at once."""

from hypothesis import given
from hypothesis import strategies as st

from eventstore_grpc.server.portions import Portions


def test_little_at_first_and_then_more() -> None:
    portions = Portions(rows=500, size=4_000_000)
    asked = []
    for _ in range(4):
        asked.append(portions.next)
        portions.saw(portions.next, 200 * portions.next)

    assert asked == [32, 128, 500, 500]


def test_large_rows_are_read_as_many_as_fit() -> None:
    portions = Portions(rows=500, size=4_000_000)
    portions.saw(32, 32 * 1_000_000)
    assert portions.next == 4
    portions.saw(4, 4 * 9_000_000)
    assert portions.next == 1
    portions.saw(1, 100)
    assert portions.next == 4
    portions.saw(4, 9_000_000)
    assert portions.next == 1
    portions.saw(1, 1_700_000)
    assert portions.next == 2


def test_rows_without_contents_and_none_at_all() -> None:
    portions = Portions(rows=10, size=1000)
    assert portions.next == 10
    portions.saw(10, 0)
    assert portions.next == 10
    portions.saw(0, 0)
    assert portions.next == 10


@given(st.integers(1, 1000), st.lists(st.tuples(st.integers(0, 100), st.integers(0, 10**8))))
def test_it_is_at_least_one_row_and_never_too_many(most: int, seen: list[tuple[int, int]]) -> None:
    portions = Portions(rows=most, size=10**6)
    for rows, size in seen:
        assert 1 <= portions.next <= most
        portions.saw(rows, size)
    assert 1 <= portions.next <= most
