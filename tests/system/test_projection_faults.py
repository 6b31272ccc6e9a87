"""Workers as processes that are stopped, killed and interrupted while commands run."""

import re
import signal
from pathlib import Path

import pytest

from patientmgmt import demo_data
from patientmgmt.runtime import MODELS, Runtime, open_runtime
from projections.crew import members
from projections.generations import Generations
from projections.verifying import verify
from tests.store.projections.waiting import wait_until
from tests.system.test_commands import Env, clean_environment, finished, line_with, running

RUNNING = "The projection worker is running"


@pytest.fixture
def env(tmp_path: Path) -> Env:
    return {"PATIENTMGMT_DATA": str(tmp_path / "data")}


def is_right(runtime: Runtime) -> bool:
    """Return whether all read models equal the fold of the truth."""
    for model in MODELS.values():
        live = Generations(runtime.database).live(model)
        work = verify(
            live,
            runtime.database,
            runtime.feed,
            runtime.truth,
            runtime.decode,
            pause=lambda _: None,
        )
        while True:
            try:
                next(work)
            except StopIteration as end:
                if end.value.differences:
                    return False
                break
    return True


def play(runtime: Runtime, seed: int) -> None:
    assert list(demo_data.generate(runtime.application, patients=5, seed=seed))


def holders(runtime: Runtime) -> dict[int, int]:
    """Return how many parts of the work each worker has, by process."""
    return {worker.pid: len(worker.parts) for worker in members(runtime.database.records)}


def all_held(runtime: Runtime, *, shards: int = 1) -> bool:
    """Return whether each part of the work is held by one worker."""
    return sum(holders(runtime).values()) == shards * len(MODELS)


def test_a_worker_that_is_killed_is_followed_by_another_and_nothing_is_lost(env: Env) -> None:
    with open_runtime(clean_environment() | env) as runtime:
        for seed in range(3):
            with running(env, "worker") as worker:
                line_with(worker, RUNNING)
                play(runtime, seed)
                worker.kill()
                worker.wait()
        with running(env, "worker") as worker:
            line_with(worker, RUNNING)
            wait_until(lambda: is_right(runtime))


def test_shards_of_who_is_killed_or_ends_are_taken_over(env: Env) -> None:
    with (
        open_runtime(clean_environment() | env) as runtime,
        running(env, "worker", "--shards", "2") as one,
        running(env, "worker") as other,
    ):
        line_with(one, RUNNING)
        line_with(other, RUNNING)
        wait_until(lambda: set(holders(runtime)) == {one.pid, other.pid})
        wait_until(lambda: all(holders(runtime).values()) and all_held(runtime, shards=2))
        one.kill()
        one.wait()
        play(runtime, 1)
        wait_until(lambda: holders(runtime).get(other.pid) == 2 * len(MODELS))
        wait_until(lambda: is_right(runtime))
        other.send_signal(signal.SIGTERM)
        rest, _ = other.communicate(timeout=30)
        assert other.returncode == 0
        assert "The projection worker has stopped." in rest
        assert other.pid not in holders(runtime), "it has made itself unknown"
        assert runtime.database.records.load_all("lease") == {}, "its shards are free at once"


def test_a_worker_that_stood_still_beyond_its_lease_goes_on_and_does_no_harm(env: Env) -> None:
    with (
        open_runtime(clean_environment() | env) as runtime,
        running(env, "worker") as one,
        running(env, "worker") as other,
    ):
        line_with(one, RUNNING)
        line_with(other, RUNNING)
        wait_until(lambda: all(holders(runtime).get(w.pid) for w in (one, other)))
        one.send_signal(signal.SIGSTOP)
        play(runtime, 1)
        wait_until(lambda: holders(runtime).get(other.pid) == len(MODELS))
        wait_until(lambda: is_right(runtime))
        one.send_signal(signal.SIGCONT)
        play(runtime, 2)
        wait_until(lambda: is_right(runtime))
        wait_until(lambda: all(holders(runtime).get(w.pid) for w in (one, other)))
        wait_until(lambda: all_held(runtime))


def test_a_rebuild_that_is_killed_goes_on_when_it_is_run_again_while_commands_run(
    env: Env,
) -> None:
    with open_runtime(clean_environment() | env) as runtime, running(env, "worker") as worker:
        line_with(worker, RUNNING)
        play(runtime, 1)
        with running(env, "projections", "rebuild", "ward_board") as rebuild:
            registered = Generations(runtime.database).registered
            wait_until(
                lambda: (
                    (found := registered(MODELS["ward_board"])) is not None
                    and (found.building is not None or found.live.number == 2)
                )
            )
            rebuild.kill()
        play(runtime, 2)
        code, output = finished(env, "projections", "rebuild", "ward_board")
        assert code == 0, output
        wait_until(lambda: is_right(runtime))


def test_on_cassandra_the_feed_may_be_changed_to_and_fro(cassandra_env: Env) -> None:
    for seed, feed in enumerate(["type_view", "log", "type_view", "log"]):
        env = clean_environment() | cassandra_env | {"PATIENTMGMT_FEED": feed}
        with open_runtime(env) as runtime:
            assert runtime.feed.name == feed
            play(runtime, seed)
            runtime.worker().catch_up()
            assert is_right(runtime)


def test_on_cassandra_a_feed_that_there_is_not_is_told(cassandra_env: Env) -> None:
    code, output = finished(cassandra_env | {"PATIENTMGMT_FEED": "gossip"}, "worker", "--once")
    assert code == 1
    assert "PATIENTMGMT_FEED: expected type_view or log, found gossip." in output


def test_on_cassandra_the_state_of_read_models_is_told(cassandra_env: Env) -> None:
    for arguments in (("demo-data", "--patients", "3"), ("worker", "--once")):
        code, output = finished(cassandra_env, *arguments)
        assert code == 0, output
    code, output = finished(cassandra_env, "projections", "status")
    assert code == 0, output
    for name in MODELS:
        assert f"{name}\n  generation    1\n" in output
    assert len(re.findall(r"waiting +0 events", output)) == len(MODELS)
    assert "PatientAdmitted 20" in output
    assert "workers: none seen, shards: 1" in output
    for command in ("parked", "verify"):
        code, output = finished(cassandra_env, "projections", command)
        assert code == 0, output
