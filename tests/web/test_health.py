"""Whether the application is ready: its stores answer, and its read models keep up."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from patientmgmt.web.settings import config_of
from read_models import find_all
from tests.web.conftest import System, web_system
from tests.web.test_currency import TOO_LONG, pause

NAMES = ["demographics", "patient_list", "stays", "ward_board", "ward_history"]


def behind(system: System) -> list[str]:
    """Return which read models the application is not ready for."""
    answer = system.client.get("/health/ready")
    if answer.status_code == 200:
        assert answer.get_json()["status"] == "ready"
        return []
    assert (answer.status_code, answer.mimetype) == (503, "application/problem+json")
    problem = answer.get_json()
    assert problem["type"] == "/problems/read-models-behind"
    assert list(problem["projections"]) == list(find_all())
    found: list[str] = problem["behind"]
    assert all(name in problem["detail"] for name in found)
    return found


def test_ready_tells_of_each_read_model_how_it_keeps_up(system: System) -> None:
    system.happened("Ada", ("2026-01-05", "AA"), ("2026-01-06", TOO_LONG))
    system.catch_up()
    answer = system.client.get("/health/ready")
    assert answer.status_code == 200
    told = answer.get_json()["projections"]
    assert list(told) == list(find_all())
    for name in NAMES:
        moment = datetime.fromisoformat(told[name].pop("current_as_of"))
        assert abs((moment - datetime.now(UTC)).total_seconds()) < 10
        assert 0 <= told[name].pop("lag_seconds") < 10
        assert told[name] == {"parked": 1, "paused": False}


def test_a_system_that_no_worker_has_ever_served_is_not_ready(system: System) -> None:
    assert behind(system) == list(find_all())
    problem = system.client.get("/health/ready").get_json()
    assert problem["projections"]["stays"] == {
        "current_as_of": None,
        "lag_seconds": None,
        "parked": 0,
        "paused": False,
    }


def test_a_system_whose_worker_has_died_is_not_ready_after_a_minute(system: System) -> None:
    system.catch_up()
    system.clock.advance(seconds=50)
    assert behind(system) == []
    system.clock.advance(seconds=15)
    assert behind(system) == list(find_all())
    system.runtime.worker().catch_up()
    system.clock.advance(seconds=-65)
    assert behind(system) == []


def test_a_system_with_a_paused_read_model_is_not_ready(system: System) -> None:
    system.catch_up()
    pause(system, "stays")
    assert behind(system) == ["stays"]
    pause(system, "stays", paused=False)
    assert behind(system) == []


def test_how_far_behind_is_ready_can_be_said(tmp_path: Path) -> None:
    with web_system(tmp_path, READY_LAG_SECONDS=3600) as system:
        system.catch_up()
        system.clock.advance(minutes=59)
        assert behind(system) == []
        system.clock.advance(minutes=1)
        assert behind(system) == list(find_all())


@pytest.fixture
def env(tmp_path: Path) -> Mapping[str, str]:
    return {"PATIENTMGMT_DATA": str(tmp_path)}


def test_the_environment_says_how_far_behind_is_ready(env: Mapping[str, str]) -> None:
    assert "READY_LAG_SECONDS" not in config_of(env)
    config = config_of({**env, "PATIENTMGMT_READY_LAG_SECONDS": "90"})
    assert config["READY_LAG_SECONDS"] == 90
    assert config["SECRET_KEY"]


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "a minute", "९", "1" * 5000])
def test_an_impossible_lag_is_refused_with_a_sentence(env: Mapping[str, str], value: str) -> None:
    expected = r"PATIENTMGMT_READY_LAG_SECONDS: expected a whole number of seconds, at least 1, "
    with pytest.raises(OSError, match=expected):
        config_of({**env, "PATIENTMGMT_READY_LAG_SECONDS": value})
