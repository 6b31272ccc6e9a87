"""How lengths and ways of stays are said."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from patientmgmt.web.presentation import in_words
from patientmgmt.web.stays import way
from read_models.stays import Stay


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(), "less than a minute"),
        (timedelta(seconds=59), "less than a minute"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(minutes=59, seconds=59), "59 minutes"),
        (timedelta(hours=1), "1 hour"),
        (timedelta(hours=2, minutes=1), "2 hours, 1 minute"),
        (timedelta(days=1), "1 day"),
        (timedelta(days=1, minutes=59), "1 day"),
        (timedelta(days=3, hours=4, minutes=5), "3 days, 4 hours"),
        (timedelta(days=1234), "1,234 days"),
    ],
)
def test_a_length_is_told_in_its_two_largest_units(length: timedelta, words: str) -> None:
    assert in_words(length) == words


def stay_on(*wards: str, moves: int) -> Stay:
    """Return a stay that went through the wards."""
    moment = datetime(2026, 1, 5, tzinfo=UTC)
    return Stay("2026-01", moment, UUID(int=1), 1, "Ada", 36, wards, moves, None, None, False)


def test_the_way_of_a_stay_is_its_wards() -> None:
    assert way(stay_on("A", moves=0)) == "A"
    assert way(stay_on(*"ABCDEF", moves=5)) == "A → B → C → D → E → F"


def test_of_a_long_way_the_first_and_last_wards_are_told() -> None:
    assert way(stay_on(*"ABCDEFG", moves=106)) == "A → B → C → … (106 moves) → E → F → G"
