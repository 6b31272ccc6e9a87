"""How many rows of the log are asked for in one read."""

from hypothesis import given
from hypothesis import strategies as st

from eventstore_cassandra.notification_log.page_size import FIRST, MAX_BYTES, PageSize

MIB = 1024 * 1024


def test_rows_that_are_small_are_asked_for_in_ever_larger_numbers() -> None:
    size = PageSize()
    for _ in range(10):
        size.answered(size.rows, 100 * size.rows)
    assert size.rows == FIRST * 2**10


@given(st.integers(1, 8 * MIB))
def test_no_more_is_asked_for_than_fits_judging_by_the_read_before(row: int) -> None:
    size = PageSize()
    for _ in range(30):
        size.answered(size.rows, row * size.rows)
    assert size.rows == 1 or size.rows * row <= MAX_BYTES


def test_after_a_read_without_an_answer_it_begins_with_one_row() -> None:
    size = PageSize()
    size.answered(FIRST, 0)
    size.unanswered()
    assert size.rows == 1
    size.answered(1, MIB)
    assert size.rows == 2


def test_a_read_that_brought_nothing_tells_nothing() -> None:
    size = PageSize()
    size.answered(0, 0)
    assert size.rows == FIRST
