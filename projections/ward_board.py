"""The ward board: each ward with the patients who are on it now."""

from collections.abc import Iterable, Sequence, Set
from itertools import groupby

from projections.patient_list import name_key
from projections.read_models import PatientRow, RowChange, WardRow


def vacated_wards(change: RowChange) -> Set[str]:
    """Return the wards from whose board the patient is to be taken.

    The patient is to be put on the board of ``change.after.ward``, unless that is None.
    """
    return {row.ward for row in change.passed if row.ward is not None} - {change.after.ward}


def ward_board(rows: Iterable[PatientRow]) -> Sequence[WardRow]:
    """Arrange the rows of admitted patients by ward and name.

    Boards of several wards are not read in one instant, so a patient on the way from one to another
    may have been read twice; the newer row counts.
    """
    newest: dict[object, PatientRow] = {}
    for row in rows:
        seen = newest.get(row.patient_id)
        if seen is None or seen.version < row.version:
            newest[row.patient_id] = row
    admitted = [(row.ward, row) for row in newest.values() if row.ward is not None]
    admitted.sort(
        key=lambda pair: (name_key(pair[0]), pair[0], name_key(pair[1].name), pair[1].patient_id)
    )
    return [
        WardRow(ward, [row for _, row in pairs])
        for ward, pairs in groupby(admitted, key=lambda pair: pair[0])
    ]
