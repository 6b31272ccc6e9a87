import re
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from eventsourcing.persistence import StoredEvent

from projections.patient_events import EventNotUnderstoodError
from projections.patient_list import name_key, page, page_start, project, vacated_keys
from projections.read_models import PatientRow, RowChange
from tests.unit.projections.events import admitted, decode, discharged, stored, transferred

PATIENT = uuid4()
NOON = "2024-03-01T12:00:00.123456+00:00"
NOON_READ = datetime(2024, 3, 1, 12, 0, 0, 123000, tzinfo=UTC)


def row_after(*events: StoredEvent) -> PatientRow:
    row = None
    for event in events:
        row = project(row, event, decode(event))
    assert row is not None
    return row


def test_an_admission_makes_a_row() -> None:
    event = stored(
        PATIENT, 1, "PatientAdmitted", name="Ida Moe", ward="AA", age=40, recorded_at=NOON
    )
    assert row_after(event) == PatientRow(
        patient_id=PATIENT,
        version=1,
        name="Ida Moe",
        age=40,
        ward="AA",
        admitted_at=NOON_READ,
        updated_at=NOON_READ,
    )


def test_a_transfer_changes_the_ward_and_keeps_the_admission() -> None:
    admission = stored(
        PATIENT, 1, "PatientAdmitted", name="Ida Moe", ward="AA", age=40, recorded_at=NOON
    )
    row = row_after(admission, transferred(PATIENT, 2, "BB"))
    assert (row.version, row.ward, row.admitted_at, row.updated_at) == (2, "BB", NOON_READ, None)


def test_a_discharge_leaves_the_patient_on_no_ward() -> None:
    row = row_after(admitted(PATIENT), discharged(PATIENT, 2))
    assert (row.version, row.ward, row.admitted_at, row.name) == (2, None, None, "Ida Moe")


def test_a_readmission_shows_what_it_says() -> None:
    row = row_after(
        admitted(PATIENT), discharged(PATIENT, 2), admitted(PATIENT, 3, ward="CC", age=41)
    )
    assert (row.version, row.ward, row.age) == (3, "CC", 41)


def test_keys_that_no_read_model_knows_are_ignored() -> None:
    event = stored(PATIENT, 1, "PatientAdmitted", name="Ida", ward="AA", age=40, recorded_by="x")
    assert row_after(event).name == "Ida"


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
    event = stored(
        PATIENT, 1, "PatientAdmitted", name="Ida", ward="AA", age=40, recorded_at=recorded_at
    )
    assert row_after(event).updated_at == read


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ({"ward": "AA", "age": 40}, "name: Field required"),
        ({"name": "Ida", "age": 40}, "ward: Field required"),
        ({"name": "Ida", "ward": "AA"}, "age: Field required"),
        ({"name": "Ida", "ward": "", "age": 40}, "ward: String should have at least 1 character"),
        ({"name": "Ida", "ward": "AA", "age": "40"}, "age: Input should be a valid integer"),
        ({"name": "Ida", "ward": "AA", "age": 2**31}, "age: Input should be less than"),
        ({"name": "\ud800", "ward": "AA", "age": 40}, "name: Input should be a valid string"),
        ({"name": "Ida", "ward": "AA", "age": 40, "recorded_at": "soon"}, "recorded_at: "),
        (
            {
                "name": "Ida",
                "ward": "AA",
                "age": 40,
                "recorded_at": "0001-01-01T00:00:00+02:00",
            },
            "recorded_at: .* outside of the years",
        ),
    ],
)
def test_a_payload_that_cannot_be_used_is_an_error_that_names_event_and_patient(
    payload: dict[str, Any], reason: str
) -> None:
    event = stored(PATIENT, 1, "PatientAdmitted")
    sentence = (
        f"^Event 1 of patient {PATIENT}, stored as 'PatientAdmitted', cannot be shown: {reason}"
    )
    with pytest.raises(EventNotUnderstoodError, match=sentence):
        project(None, event, payload)


def test_the_error_tells_nothing_about_the_patient() -> None:
    event = stored(PATIENT, 1, "PatientAdmitted")
    with pytest.raises(EventNotUnderstoodError) as raised:
        project(None, event, {"name": "Ida Moe", "ward": ["oncology"], "age": 40})
    assert "Ida" not in str(raised.value)
    assert "oncology" not in str(raised.value)


def test_an_unknown_event_name_is_an_error_that_names_event_and_patient() -> None:
    event = stored(PATIENT, 2, "PatientCloned")
    sentence = f"Event 2 of patient {PATIENT}, stored as 'PatientCloned', .*expected one of Patient"
    with pytest.raises(EventNotUnderstoodError, match=sentence):
        project(row_after(admitted(PATIENT)), event, {})


def test_a_history_that_does_not_begin_with_an_admission_is_an_error() -> None:
    event = transferred(PATIENT, 1, "BB")
    with pytest.raises(EventNotUnderstoodError, match="expected an admission"):
        project(None, event, decode(event))


def test_an_event_that_is_not_the_next_one_is_an_error() -> None:
    event = discharged(PATIENT, 3)
    with pytest.raises(EventNotUnderstoodError, match="expected event 2 of this patient"):
        project(row_after(admitted(PATIENT)), event, decode(event))


def test_names_are_sorted_without_regard_to_capitals() -> None:
    names = ["bo", "Ada", "CHIARA", "\uff21lma", "Straße", "STRASSE a"]
    assert sorted(names, key=name_key) == [
        "Ada",
        "\uff21lma",
        "bo",
        "CHIARA",
        "Straße",
        "STRASSE a",
    ]


def test_a_patient_under_a_new_name_leaves_the_old_place_in_the_list() -> None:
    first = row_after(admitted(PATIENT, name="Ida Moe"))
    again = row_after(
        admitted(PATIENT, name="Ida Moe"),
        discharged(PATIENT, 2),
        admitted(PATIENT, 3, name="Ida Lund"),
    )
    between = row_after(admitted(PATIENT), discharged(PATIENT, 2))
    assert vacated_keys(RowChange([first, between, again])) == {"ida moe"}
    assert vacated_keys(RowChange([first, between])) == set()


def test_a_page_names_the_next_one_only_when_more_patients_follow() -> None:
    rows = [row_after(admitted(uuid4())) for _ in range(3)]
    assert page(rows, 2).patients == rows[:2]
    assert page(rows, 2).next == str(rows[1].patient_id)
    assert page(rows, 3).next is None
    assert page([], 3).next is None


@pytest.mark.parametrize("after", ["", "x", str(uuid4()), "\ud800"])
def test_a_page_after_nobody_is_refused(after: str) -> None:
    with pytest.raises(ValueError, match=re.escape("expected a value that the page before gave")):
        page_start(after, lambda _: None)
