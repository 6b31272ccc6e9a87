from dataclasses import replace
from uuid import uuid4

import pytest

from projections.read_models import PatientRow, RowChange

ROW = PatientRow(
    patient_id=uuid4(),
    version=1,
    name="Ida Moe",
    age=40,
    ward="AA",
    admitted_at=None,
    updated_at=None,
)


def test_a_change_shows_its_last_row_and_passes_the_others() -> None:
    rows = [ROW, replace(ROW, version=2), replace(ROW, version=3)]
    change = RowChange(rows)
    assert change.after == rows[2]
    assert change.passed == rows[:2]


def test_a_change_without_rows_is_refused() -> None:
    with pytest.raises(ValueError, match="at least the row to show"):
        RowChange([])


def test_a_change_that_leaves_out_a_version_is_refused() -> None:
    with pytest.raises(ValueError, match=r"found version 1 of .*, version 3 of "):
        RowChange([ROW, replace(ROW, version=3)])


def test_a_change_of_two_patients_is_refused() -> None:
    with pytest.raises(ValueError, match="every version of one patient in order"):
        RowChange([ROW, replace(ROW, version=2, patient_id=uuid4())])
