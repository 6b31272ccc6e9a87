"""The board, the list and the patient's page."""

import time
from pathlib import Path

import pytest

from tests.web.conftest import System, web_system

DEADLINE = 30.0
"""Seconds for what goes on in the background; it takes one at most."""


def test_an_empty_board_says_what_to_do(system: System) -> None:
    board = system.client.get("/").text
    assert "No patient is on a ward yet" in board
    assert "make demo-data" in board
    assert 'form="demo-data"' in board


def test_the_board_shows_each_ward_with_its_patients_and_occupancy(system: System) -> None:
    for name, ward in [("Ada", "AA"), ("Bo", "AA"), ("Cy", "BB")]:
        system.admitted(name, ward)
    system.catch_up()
    board = system.client.get("/board").text
    assert "3 patients on 2 wards" in " ".join(board.split())
    assert board.index(">AA<") < board.index("Ada") < board.index("Bo") < board.index(">BB<")


def test_the_board_is_sent_again_only_when_it_has_changed(system: System) -> None:
    system.admitted("Ada")
    system.catch_up()
    first = system.client.get("/board")
    seen = {"If-None-Match": first.headers["ETag"]}

    assert system.client.get("/board", headers=seen).status_code == 304

    system.admitted("Bo")
    system.catch_up()
    assert "Bo" in system.client.get("/board", headers=seen).text


def test_a_board_behind_the_readers_own_change_says_so_until_it_has_it(system: System) -> None:
    patient_id = system.admitted("Ada")
    query = f"patient={patient_id}&version=1"

    page = system.client.get(f"/?{query}").text
    assert "still catching up" in page
    assert '<meta http-equiv="refresh"' in page

    system.catch_up()
    assert "still catching up" not in system.client.get(f"/board?{query}").text


def test_the_board_waits_for_the_readers_own_change_no_longer_than_it_may(tmp_path: Path) -> None:
    with web_system(tmp_path, READ_MODEL_WAIT_SECONDS=0.3) as system:
        patient_id = system.admitted("Ada")
        begun = time.monotonic()
        page = system.client.get(f"/?patient={patient_id}&version=1").text
        assert 0.3 <= time.monotonic() - begun < DEADLINE
        assert "still catching up" in page


@pytest.mark.parametrize("query", ["patient=x&version=1", "patient=&version=", "patient=x"])
def test_a_board_asked_for_an_impossible_change_says_what_it_expected(
    system: System, query: str
) -> None:
    answer = system.client.get(f"/?{query}")
    assert answer.status_code == 422
    assert "patient: expected an id such as" in answer.text


def test_the_button_fills_the_board_with_demo_data_once(system: System) -> None:
    for _ in range(2):
        assert system.send_form("/", name="ignored").status_code == 303
    deadline = time.monotonic() + DEADLINE
    while "Demo data is being recorded" in system.client.get("/board").text:
        assert time.monotonic() < deadline

    system.catch_up()
    names = system.client.get("/api/patients?limit=200").get_json()["patients"]
    assert len(names) == 30


def test_the_list_is_paged_and_says_where_each_patient_is(system: System) -> None:
    system.admitted("Ada", "AA")
    gone = system.admitted("Bo", "BB")
    system.client.post(f"/api/patients/{gone}/discharge", json={})
    system.catch_up()

    first = system.client.get("/patients?limit=1").text
    assert "On ward AA" in first
    assert "Bo" not in first
    following = first.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    second = system.client.get(following).text
    assert "Bo" in second
    assert "Discharged" in second
    assert 'rel="next"' not in second


def test_a_page_that_was_never_given_is_refused_with_a_sentence(system: System) -> None:
    answer = system.client.get("/patients?after=never-given")
    assert answer.status_code == 422
    assert "after: expected the value that an earlier page gave as next" in answer.text


def test_a_patients_page_is_current_before_any_read_model_is(system: System) -> None:
    patient_id = system.admitted("Ada", "AA")
    system.client.post(f"/api/patients/{patient_id}/transfer", json={"ward": "BB"})

    page = system.client.get(f"/patients/{patient_id}").text

    assert "On ward BB" in page
    assert page.index("Transferred from ward AA to ward BB") < page.index("Admitted to ward AA")
    assert "PatientTransferred · version 2" in page
    assert "&#34;new_ward&#34;: &#34;BB&#34;" in page
    assert 'datetime="20' in page


def test_a_discharged_patients_page_offers_an_admission_only(system: System) -> None:
    patient_id = system.admitted()
    system.client.post(f"/api/patients/{patient_id}/discharge", json={})
    page = system.client.get(f"/patients/{patient_id}").text
    assert "Admit again" in page
    assert f"/patients/{patient_id}/transfer" not in page
