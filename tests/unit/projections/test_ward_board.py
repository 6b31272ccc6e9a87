from dataclasses import replace
from uuid import UUID, uuid4

from projections.read_models import PatientRow, RowChange
from projections.ward_board import vacated_wards, ward_board


def row(
    name: str, ward: str | None, version: int = 1, patient_id: UUID | None = None
) -> PatientRow:
    return PatientRow(
        patient_id=patient_id or uuid4(),
        version=version,
        name=name,
        age=40,
        ward=ward,
        admitted_at=None,
        updated_at=None,
    )


def course(*wards: str | None) -> RowChange:
    first = row("Ida", wards[0])
    return RowChange([replace(first, version=n + 1, ward=ward) for n, ward in enumerate(wards)])


def test_a_new_patient_leaves_no_ward() -> None:
    assert vacated_wards(course("AA")) == set()


def test_a_transfer_leaves_the_ward_before() -> None:
    assert vacated_wards(course("AA", "BB")) == {"AA"}


def test_a_discharge_leaves_the_ward() -> None:
    assert vacated_wards(course("AA", None)) == {"AA"}


def test_several_transfers_leave_every_ward_on_the_way() -> None:
    assert vacated_wards(course("AA", "BB", None, "CC", "DD")) == {"AA", "BB", "CC"}


def test_a_patient_who_comes_back_does_not_leave_the_ward() -> None:
    assert vacated_wards(course("AA", "BB", "AA")) == {"BB"}


def test_the_board_is_sorted_by_ward_and_name_without_regard_to_capitals() -> None:
    ada, bo, chiara = row("ada", "bb"), row("Bo", "bb"), row("Chiara", "AA")
    board = ward_board([bo, chiara, ada, row("Discharged", None)])
    assert [(ward.name, ward.patients, ward.occupancy) for ward in board] == [
        ("AA", [chiara], 1),
        ("bb", [ada, bo], 2),
    ]


def test_wards_whose_names_differ_in_capitals_only_are_two_wards() -> None:
    board = ward_board([row("A", "aa"), row("B", "AA"), row("C", "aa")])
    assert [(ward.name, ward.occupancy) for ward in board] == [("AA", 1), ("aa", 2)]


def test_a_patient_read_on_two_wards_stands_on_the_newer_one() -> None:
    patient_id = uuid4()
    old, new = row("Ida", "AA", 1, patient_id), row("Ida", "BB", 2, patient_id)
    for rows in ([old, new], [new, old]):
        assert [ward.name for ward in ward_board(rows)] == ["BB"]
