"""What an operator does with read models on the command line, on an empty system in files."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest
from eventsourcing.persistence import StoredEvent

from patientmgmt.runtime import MODELS, open_runtime
from projections.checkpoints import Checkpoints
from projections.generations import Generations
from tests.system.test_commands import Env, clean_environment, finished


@pytest.fixture
def env(tmp_path: Path) -> Env:
    """A system with a few patients, whose read models are up to date."""
    env = {"PATIENTMGMT_DATA": str(tmp_path / "data")}
    assert finished(env, "demo-data", "--patients", "3")[0] == 0
    assert finished(env, "worker", "--once")[0] == 0
    return env


def read_models(env: Env) -> sqlite3.Connection:
    return sqlite3.connect(Path(env["PATIENTMGMT_DATA"]) / "read-models.sqlite")


def test_what_is_right_is_told_and_a_deleted_row_is_named_and_brought_back(env: Env) -> None:
    code, output = finished(env, "projections", "verify")
    assert (code, output.count(" 0 differences")) == (0, len(MODELS)), output
    with closing(read_models(env)) as file:
        file.execute("DELETE FROM patient_list_1_patients")
        file.commit()
    code, output = finished(env, "projections", "verify", "patient_list")
    assert code == 1
    assert "missing row of patient " in output
    code, output = finished(env, "projections", "rebuild", "patient_list")
    assert code == 0
    assert "patient_list: generation 2 is live" in output
    assert finished(env, "projections", "verify")[0] == 0
    code, output = finished(env, "projections", "status", "patient_list")
    assert code == 0
    assert re.search(r"generation +2\n", output)
    assert re.search(r"waiting +0 events", output)


def test_what_is_parked_is_listed_and_tried_again_with_an_exit_code(env: Env) -> None:
    bad = uuid4()
    with open_runtime(clean_environment() | env) as runtime:
        event = StoredEvent(bad, 1, "PatientAdmitted", b"{no json")
        runtime.application.recorder.insert_events([event])
    assert finished(env, "worker", "--once")[0] == 0
    code, output = finished(env, "projections", "parked", "ward_board")
    assert code == 0
    assert "ward_board: 1 parked" in output
    assert f"patient {bad}, version 1 (PatientAdmitted)" in output
    code, output = finished(env, "projections", "retry", "ward_board")
    assert code == 1
    assert "1 patients tried, 0 events shown, 1 still parked" in output
    assert "Traceback" not in output


def test_a_read_model_that_is_paused_says_so_and_loses_nothing(env: Env) -> None:
    assert finished(env, "projections", "pause", "ward_board") == (0, "ward_board is paused\n")
    finished(env, "demo-data", "--patients", "2")
    finished(env, "worker", "--once")
    _, output = finished(env, "projections", "status", "ward_board")
    assert "ward_board: paused" in output
    assert not re.search(r"waiting +0 events", output)
    assert finished(env, "projections", "verify", "ward_board")[0] == 1
    assert finished(env, "projections", "resume", "ward_board") == (0, "ward_board goes on\n")
    finished(env, "worker", "--once")
    assert finished(env, "projections", "verify")[0] == 0


@pytest.mark.parametrize("checkpoint", ["not a position", "999999"])
def test_a_broken_checkpoint_is_mended_by_the_command_that_the_sentence_names(
    env: Env, checkpoint: str
) -> None:
    with open_runtime(clean_environment() | env) as runtime:
        live = Generations(runtime.database).live(MODELS["ward_board"])
        Checkpoints(runtime.database.records, live).save(runtime.feed.name, checkpoint)
    for arguments in (("worker", "--once"), ("projections", "status")):
        code, output = finished(env, *arguments)
        assert code == 1
        assert "`patientmgmt projections rebuild`" in output
        assert "Traceback" not in output
    assert finished(env, "projections", "rebuild", "ward_board")[0] == 0
    assert finished(env, "worker", "--once")[0] == 0
    assert finished(env, "projections", "verify")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "setting", "code", "sentence"),
    [
        (["projections", "status", "bed_board"], {}, 2, "Expected one of"),
        (["worker", "--shards", "0"], {}, 2, "0 is not in the range"),
        (
            ["worker", "--once"],
            {"PATIENTMGMT_SWEEP_SECONDS": "0"},
            1,
            "PATIENTMGMT_SWEEP_SECONDS: expected a whole number of seconds, at least 1, found 0.",
        ),
        (
            ["worker", "--once"],
            {"PATIENTMGMT_FEED": "type_view"},
            1,
            "PATIENTMGMT_FEED: expected log, since this store has no other feed, found type_view.",
        ),
    ],
    ids=["name", "shards", "sweep", "feed"],
)
def test_what_cannot_be_is_one_sentence(
    tmp_path: Path, arguments: list[str], setting: Env, code: int, sentence: str
) -> None:
    found, output = finished({"PATIENTMGMT_DATA": str(tmp_path)} | setting, *arguments)
    assert (found, sentence in output, "Traceback" in output) == (code, True, False), output
