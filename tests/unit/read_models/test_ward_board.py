from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import StoredEvent

from read_models.sorting import sort_key
from read_models.ward_board import MODEL, KnownWard, OnWard, arranged
from tests.unit.read_models.stays import (
    LATER_READ,
    NOON_READ,
    PATIENT,
    admission,
    after,
    discharge,
    transfer,
)


def on(ward: str, name: str, version: int = 1, patient_id: UUID | None = None) -> OnWard:
    return OnWard(ward, sort_key(name), patient_id or uuid4(), version, name, 40, None, None)


def test_an_admission_is_the_beginning_of_the_stay_and_on_the_ward() -> None:
    patient = after(MODEL, admission())
    assert (patient.ward, patient.admitted_at, patient.on_ward_since) == (
        "AA",
        NOON_READ,
        NOON_READ,
    )
    assert list(MODEL.rows(patient)) == [
        OnWard("AA", sort_key("Ida Moe"), PATIENT, 1, "Ida Moe", 40, NOON_READ, NOON_READ),
        KnownWard("all", "AA"),
    ]


def test_a_transfer_begins_a_time_on_the_ward_and_not_the_stay() -> None:
    patient = after(MODEL, admission(), transfer(2, "BB"))
    assert (patient.version, patient.ward) == (2, "BB")
    assert (patient.admitted_at, patient.on_ward_since) == (NOON_READ, LATER_READ)


def test_a_transfer_to_the_same_ward_does_not_begin_a_time_on_it() -> None:
    patient = after(MODEL, admission(), transfer(2, "AA"))
    assert (patient.version, patient.on_ward_since) == (2, NOON_READ)


def test_a_transfer_that_does_not_say_when_leaves_it_open() -> None:
    patient = after(MODEL, admission(), transfer(2, "BB", at=None))
    assert (patient.admitted_at, patient.on_ward_since) == (NOON_READ, None)


def test_a_discharged_patient_has_no_row() -> None:
    patient = after(MODEL, admission(), discharge(2))
    assert (patient.version, patient.ward) == (2, None)
    assert (patient.admitted_at, patient.on_ward_since) == (None, None)
    assert list(MODEL.rows(patient)) == []


def test_a_readmission_begins_another_stay() -> None:
    patient = after(MODEL, admission(), discharge(2), admission(3, ward="CC", at=None, age=41))
    assert (patient.version, patient.ward, patient.age) == (3, "CC", 41)
    assert (patient.admitted_at, patient.on_ward_since) == (None, None)


@pytest.mark.parametrize("event", [transfer(1, "BB"), discharge(1)], ids=["transfer", "discharge"])
def test_a_history_that_does_not_begin_with_an_admission_is_an_error(event: StoredEvent) -> None:
    with pytest.raises(ValueError, match="expected an admission"):
        after(MODEL, event)


@pytest.mark.parametrize("events", [[], [discharge(2)], [transfer(2, "BB", at=None)]], ids=str)
def test_whereabouts_come_back_as_they_were_kept(events: list[StoredEvent]) -> None:
    patient = after(MODEL, admission(), *events)
    assert MODEL.from_json(MODEL.to_json(patient)) == patient


def test_the_board_is_sorted_by_ward_and_name() -> None:
    ada, bo, asa = on("Ward 10", "ada"), on("Ward 10", "Bo"), on("Ward 10", "Åsa")
    chiara = on("Ward 2", "Chiara")
    board = arranged([bo, chiara, asa, ada])
    assert [(ward.name, ward.patients, ward.occupancy) for ward in board] == [
        ("Ward 2", (chiara,), 1),
        ("Ward 10", (ada, asa, bo), 3),
    ]


@pytest.mark.parametrize(("first", "second"), [("aa", "AA"), ("A\x00", "A"), ("Ward 7", "Ward 07")])
def test_wards_whose_names_are_sorted_alike_are_two_wards(first: str, second: str) -> None:
    board = arranged([on(first, "A"), on(second, "B"), on(first, "C")])
    assert sorted((ward.name, ward.occupancy) for ward in board) == sorted(
        [(first, 2), (second, 1)]
    )


def test_a_patient_read_on_two_wards_stands_on_the_newer_one() -> None:
    patient_id = uuid4()
    old, new = on("AA", "Ida", 1, patient_id), on("BB", "Ida", 2, patient_id)
    for rows in ([old, new], [new, old]):
        assert [ward.name for ward in arranged(rows)] == ["BB"]


def test_a_patient_read_twice_on_one_ward_counts_once() -> None:
    patient_id = uuid4()
    rows = [on("AA", name, version, patient_id) for name, version in [("Moe", 1), ("Lund", 3)]]
    [ward] = arranged(rows)
    assert (ward.occupancy, ward.patients) == (1, (rows[1],))


def test_no_rows_are_no_wards() -> None:
    assert arranged([]) == []
