from dataclasses import replace

import pytest
from eventsourcing.persistence import StoredEvent

from read_models.patient_list import MODEL, Listed, Patient
from read_models.patient_list.rows import Letter, OnWard, Part, counts
from read_models.sorting import initial, letters, sort_key
from tests.unit.read_models.stays import (
    LATER_READ,
    NOON_READ,
    PATIENT,
    admission,
    after,
    discharge,
    transfer,
)

ADMITTED = Patient(
    patient_id=PATIENT,
    version=1,
    name="Ida Moe",
    age=40,
    ward="AA",
    admitted_at=NOON_READ,
    updated_at=NOON_READ,
)


def test_an_admission_makes_a_patient() -> None:
    assert after(MODEL, admission()) == ADMITTED


def test_a_transfer_changes_the_ward_and_keeps_the_admission() -> None:
    patient = after(MODEL, admission(), transfer(2, "BB"))
    assert (patient.version, patient.ward, patient.name) == (2, "BB", "Ida Moe")
    assert (patient.admitted_at, patient.updated_at) == (NOON_READ, LATER_READ)


def test_an_event_that_does_not_say_when_leaves_the_time_of_the_last_change_open() -> None:
    assert after(MODEL, admission(), transfer(2, "BB", at=None)).updated_at is None


def test_a_discharge_leaves_the_patient_on_no_ward_but_in_the_list() -> None:
    patient = after(MODEL, admission(), discharge(2))
    assert (patient.version, patient.ward, patient.admitted_at) == (2, None, None)
    assert (patient.name, patient.updated_at) == ("Ida Moe", LATER_READ)
    entries = [row for row in MODEL.rows(patient) if isinstance(row, Listed)]
    assert [entry.shelf for entry in entries] == ["all", "discharged"]
    assert not [row for row in MODEL.rows(patient) if isinstance(row, OnWard)]
    assert list(counts(patient)) == ["all", "discharged"]


def test_a_readmission_shows_what_it_says() -> None:
    patient = after(MODEL, admission(), discharge(2), admission(3, name="Ida Lund", age=41))
    assert (patient.version, patient.name, patient.age) == (3, "Ida Lund", 41)


@pytest.mark.parametrize("event", [transfer(1, "BB"), discharge(1)], ids=["transfer", "discharge"])
def test_a_history_that_does_not_begin_with_an_admission_is_an_error(event: StoredEvent) -> None:
    sentence = f"Event 1 of patient {PATIENT}, a {event.topic}, .*expected an admission"
    with pytest.raises(ValueError, match=sentence):
        after(MODEL, event)


def test_a_patient_has_an_entry_on_two_shelves_and_the_ward_and_a_letter() -> None:
    key = sort_key("Ida Moe")
    entry = Listed("all", initial(key), key, PATIENT, 1, "Ida Moe", 40, "AA", NOON_READ, NOON_READ)
    assert [row for row in MODEL.rows(ADMITTED) if not isinstance(row, Part)] == [
        entry,
        replace(entry, shelf="admitted"),
        OnWard("AA", PATIENT),
        Letter("all", initial(key)),
    ]
    assert list(counts(ADMITTED)) == ["all", "admitted"]


def test_every_place_in_the_name_can_be_searched_for() -> None:
    parts = [row for row in MODEL.rows(ADMITTED) if isinstance(row, Part)]
    i, d, a, blank, m, o, e = letters("ida moe")
    assert [part.letter for part in parts] == [i, d, a, blank, m, o, e]
    assert parts[4].rest == o.to_bytes(2, "big") + e.to_bytes(2, "big")
    assert parts[6].rest == b""


def test_no_part_of_a_long_name_is_long() -> None:
    long = replace(ADMITTED, name="x" * 400)
    assert {len(row.rest) for row in MODEL.rows(long) if isinstance(row, Part)} == {
        2 * n for n in range(17)
    }


def test_a_patient_under_a_new_name_stands_elsewhere() -> None:
    moe, lund = after(MODEL, admission()), after(MODEL, admission(name="Ida Lund"))
    assert not {key for _, key in MODEL.place_rows(moe)} <= {
        key for _, key in MODEL.place_rows(lund)
    }


@pytest.mark.parametrize("events", [[], [discharge(2)], [transfer(2, "BB", at=None)]], ids=str)
def test_a_patient_comes_back_as_they_were_kept(events: list[StoredEvent]) -> None:
    patient = after(MODEL, admission(), *events)
    assert MODEL.from_json(MODEL.to_json(patient)) == patient
