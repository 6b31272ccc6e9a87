"""What is measured when a server does not answer: counted apart, and the measuring goes on."""

from collections.abc import Iterator
from itertools import count
from math import isnan

import pytest
from cassandra import WriteTimeout, WriteType
from cassandra.cluster import Session
from eventsourcing.persistence import OperationalError, ProgrammingError

from benchmarks.appends import Appends
from benchmarks.contention import Contention
from benchmarks.measure import (
    Comparison,
    Operation,
    Sample,
    compare,
    is_answered,
    percentiles,
    stretch,
)
from benchmarks.nodes import keyspace
from benchmarks.operations import DRIVER, LOG_OFF, LOG_ON, appending
from benchmarks.processes import Done, started
from benchmarks.projections import catching_up
from benchmarks.report import line
from benchmarks.to_rows import to_rows
from eventstore_cassandra import Settings
from patientmgmt.runtime import MODELS
from tests.store.test_shipped_cases import environment


@pytest.fixture(scope="module")
def bench_env(settings: Settings) -> Iterator[dict[str, str]]:
    with keyspace(environment(settings)) as env:
        yield env


def lose_the_answer(*_: object, **__: object) -> None:
    raise WriteTimeout("the replicas were slow", write_type=WriteType.CAS)


@pytest.mark.parametrize("what", [DRIVER, LOG_OFF, LOG_ON])
def test_an_append_that_is_not_answered_is_told_from_one_that_is(
    bench_env: dict[str, str], what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with appending(bench_env, what) as opened:
        assert is_answered(opened.append)
        with monkeypatch.context() as patch:
            patch.setattr(Session, "execute", lose_the_answer)
            assert not is_answered(opened.append)


def every_other() -> Operation:
    numbers = count()

    def operate() -> None:
        if next(numbers) % 2:
            raise OperationalError("It ran out of time.")

    return operate


def never() -> None:
    raise OperationalError("It ran out of time.")


def refused() -> None:
    raise ProgrammingError("It is refused.")


def test_what_is_not_answered_is_counted_apart() -> None:
    sample = stretch(every_other(), threads=1, seconds=0.02)
    assert abs(len(sample.latencies) - sample.unanswered) <= 1
    assert sample.unanswered > 0


def test_a_refusal_ends_the_measuring() -> None:
    with pytest.raises(ProgrammingError):
        stretch(refused, threads=2, seconds=0.02)


def test_without_any_answer_there_are_no_figures_but_a_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = compare(never, every_other(), threads=1, seconds=0.02, pairs=2)
    assert isnan(found.ratio)
    assert all(isnan(each) for each in percentiles(found.baseline))
    line(Appends(LOG_OFF, 1, 1, found).figures(), "{what}: {ratio:.2f}")
    assert "log off: nan\n  (baseline unanswered: " in capsys.readouterr().out


def test_a_ratio_is_that_of_the_pairs_in_which_the_baseline_did_something() -> None:
    silent, busy = Sample(0.0, [], 3), Sample(10.0, [0.1] * 10)
    assert Comparison([silent, busy], [busy, Sample(5.0, [0.2] * 5)]).ratio == 0.5


def test_processes_are_measured_together_and_their_requests_are_counted(
    bench_env: dict[str, str],
) -> None:
    with started(bench_env, [LOG_OFF, LOG_ON], processes=2, threads=3, delay=0.001) as together:
        off, on = together.measure(LOG_OFF, 0.2), together.measure(LOG_ON, 0.2)
    for done in (off, on):
        assert [type(each) for each in done] == [Done, Done]
        assert all(each.sample.latencies for each in done)
    for each in off:
        assert each.writes >= len(each.sample.latencies)
    line = Contention(2, 3, 0.001, [off], [on]).figures()
    assert line["writes_per_append"] > 1
    assert line["longest_ms"] >= line["p50_ms"]


def test_a_process_that_fails_ends_the_measuring_of_all(
    bench_env: dict[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    nowhere = bench_env | {"CASSANDRA_KEYSPACE": "nowhere"}
    with (
        pytest.raises(RuntimeError, match="One of the processes has ended"),
        started(nowhere, [LOG_ON], processes=2, threads=1),
    ):
        pass
    assert "found none" in capfd.readouterr().err


def test_read_models_catch_up_and_commands_come_to_rows(bench_env: dict[str, str]) -> None:
    caught_up = catching_up(bench_env, events=500)
    assert caught_up.models.keys() == MODELS.keys()
    assert 0 < caught_up.mib_early <= 2 * caught_up.mib_at_end
    found = to_rows(bench_env, workers=2, seconds=1)
    assert 0 < found.p50 <= found.p99
