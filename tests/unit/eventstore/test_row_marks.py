"""What a row of the log says of the outcomes of its appends."""

from collections.abc import Mapping, Sequence
from uuid import uuid4

import pytest

from eventstore_cassandra.notification_log.table import Header, marks_of


def appends(*sizes: int) -> list[Header]:
    return [(uuid4(), uuid4(), 1, size) for size in sizes]


def test_a_row_of_one_process_has_the_outcomes_of_all_appends() -> None:
    assert marks_of(appends(2, 1), 7, [True, False], None) == [True, False]


@pytest.mark.parametrize("outcomes", [None, {}])
def test_a_row_without_marks_says_nothing(outcomes: Mapping[int, Sequence[bool]] | None) -> None:
    assert marks_of(appends(2, 1), 7, None, outcomes) is None


@pytest.mark.parametrize(
    ("outcomes", "marks"),
    [
        ({7: [True]}, [True, None, None, None]),
        ({7: [False, True]}, [False, True, None, None]),
        ({9: [True, False]}, [None, True, False, None]),
        ({13: [False]}, [None, None, None, False]),
        ({7: [False], 9: [True, False], 13: [True]}, [False, True, False, True]),
        ({7: [True, False, False, True]}, [True, False, False, True]),
        # Nobody writes under a position where no process's appends begin.
        ({8: [True]}, [None, None, None, None]),
        ({14: [True]}, [None, None, None, None]),
    ],
)
def test_each_process_marks_its_own_appends_under_the_position_where_they_begin(
    outcomes: Mapping[int, Sequence[bool]], marks: Sequence[bool | None]
) -> None:
    assert marks_of(appends(2, 1, 3, 1), 7, None, outcomes) == marks


def test_what_the_row_has_is_left_as_it_is() -> None:
    outcomes = {7: [True, False]}
    marks_of(appends(1, 1), 7, None, outcomes)
    assert outcomes == {7: [True, False]}


def test_marks_of_all_go_before_those_of_parts() -> None:
    assert marks_of(appends(1, 1), 7, [True, True], {7: [False, False]}) == [True, True]
    assert marks_of(appends(1), 7, [], {7: [False]}) == []
