"""The JSON API of the past: wards, occupancy, stays, ages, and a patient as of then."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest

from tests.web.conftest import System
from tests.web.test_past_pages import ODD


@pytest.fixture
def ada(system: System) -> str:
    """Came at 6, went on at 8, and left the next day."""
    return system.happened(
        "Ada", ("2026-01-05T06:00", "AA"), ("2026-01-05T08:00", ODD), ("2026-01-06T12:00", None)
    )


@pytest.fixture
def bo(system: System) -> str:
    """Has been there since 7."""
    return system.happened("Bo", ("2026-01-05T07:00", "AA"), age=7)


@pytest.fixture
def hospital(system: System, ada: str, bo: str) -> System:
    system.catch_up()
    return system


def get(system: System, path: str, **query: str) -> dict[str, object]:
    """Return the answer, which is current as of some moment."""
    answer = system.client.get(f"/api{path}?{urlencode(query)}")
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.get_json()
    return found


def test_the_wards_of_a_moment_have_whoever_was_there_then(
    hospital: System, ada: str, bo: str
) -> None:
    found = get(hospital, "/wards", at="2026-01-05T07:30")
    assert found.pop("current_as_of")
    occupant = {
        "id": ada,
        "name": "Ada",
        "age": 36,
        "since": "2026-01-05T06:00:00.000Z",
        "until": "2026-01-05T08:00:00.000Z",
    }
    other = {
        "id": bo,
        "name": "Bo",
        "age": 7,
        "since": "2026-01-05T07:00:00.000Z",
        "until": None,
    }
    assert found == {
        "at": "2026-01-05T07:30:00.000Z",
        "wards": [{"name": "AA", "occupancy": 2, "patients": [occupant, other]}],
    }
    assert get(hospital, "/wards", at="2026-01-05T05:00")["wards"] == []


def test_the_present_wards_say_since_when_patients_are_there(system: System) -> None:
    system.happened("Ada", ("2026-01-05T06:00", "AA"), ("2026-01-05T08:00", "BB"))
    system.catch_up()
    wards = system.client.get("/api/wards").get_json()["wards"]
    patient = wards[0]["patients"][0]
    assert patient["admitted_at"] == "2026-01-05T06:00:00.000Z"
    assert patient["on_ward_since"] == "2026-01-05T08:00:00.000Z"


def test_one_ward_is_told_at_a_moment_or_now(hospital: System, ada: str) -> None:
    found = get(hospital, "/wards/history", ward=ODD, at="2026-01-06T11:59:59Z")
    assert found.pop("current_as_of")
    patients = found.pop("patients")
    assert isinstance(patients, list)
    assert [patient["id"] for patient in patients] == [ada]
    assert found == {"ward": ODD, "at": "2026-01-06T11:59:59.000Z", "occupancy": 1}

    now = get(hospital, "/wards/history", ward=ODD)
    assert now["occupancy"] == 0
    assert str(now["at"]).startswith(f"{datetime.now(UTC):%Y-%m-%d}")


def test_occupancy_is_told_by_hour_of_a_day_and_by_day_of_a_month(hospital: System) -> None:
    hours = get(hospital, "/occupancy", ward="AA", day="2026-01-05")["steps"]
    assert isinstance(hours, list)
    assert len(hours) == 24
    assert hours[5:9] == [
        {"start": "2026-01-05T05:00:00.000Z", "mean": 0.0, "most": 0},
        {"start": "2026-01-05T06:00:00.000Z", "mean": 1.0, "most": 1},
        {"start": "2026-01-05T07:00:00.000Z", "mean": 2.0, "most": 2},
        {"start": "2026-01-05T08:00:00.000Z", "mean": 1.0, "most": 1},
    ]
    days = get(hospital, "/occupancy", ward="AA", month="2026-01")["steps"]
    assert isinstance(days, list)
    assert len(days) == 31
    assert days[4] == {"start": "2026-01-05T00:00:00.000Z", "mean": 0.792, "most": 2}


def test_occupancy_of_the_future_has_no_steps(hospital: System) -> None:
    tomorrow = f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%d}"
    assert get(hospital, "/occupancy", ward="AA", day=tomorrow)["steps"] == []
    assert get(hospital, "/occupancy", ward="AA", month="9999-12")["steps"] == []


def test_stays_are_told_page_by_page(hospital: System, ada: str, bo: str) -> None:
    first = get(hospital, "/stays", month="2026-01", limit="1")
    assert first["month"] == "2026-01"
    assert first["stays"] == [
        {
            "id": ada,
            "version": 1,
            "name": "Ada",
            "age": 36,
            "wards": ["AA", ODD],
            "moves": 1,
            "admitted_at": "2026-01-05T06:00:00.000Z",
            "discharged_at": "2026-01-06T12:00:00.000Z",
            "length_seconds": 30 * 3600,
            "days_since_discharge": None,
            "readmission": False,
        }
    ]
    following = hospital.client.get(str(first["next"])).get_json()
    assert [stay["id"] for stay in following["stays"]] == [bo]
    assert following["stays"][0]["length_seconds"] is None
    assert following["next"] is None


def test_ages_are_told_by_band(hospital: System) -> None:
    bands = get(hospital, "/demographics")["bands"]
    assert isinstance(bands, list)
    assert [band["ages"] for band in bands][-1] == "71+"
    assert bands[0] == {"ages": "0-10", "now": 1, "total": 1}
    assert bands[3] == {"ages": "31-40", "now": 0, "total": 1}


@pytest.mark.parametrize(
    "query", ["version=2", "at=2026-01-05T08:00:00Z", "at=2026-01-06T12:59%2B01:00"]
)
def test_a_patient_is_told_as_of_a_version_or_a_moment(
    system: System, ada: str, query: str
) -> None:
    assert system.client.get(f"/api/patients/{ada}?{query}").get_json() == {
        "id": ada,
        "version": 2,
        "name": "Ada",
        "age": 36,
        "ward": ODD,
        "admitted_at": "2026-01-05T06:00:00.000Z",
    }
    assert system.client.get(f"/api/patients/{ada}").get_json()["version"] == 3


def test_a_patient_as_of_the_moment_of_an_event_as_it_is_told_has_the_event(
    system: System,
) -> None:
    patient_id = system.happened(
        "Ada", ("2026-01-05T06:00", "AA"), ("2026-01-05T08:00:00.123456", "BB")
    )
    events = system.client.get(f"/api/patients/{patient_id}/events").get_json()["events"]
    at = events[1]["recorded_at"]
    assert system.client.get(f"/api/patients/{patient_id}?at={at}").get_json()["ward"] == "BB"


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/wards?at=x", "at"),
        ("/wards?at=", "at"),
        ("/wards?at=9999-01-01T00:00", "at"),
        ("/wards?ward=AA", "ward"),
        ("/wards/history", "ward"),
        ("/wards/history?ward=", "ward"),
        ("/wards/history?ward=AA&at=9999-01-01T00:00", "at"),
        ("/wards/history?ward=AA&day=2026-01-05", "day"),
        ("/occupancy?day=2026-01-05", "ward"),
        ("/occupancy?ward=AA", "day"),
        ("/occupancy?ward=AA&day=2026-01-05&month=2026-01", "day"),
        ("/occupancy?ward=AA&day=20260105", "day"),
        ("/occupancy?ward=AA&month=2026-1", "month"),
        ("/stays", "month"),
        ("/stays?month=2026", "month"),
        ("/stays?month=2026-01&limit=201", "limit"),
        ("/stays?month=2026-01&after=never-given", "after"),
        ("/stays?month=2026-01&before=x", "before"),
        ("/demographics?band=71", "band"),
    ],
)
def test_what_cannot_be_told_is_a_problem_with_its_field(
    system: System, path: str, field: str
) -> None:
    answer = system.client.get(f"/api{path}")
    assert (answer.status_code, answer.mimetype) == (422, "application/problem+json")
    problem = answer.get_json()
    assert problem["type"] == "/problems/invalid-values"
    assert [error["field"] for error in problem["errors"]] == [field]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("version=4", "version"),
        ("version=x", "version"),
        ("version=99999999999", "version"),
        ("at=2026-01-05T05:59:59", "at"),
        ("at=9999-01-01T00:00", "at"),
        ("at=2026-01-06T00:00&version=1", "at"),
        ("when=then", "when"),
    ],
)
def test_a_patient_as_of_a_time_that_cannot_be_is_a_problem(
    system: System, ada: str, query: str, field: str
) -> None:
    answer = system.client.get(f"/api/patients/{ada}?{query}")
    assert (answer.status_code, answer.mimetype) == (422, "application/problem+json")
    assert [error["field"] for error in answer.get_json()["errors"]] == [field]


@pytest.mark.parametrize("query", ["version=1", "at=2026-01-05T05:59:59"])
def test_a_stranger_as_of_then_is_not_found(system: System, query: str) -> None:
    stranger = "00000000-0000-4000-8000-000000000001"
    answer = system.client.get(f"/api/patients/{stranger}?{query}")
    assert answer.get_json()["type"] == "/problems/patient-not-found"


@pytest.mark.parametrize(
    ("moments", "at", "version"),
    [
        (("2026-01-05", None, "2026-01-07"), "2026-01-05T00:00", 2),
        (("2026-01-05", None, "2026-01-07"), "2026-01-06T23:59", 2),
        (("2026-01-05", "2026-01-07", "2026-01-06"), "2026-01-05T23:59", 1),
        (("2026-01-05", "2026-01-07", "2026-01-06"), "2026-01-06T00:00", 3),
        ((None, "2026-01-06", "2026-01-07"), "2026-01-06T00:00", 2),
        ((None, "2026-01-06", "2026-01-07"), "2026-01-05T00:00", None),
        ((None, None, None), "2026-01-05T00:00", None),
    ],
)
def test_events_without_a_time_or_with_one_of_another_clock_keep_their_order(
    system: System, moments: tuple[str | None, ...], at: str, version: int | None
) -> None:
    patient_id = system.happened("Ada", *zip(moments, ("AA", "BB", "CC"), strict=True))
    answer = system.client.get(f"/api/patients/{patient_id}?at={at}")
    assert answer.status_code == (422 if version is None else 200)
    assert answer.get_json().get("version") == version


def test_the_stays_of_a_patient_are_told_first_to_last(system: System, ada: str) -> None:
    system.catch_up()
    answer = system.client.get(f"/api/patients/{ada}/stays").get_json()
    assert answer["id"] == ada
    assert [stay["id"] for stay in answer["stays"]] == [ada] * len(answer["stays"])
    versions = [stay["version"] for stay in answer["stays"]]
    assert versions[0] == 1
    assert versions == sorted(versions)
    assert answer["current_as_of"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("00000000-0000-4000-8000-000000000001/stays", 404),
        ("x/stays", 404),
        ("{ada}/stays?a=1", 422),
    ],
)
def test_stays_of_nobody_or_with_a_wish_are_a_problem(
    system: System, ada: str, path: str, status: int
) -> None:
    answer = system.client.get(f"/api/patients/{path.format(ada=ada)}")
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
