"""Pages and API say as of when they are current, and warn when not everything is shown."""

import json
from datetime import UTC, datetime
from html import unescape
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from projections.generations import Generations
from read_models import find_all
from tests.web.conftest import System, web_system

PAGES = {
    "/": "ward_board",
    "/patients": "patient_list",
    "/history": "ward_history",
    "/history/ward?ward=AA": "ward_history",
    "/stays": "stays",
    "/demographics": "demographics",
}
"""All that are made of read models, with the one that each is made of."""
ANSWERS = {
    "/api/wards": "ward_board",
    "/api/patients": "patient_list",
    "/api/wards?at=2026-01-05T06:12": "ward_history",
    "/api/wards/history?ward=AA": "ward_history",
    "/api/occupancy?ward=AA&month=2026-01": "ward_history",
    "/api/stays?month=2026-01": "stays",
    "/api/demographics": "demographics",
}
TOO_LONG = "W" * 401
"""A ward that no read model takes."""
every_page = pytest.mark.parametrize("path", PAGES)
every_answer = pytest.mark.parametrize("path", ANSWERS)


def warning_on(answer: TestResponse) -> str | None:
    """Return what the page warns of."""
    assert answer.status_code == 200, answer.text
    start, _, text = answer.text.partition('id="currency-warning"')[2].partition(">")
    assert 'role="status"' in start
    return None if "hidden" in start else unescape(text.partition("<")[0])


def pause(system: System, name: str, *, paused: bool = True) -> None:
    """Let workers leave the read model as it is, and let it be noticed."""
    Generations(system.runtime.database).pause(find_all()[name], paused=paused)
    system.clock.advance(seconds=1)


@every_page
def test_a_page_says_as_of_when_it_is_current(system: System, path: str) -> None:
    before = datetime.now(UTC)
    system.catch_up()
    answer = system.client.get(path)
    said = answer.text.partition("Current as of ")[2].partition("</p>")[0]
    moment = datetime.fromisoformat(said.partition('datetime="')[2].partition('"')[0])
    assert abs((moment - before).total_seconds()) < 10
    assert f"{moment:%H:%M:%S} UTC" in said
    assert warning_on(answer) is None


@every_page
def test_a_page_that_no_worker_has_ever_told_of_says_so(system: System, path: str) -> None:
    answer = system.client.get(path)
    assert "Not known to be current" in answer.text
    assert "nothing has brought it up to date yet" in (warning_on(answer) or "")


@every_page
def test_a_page_whose_worker_has_died_says_first_that_it_is_behind_then_since_when_it_stands_still(
    system: System, path: str
) -> None:
    system.catch_up()
    system.clock.advance(seconds=11)
    assert "more than 10 seconds behind" in (warning_on(system.client.get(path)) or "")
    system.clock.advance(seconds=50)
    answer = system.client.get(path)
    time = answer.text.partition("<time")[2].partition(">")[2].partition("<")[0]
    assert f"has stood still since {time}" in (warning_on(answer) or "")

    system.clock.advance(days=2)
    warning = warning_on(system.client.get(path)) or ""
    assert f"{datetime.now(UTC):%b %Y}, " in warning, "the day is told too"

    system.catch_up()
    system.clock.advance(days=-2, seconds=-61)
    assert warning_on(system.client.get(path)) is None


@every_page
def test_a_page_whose_read_model_is_paused_says_so_and_others_do_not(
    system: System, path: str
) -> None:
    system.catch_up()
    pause(system, PAGES[path])
    for other, model in PAGES.items():
        warning = warning_on(system.client.get(other))
        if model == PAGES[path]:
            assert "its updates are paused. It shows what had happened until" in (warning or "")
        else:
            assert warning is None
    pause(system, PAGES[path], paused=False)
    assert warning_on(system.client.get(path)) is None


@every_page
def test_a_page_says_that_patients_are_shown_as_of_an_earlier_event(
    system: System, path: str
) -> None:
    for name in ("Ada", "Bo"):
        system.happened(name, ("2026-01-05", "AA"), ("2026-01-06", TOO_LONG))
        system.catch_up()
        warning = warning_on(system.client.get(path)) or ""
        assert ("One patient is" if name == "Ada" else "2 patients are") in warning
        assert "shown as of an earlier event" in warning


def test_a_paused_page_with_parked_events_says_both(system: System) -> None:
    system.happened("Ada", ("2026-01-05", "AA"), ("2026-01-06", TOO_LONG))
    system.catch_up()
    pause(system, "stays")
    warning = warning_on(system.client.get("/stays")) or ""
    assert "paused" in warning
    assert "One patient is" in warning


def test_a_patients_page_says_that_it_is_always_current(system: System) -> None:
    page = system.client.get(f"/patients/{system.admitted()}").text
    assert "always current" in page
    assert "currency-warning" not in page


def test_pages_that_are_made_of_no_read_model_say_nothing(system: System) -> None:
    for path in ("/admit", "/nothing", "/stays?month=x"):
        assert "currency" not in system.client.get(path).text


@every_answer
def test_an_answer_says_as_of_when_it_is_current(system: System, path: str) -> None:
    assert system.client.get(path).get_json()["current_as_of"] is None
    system.catch_up()
    moment = datetime.fromisoformat(system.client.get(path).get_json()["current_as_of"])
    assert abs((moment - datetime.now(UTC)).total_seconds()) < 10


def test_each_answer_to_the_open_board_tells_how_current_it_is_and_changes_nothing_else(
    system: System,
) -> None:
    system.admitted()
    system.catch_up()
    first = system.client.get("/board")
    system.clock.advance(seconds=61)
    second = system.client.get("/board", headers={"If-None-Match": first.headers["ETag"]})

    assert second.status_code == 304
    told = [json.loads(answer.headers["X-Currency"]) for answer in (first, second)]
    assert told[0]["as_of"] == told[1]["as_of"]
    assert told[0]["warning"] is None
    assert told[0]["time"] in told[1]["warning"]


def test_what_is_known_of_a_read_model_is_asked_for_once_a_second(tmp_path: Path) -> None:
    with web_system(tmp_path) as system:
        system.catch_up()
        earlier = system.client.get("/api/stays?month=2026-01").get_json()["current_as_of"]
        system.runtime.worker().catch_up()
        again = system.client.get("/api/stays?month=2026-01").get_json()["current_as_of"]
        assert again == earlier
        system.clock.advance(seconds=1)
        later = system.client.get("/api/stays?month=2026-01").get_json()["current_as_of"]
        assert later > earlier
