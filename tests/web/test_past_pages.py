"""The pages of the past: wards at a moment, stays, ages, and a patient as of then."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from html import unescape
from urllib.parse import urlencode

import pytest

from tests.web.conftest import System

ODD = 'B/B & "C"?#%é'
"""A ward whose name would break a path."""


@pytest.fixture
def hospital(system: System) -> System:
    """Ada came at 6, went on at 8, and left the next day; Bo has been there since 7."""
    system.happened(
        "Ada", ("2026-01-05T06:00", "AA"), ("2026-01-05T08:00", ODD), ("2026-01-06T12:00", None)
    )
    system.happened("Bo", ("2026-01-05T07:00", "AA"), age=7)
    system.catch_up()
    return system


def text_of(system: System, path: str, **query: str) -> str:
    """Return the page, blanks as one."""
    answer = system.client.get(f"{path}?{urlencode(query)}")
    assert answer.status_code == 200, answer.text
    return " ".join(unescape(answer.text).split())


def refusal_of(system: System, path: str, **query: str) -> str:
    """Return why the page was refused."""
    answer = system.client.get(f"{path}?{urlencode(query)}")
    assert (answer.status_code, answer.mimetype) == (422, "text/html")
    return unescape(answer.text)


@pytest.mark.parametrize("path", ["/history", "/stays", "/demographics"])
def test_every_page_leads_to_the_pages_of_the_past(system: System, path: str) -> None:
    assert f'href="{path}"' in system.client.get("/").text
    link = system.client.get(path).text.partition(f'href="{path}"')[0].rpartition("<a")[2]
    assert " active" in link


def test_the_board_of_a_moment_has_whoever_was_there_then(hospital: System) -> None:
    early = text_of(hospital, "/history", at="2026-01-05T06:30")
    assert "05 Jan 2026, 06:30:00 UTC" in early
    assert "1 patient on 1 ward" in early
    assert "Ada" in early
    assert "until 05 Jan 2026, 08:00" in early

    later = text_of(hospital, "/history", at="2026-01-05T08:00:00")
    assert "2 patients on 2 wards" in later
    assert later.index("Bo") < later.index(ODD) < later.index("Ada")

    now = text_of(hospital, "/history")
    assert "1 patient on 1 ward" in now
    assert "Ada" not in now


def test_a_moment_before_the_first_event_shows_nobody(hospital: System) -> None:
    for moment in ("2026-01-05T05:59:59", "0001-01-01T00:00"):
        assert "Nobody was on a ward at that moment." in text_of(hospital, "/history", at=moment)
        ward = text_of(hospital, "/history/ward", ward="AA", at=moment)
        assert "Nobody was on this ward at that moment." in ward


def test_links_lead_an_hour_and_a_day_back_and_forth_and_never_into_the_future(
    hospital: System,
) -> None:
    page = text_of(hospital, "/history", at="2026-01-05T06:30")
    for moment in ("01-04T06:30", "01-05T05:30", "01-05T07:30", "01-06T06:30"):
        assert f'href="/history?at=2026-{moment}:00"' in page
    assert "later</a>" not in text_of(hospital, "/history")
    first = text_of(hospital, "/history", at="0001-01-01T00:30")
    assert "before</a>" not in first
    assert 'href="/history?at=0001-01-01T01:30:00"' in first
    assert ">Now</a>" in first


def test_the_form_holds_the_moment_and_an_empty_one_means_now(hospital: System) -> None:
    assert 'value="2026-01-05T06:30:00"' in text_of(hospital, "/history", at="2026-01-05T06:30")
    assert f"{datetime.now(UTC):%d %b %Y}" in text_of(hospital, "/history", at="")


def test_another_time_zone_is_understood(hospital: System) -> None:
    page = text_of(hospital, "/history", at="2026-01-05T07:30+01:00")
    assert "05 Jan 2026, 06:30:00 UTC" in page


@pytest.mark.parametrize(
    "at", ["yesterday", "2026-13-01T00:00", "2026-01-05", "1767600000", "0001-01-01T00:00+01:00"]
)
@pytest.mark.parametrize("path", ["/history", "/history/ward"])
def test_a_moment_that_cannot_be_read_is_refused(system: System, path: str, at: str) -> None:
    query = {"ward": "AA"} if path.endswith("ward") else {}
    reason = "at: expected a moment such as 2026-11-05T06:12 or 2026-11-05T06:12:03Z, in UTC, found"
    assert f'{reason} "{at}"' in refusal_of(system, path, at=at, **query)


@pytest.mark.parametrize("path", ["/history", "/history/ward"])
def test_a_moment_in_the_future_is_refused(system: System, path: str) -> None:
    query = {"ward": "AA"} if path.endswith("ward") else {}
    at = f"{datetime.now(UTC) + timedelta(hours=1):%Y-%m-%dT%H:%M}"
    assert "at: expected a moment up to now" in refusal_of(system, path, at=at, **query)
    assert "at: expected a moment up to now" in refusal_of(
        system, path, at="9999-12-31T23:59:59", **query
    )


@pytest.mark.parametrize(
    ("path", "query", "reason"),
    [
        ("/history", {"to": "x"}, "to: unknown field, expected only at"),
        ("/history/ward", {}, "ward: expected text of 1 to 400 characters, found nothing"),
        ("/history/ward", {"ward": "W" * 401}, "ward: expected text of 1 to 400 characters"),
        ("/stays", {"month": "2026-13"}, 'month: expected a month such as 2026-11, found "2026-'),
        ("/stays", {"month": "0000-01"}, "month: expected a month such as 2026-11"),
        ("/stays", {"limit": "0"}, "limit: expected a whole number from 1 to 200"),
        ("/stays", {"after": "x", "month": "2026-01"}, "earlier page of 2026-01 gave as next"),
        ("/demographics", {"x": "1"}, "x: unknown field, expected none"),
    ],
)
def test_what_a_page_cannot_show_is_refused_in_words(
    system: System, path: str, query: dict[str, str], reason: str
) -> None:
    assert reason in refusal_of(system, path, **query)


def test_the_board_leads_to_a_wards_history_whatever_the_ward_is_called(hospital: System) -> None:
    page = hospital.client.get("/history?at=2026-01-05T09:00").text
    links = [part.partition('"')[0] for part in page.split('href="/history/ward')[1:]]
    pages = [unescape(hospital.client.get(f"/history/ward{unescape(at)}").text) for at in links]
    assert [page.partition("<h1")[2].partition("</h1>")[0].partition(">")[2] for page in pages] == [
        "Ward AA",
        f"Ward {ODD}",
    ]
    assert "Ada" in pages[1]
    assert ">Bo<" not in pages[1]


def test_a_ward_shows_who_was_there_and_how_full_it_was(hospital: System) -> None:
    page = text_of(hospital, "/history/ward", ward="AA", at="2026-01-05T07:30")
    there = page.partition("How full")[0]
    assert there.index("Ada") < there.index("Bo") < there.index("still here")
    by_hour = page.partition("By hour on 05 Jan 2026")[2].partition("By day in January 2026")[0]
    by_day = page.partition("By day in January 2026")[2]
    assert by_hour.count("<tr>") == 25
    assert by_day.count("<tr>") == 32
    at_seven = by_hour.partition(">07:00</time>")[2].partition("</tr>")[0]
    assert '<td class="number">2.0</td> <td class="number">2</td>' in at_seven
    assert 'rect width="100.00"' in at_seven
    at_eight = by_hour.partition(">08:00</time>")[2].partition("</tr>")[0]
    assert '<td class="number">1.0</td>' in at_eight
    assert 'rect width="50.00"' in at_eight
    first = by_day.partition(">05 Jan</time>")[2].partition("</tr>")[0]
    assert '<td class="number">0.8</td> <td class="number">2</td>' in first  # 2 hours and 17


def test_a_ward_that_never_was_is_empty(hospital: System) -> None:
    page = text_of(hospital, "/history/ward", ward="never", at="2026-01-05T07:30")
    assert "Nobody was on this ward at that moment." in page
    assert 'rect width="0.00"' in page


def test_the_stays_of_a_month_are_listed_with_their_length_and_readmissions(
    system: System,
) -> None:
    system.happened(
        "Ada",
        ("2026-01-05T06:00", "AA"),
        ("2026-01-05T08:00", "BB"),
        ("2026-01-08T10:00", None),
        ("2026-01-20T10:00", "CC"),
    )
    system.catch_up()
    page = text_of(system, "/stays", month="2026-01")
    first, second = page.split("<tr>")[2:]
    assert "AA → BB" in first
    assert "3 days, 4 hours" in first
    assert "Readmission" not in first
    assert "Readmission" in second
    assert "12 days after a discharge" in second
    assert "still here" in second

    this_month = f"{datetime.now(UTC):%Y-%m}"
    page = text_of(system, "/stays")
    assert f"No stay began in {datetime.now(UTC):%B %Y}." in page
    for month in ("2026-01", this_month):
        assert f'<option value="{month}"' in page


def test_stays_are_paged(system: System) -> None:
    for day in ("05", "06", "07"):
        system.happened(f"Day {day}", (f"2026-01-{day}", "AA"))
    system.catch_up()
    path, seen = "/stays?month=2026-01&limit=2", []
    while path:
        page = system.client.get(path).text
        seen.append([day for day in ("05", "06", "07") if f"Day {day}" in page])
        path = unescape(page.partition('rel="next" href="')[2].partition('"')[0])
    assert seen == [["05", "06"], ["07"]]
    assert "First page" in page


def test_ages_are_counted_now_and_in_total(hospital: System) -> None:
    page = text_of(hospital, "/demographics")
    bands = {row.partition("</th>")[0].rpartition(">")[2]: row for row in page.split("<tr>")[2:]}
    assert list(bands) == [
        "0-10",
        "11-20",
        "21-30",
        "31-40",
        "41-50",
        "51-60",
        "61-70",
        "71+",
        "All",
    ]
    numbers = {
        band: [part.partition("<")[0] for part in row.split('<td class="number">')[1:]]
        for band, row in bands.items()
    }
    assert numbers["0-10"] == ["1", "1"]
    assert numbers["31-40"] == ["0", "1"]
    assert numbers["All"] == ["1", "2"]
    assert bands["0-10"].count('rect width="100.00"') == 2


def test_ages_of_nobody_are_noughts(system: System) -> None:
    assert text_of(system, "/demographics").count('rect width="0.00"') == 16


@pytest.fixture
def ada(system: System) -> str:
    """Somebody with three versions."""
    return system.happened(
        "Ada", ("2026-01-05T06:00", "AA"), ("2026-01-05T08:00", "BB"), ("2026-01-06T12:00", None)
    )


@pytest.mark.parametrize("query", [{"version": "2"}, {"at": "2026-01-06T11:59:59"}])
def test_a_patient_as_of_then_is_shown_as_the_past_and_cannot_be_acted_on(
    system: System, ada: str, query: dict[str, str]
) -> None:
    page = text_of(system, f"/patients/{ada}", **query)
    assert "This is not the present." in page
    assert "version 2 of 3" in page
    assert "On ward BB" in page
    assert "Transferred from ward AA to ward BB" in page
    assert "Discharged from" not in page
    assert f'href="/patients/{ada}">Show the present</a>' in page
    assert f"/patients/{ada}/" not in page
    assert "always current" not in page


def test_the_latest_version_is_named_so(system: System, ada: str) -> None:
    page = text_of(system, f"/patients/{ada}", version="3")
    assert "version 3 of 3, the latest" in page
    assert f"/patients/{ada}/admit" not in page


def test_each_event_of_a_history_leads_to_the_patient_as_of_then(system: System, ada: str) -> None:
    page = text_of(system, f"/patients/{ada}")
    assert "This is not the present" not in page
    for version in (1, 2, 3):
        assert f'href="/patients/{ada}?version={version}"' in page


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ({"version": "4"}, "version: expected a version that the patient has had, found 4"),
        ({"version": "0"}, "version: expected a whole number from 1 to 2147483647"),
        ({"at": "2026-01-05T05:59"}, "at: expected a moment since the patient was first admitted"),
        ({"at": "9999-01-01T00:00"}, "at: expected a moment up to now"),
        ({"at": "2026-01-06T00:00", "version": "1"}, "at: expected either version or at"),
        ({"when": "then"}, "when: unknown field, expected only version, at"),
    ],
)
def test_a_patient_as_of_a_time_that_cannot_be_is_refused(
    system: System, ada: str, query: dict[str, str], reason: str
) -> None:
    assert reason in refusal_of(system, f"/patients/{ada}", **query)


def test_what_cannot_be_read_later_does_not_hide_what_was_before(system: System) -> None:
    ada = system.happened("Ada", ("2026-01-05", "AA"), ("2026-01-06", "BB"))
    with closing(sqlite3.connect(system.folder / "patients.sqlite")) as connection:
        connection.execute("UPDATE stored_events SET state = '' WHERE originator_version = 2")
        connection.commit()
    assert system.client.get(f"/patients/{ada}").status_code == 500
    assert "version 1 of 2" in text_of(system, f"/patients/{ada}", version="1")
