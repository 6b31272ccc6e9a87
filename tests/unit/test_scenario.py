"""The scenario: what it does, and that it notices when something is wrong."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from click.testing import CliRunner

from patientmgmt.cli import main
from patientmgmt.demo_data import generate
from patientmgmt.domain.commands import DischargePatient
from patientmgmt.runtime import MODELS, Runtime, open_runtime
from patientmgmt.scenario import Scenario, Step
from projections.checkpoints import Checkpoints
from projections.feeds.feed import aggregate_id
from projections.generations import Generations


def environment(folder: Path) -> dict[str, str]:
    return {
        "PERSISTENCE_MODULE": "eventsourcing.sqlite",
        "PATIENTMGMT_DATA": str(folder),
        "SQLITE_DBNAME": str(folder / "patients.sqlite"),
    }


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    with open_runtime(environment(tmp_path)) as runtime:
        yield runtime


def play(runtime: Runtime) -> list[Step]:
    return list(Scenario(runtime.application, runtime.queries, runtime.worker()).play())


def stored_names(runtime: Runtime) -> list[str]:
    events = runtime.application.recorder.select_notifications(1, 100)
    return [event.topic.removeprefix("Patient") for event in events]


def test_every_step_finds_what_it_expects(runtime: Runtime) -> None:
    assert [step for step in play(runtime) if not step.passed] == []


def test_the_patients_on_the_ward_board_are_counted_as_three_two_and_one(runtime: Runtime) -> None:
    counts = [step.found for step in play(runtime) if step.action.startswith("Count")]
    assert counts == ["3 on wards", "2 on wards", "1 on wards"]


def test_the_second_of_two_changes_from_one_version_is_refused(runtime: Runtime) -> None:
    *_, first, second = play(runtime)
    assert (first.action, first.found) == (
        "Transfer Ada Marsh to ward AA, from version 3",
        "version 4",
    )
    assert (second.action, second.found) == (
        "Discharge Ada Marsh, from version 3",
        "refused, the patient is at version 4",
    )


def test_the_events_are_those_of_the_script_and_no_others(runtime: Runtime) -> None:
    play(runtime)
    assert stored_names(runtime) == [
        *["Admitted"] * 3,
        *["Transferred"] * 2,
        *["Discharged"] * 2,
        "Transferred",
    ]


def test_one_patient_stays_and_the_others_are_listed_as_discharged(runtime: Runtime) -> None:
    play(runtime)
    runtime.worker().catch_up()
    patients = runtime.queries.patients.page().patients
    assert [(row.name, row.age, row.ward, row.version) for row in patients] == [
        ("Ada Marsh", 34, "AA", 4),
        ("Bo Lind", 29, None, 2),
        ("Chiara Rossi", 12, None, 2),
    ]


def test_steps_are_done_one_by_one_as_they_are_asked_for(runtime: Runtime) -> None:
    steps = Scenario(runtime.application, runtime.queries, runtime.worker()).play()
    next(steps)
    assert stored_names(runtime) == ["Admitted"]


def test_other_patients_and_an_earlier_run_make_no_difference(runtime: Runtime) -> None:
    assert list(generate(runtime.application, patients=20, seed=1))
    assert all(step.passed for step in play(runtime))
    assert all(step.passed for step in play(runtime))


def test_a_read_model_that_stays_behind_is_found_and_named(tmp_path: Path) -> None:
    with ExitStack() as stack:
        ours, other = (
            stack.enter_context(open_runtime(environment(tmp_path / name)))
            for name in ("ours", "other")
        )
        worker_elsewhere = other.worker()
        script = Scenario(ours.application, ours.queries, worker_elsewhere, patience=0)
        failed = [step for step in script.play() if not step.passed]
    assert [step.expected for step in failed] == ["3 on wards", "2 on wards", "1 on wards"]
    assert failed[0].found == "no news of Ada Marsh and Bo Lind and Chiara Rossi in 0 seconds"


def test_a_command_that_is_refused_against_expectation_is_found(runtime: Runtime) -> None:
    script = Scenario(runtime.application, runtime.queries, runtime.worker()).play()
    found = []
    for step in script:
        found.append(step)
        if step.action.startswith("Admit Bo Lind"):
            (admission,) = runtime.application.recorder.select_notifications(2, 1)
            runtime.application.discharge(DischargePatient(patient_id=aggregate_id(admission)))
    failed = [(step.action, step.found) for step in found if not step.passed]
    assert failed == [
        ("Count the three on the ward board", "2 on wards"),
        ("Discharge Bo Lind, from version 1", "refused, the patient is at version 2"),
    ]


def test_the_command_prints_every_step_and_exits_with_0(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["scenario"], env=environment(tmp_path))
    assert result.exit_code == 0
    assert "Admit Ada Marsh, aged 34, to ward AA. Expected: version 1. Found: version 1.\n" in (
        result.stdout
    )
    assert "Expected: 3 on wards. Found: 3 on wards.\n" in result.stdout
    assert result.stdout.endswith("All 12 steps found what they expected.\n")


def test_the_command_exits_with_1_when_a_step_does_not_find_what_it_expects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = [Step("Count", "3 on wards", "2 on wards"), Step("Admit", "version 1", "version 1")]
    monkeypatch.setattr(Scenario, "play", lambda _self: iter(steps))
    result = CliRunner().invoke(main, ["scenario"], env=environment(tmp_path))
    assert result.exit_code == 1
    assert "FAILED  Count. Expected: 3 on wards. Found: 2 on wards." in result.stdout
    assert "Error: 1 of 2 steps found something else than they expected." in result.stderr


def test_the_command_says_that_the_read_models_are_of_another_store(tmp_path: Path) -> None:
    with open_runtime(environment(tmp_path)) as runtime:
        for model in MODELS.values():
            live = Generations(runtime.database).live(model)
            Checkpoints(runtime.database.records, live).save(runtime.feed.name, "1000000")
    result = CliRunner().invoke(main, ["scenario"], env=environment(tmp_path))
    assert result.exit_code == 1
    assert "1000000" in result.stderr


@pytest.mark.parametrize("command", ["scenario", "demo-data"])
def test_a_store_that_cannot_be_opened_is_told_in_one_sentence(
    tmp_path: Path, command: str
) -> None:
    env = environment(tmp_path) | {"SQLITE_DBNAME": str(tmp_path)}
    result = CliRunner().invoke(main, [command], env=env)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert len(result.stderr.splitlines()) == 1


def test_the_demo_data_command_tells_the_counts_and_the_rate(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        main, ["demo-data", "--patients", "12", "--seed", "3"], env=environment(tmp_path)
    )
    assert result.exit_code == 0
    assert "      12 admissions\n" in result.stdout
    assert "per second" in result.stdout
    with open_runtime(environment(tmp_path)) as runtime:
        runtime.worker().catch_up()
        assert len(runtime.queries.patients.page().patients) == 12
