from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from read_models.patient_events import (
    MAX_TEXT_LENGTH,
    EventNotUnderstoodError,
    PatientAdmitted,
    PatientDischarged,
    PatientTransferred,
    read_event,
)
from tests.unit.projections.events import admitted, decode, discharged, stored, transferred

PATIENT = uuid4()
ADMISSION = {"name": "Ida", "ward": "AA", "age": 40}


def read_admission(**payload: object) -> PatientAdmitted:
    event = read_event(stored(PATIENT, 1, "PatientAdmitted"), {**ADMISSION, **payload})
    assert isinstance(event, PatientAdmitted)
    return event


def test_each_stored_name_is_read_as_its_event() -> None:
    for event, read in (
        (admitted(PATIENT), PatientAdmitted),
        (transferred(PATIENT, 2, "BB"), PatientTransferred),
        (discharged(PATIENT, 3), PatientDischarged),
    ):
        found = read_event(event, decode(event))
        assert type(found) is read
        assert (found.patient_id, found.version) == (PATIENT, event.originator_version)


def test_id_and_version_are_those_of_the_store_and_not_of_the_payload() -> None:
    event = read_admission(patient_id=str(uuid4()), version=9)
    assert (event.patient_id, event.version) == (PATIENT, 1)


def test_keys_that_no_read_model_knows_are_ignored() -> None:
    assert read_admission(recorded_by="x").name == "Ida"


@pytest.mark.parametrize(
    ("recorded_at", "read"),
    [
        ("2024-03-01T13:00:00+01:00", datetime(2024, 3, 1, 12, tzinfo=UTC)),
        ("2024-03-01T12:00:00Z", datetime(2024, 3, 1, 12, tzinfo=UTC)),
        ("2024-03-01T12:00:00", datetime(2024, 3, 1, 12, tzinfo=UTC)),
        (None, None),
    ],
)
def test_times_are_read_as_utc(recorded_at: str | None, read: datetime | None) -> None:
    assert read_admission(recorded_at=recorded_at).recorded_at == read


@given(st.datetimes(timezones=st.just(UTC)))
def test_times_are_cut_to_the_millisecond(moment: datetime) -> None:
    read = read_admission(recorded_at=moment.isoformat()).recorded_at
    assert read is not None
    assert read.microsecond % 1000 == 0
    assert timedelta(0) <= moment - read < timedelta(milliseconds=1)


def test_texts_may_be_as_long_as_the_tables_have_room_for() -> None:
    assert len(read_admission(name="x" * MAX_TEXT_LENGTH).name) == MAX_TEXT_LENGTH


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ({"ward": "AA", "age": 40}, "name: Field required"),
        ({"name": "Ida", "age": 40}, "ward: Field required"),
        ({"name": "Ida", "ward": "AA"}, "age: Field required"),
        ({**ADMISSION, "ward": ""}, "ward: String should have at least 1 character"),
        ({**ADMISSION, "name": "x" * 401}, "name: String should have at most 400 characters"),
        ({**ADMISSION, "age": "40"}, "age: Input should be a valid integer"),
        ({**ADMISSION, "age": -1}, "age: Input should be greater than or equal to 0"),
        ({**ADMISSION, "age": 2**31}, "age: Input should be less than"),
        ({**ADMISSION, "name": "\ud800"}, "name: Input should be a valid string"),
        ({**ADMISSION, "recorded_at": "soon"}, "recorded_at: "),
        (
            {**ADMISSION, "recorded_at": "0001-01-01T00:00:00+02:00"},
            "recorded_at: .* outside of the years",
        ),
    ],
)
def test_a_payload_that_cannot_be_used_is_an_error_that_names_event_and_patient(
    payload: dict[str, Any], reason: str
) -> None:
    sentence = (
        f"^Event 1 of patient {PATIENT}, stored as 'PatientAdmitted', cannot be shown: {reason}"
    )
    with pytest.raises(EventNotUnderstoodError, match=sentence):
        read_event(stored(PATIENT, 1, "PatientAdmitted"), payload)


def test_the_error_tells_nothing_about_the_patient() -> None:
    payload = {"name": "Ida Moe", "ward": ["oncology"], "age": 40}
    with pytest.raises(EventNotUnderstoodError) as raised:
        read_event(stored(PATIENT, 1, "PatientAdmitted"), payload)
    assert "Ida" not in str(raised.value)
    assert "oncology" not in str(raised.value)


def test_an_unknown_event_name_is_an_error_that_names_event_and_patient() -> None:
    sentence = f"Event 2 of patient {PATIENT}, stored as 'PatientCloned', .*expected one of Patient"
    with pytest.raises(EventNotUnderstoodError, match=sentence):
        read_event(stored(PATIENT, 2, "PatientCloned"), {})
