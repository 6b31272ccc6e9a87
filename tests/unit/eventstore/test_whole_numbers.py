"""What is told of numbers that are none."""

import pytest
from eventsourcing.persistence import ProgrammingError

from eventstore_cassandra.whole_numbers import check_bounds, check_whole


def test_whole_numbers_of_any_size_are_let_pass() -> None:
    check_whole("versions", 0, -1, 2**70)
    check_bounds(gt=0, lte=2**70, limit=None)


def test_anything_else_is_named_with_its_type() -> None:
    with pytest.raises(ProgrammingError) as told:
        check_whole("each version", 1, "x" * 100, outcome="Nothing was sent.")
    assert str(told.value) == (
        f"Expected each version as a whole number, found '{'x' * 39}, of type str. "
        "Nothing was sent."
    )
    with pytest.raises(ProgrammingError, match=r"found None, of type NoneType\. Nothing was writ"):
        check_whole("each version", None)


def test_a_bound_is_named_and_nothing_is_said_of_writing() -> None:
    with pytest.raises(ProgrammingError) as told:
        check_bounds(gt=None, limit=1.5)
    assert str(told.value) == "Expected limit as a whole number, found 1.5, of type float."
