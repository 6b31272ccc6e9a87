"""The event store keeps its promises whatever fails around it: each fault once, for some seconds.

Every case prints its seed and what became of its appends (``pytest -s``, or when it fails).
"""

from random import randrange

import pytest

from patientmgmt.local_cassandra import Cluster
from tests.faults import scenarios
from tests.faults.conftest import StoreOf
from tests.faults.faulty_store import TOO_LARGE
from tests.faults.history import Told
from tests.faults.report import Report
from tests.faults.scenarios import Scenario

pytestmark = pytest.mark.timeout(600)

BUCKET_SIZE = 50
"""Small, so that edges of buckets are crossed all the time."""


def run(
    scenario: Scenario, ring: Cluster, store_of: StoreOf, *, bucket_size: int = BUCKET_SIZE
) -> Report:
    seed = randrange(2**32)
    print(f"{scenario.__name__}, seed {seed}")
    report = scenario(ring, store_of(bucket_size), seed)
    print(report)
    return report


def test_writers_and_readers_agree_when_nothing_fails(ring: Cluster, store_of: StoreOf) -> None:
    report = run(scenarios.no_fault, ring, store_of)
    assert not report.violations
    assert report.count(Told.REFUSED), "no conflicts: the case proves little"


def test_nothing_is_lost_when_a_node_is_killed_and_restarted(
    ring: Cluster, store_of: StoreOf
) -> None:
    assert not run(scenarios.node_killed, ring, store_of).violations


def test_nothing_is_lost_when_a_node_stands_still(ring: Cluster, store_of: StoreOf) -> None:
    assert not run(scenarios.node_paused, ring, store_of).violations


def test_many_processes_that_take_each_other_along_lose_nothing(
    ring: Cluster, store_of: StoreOf
) -> None:
    report = run(scenarios.many_processes, ring, store_of, bucket_size=1000)
    assert not report.violations
    assert report.acknowledged_of("writer-0"), "the one that is further away got nothing"
    assert report.combined, "nobody was taken along: the case proves little"


def test_readers_decide_what_killed_writers_left_pending(ring: Cluster, store_of: StoreOf) -> None:
    report = run(scenarios.writer_killed, ring, store_of)
    assert not report.violations
    assert report.helps


def test_a_paused_writer_is_told_that_readers_have_decided_its_append(
    ring: Cluster, store_of: StoreOf
) -> None:
    report = run(scenarios.writer_paused, ring, store_of)
    assert not report.violations
    assert report.helps
    assert not report.count(Told.UNKNOWN)


def test_lost_and_late_requests_and_answers_do_no_harm(ring: Cluster, store_of: StoreOf) -> None:
    report = run(scenarios.requests_lost, ring, store_of)
    assert not report.violations
    assert report.count(Told.UNKNOWN), "no outcome stayed unknown: the case proves little"


def test_what_aggregates_refuse_for_good_is_passed_and_never_written(
    ring: Cluster, store_of: StoreOf
) -> None:
    report = run(scenarios.appends_refused, ring, store_of)
    assert not report.violations
    assert any(
        each.told is Told.REFUSED and each.events[0].token.startswith(TOO_LARGE)
        for each in report.attempts
    ), "nothing was refused for good: the case proves little"


def test_a_reader_that_is_killed_goes_on_after_its_last_position(
    ring: Cluster, store_of: StoreOf
) -> None:
    assert not run(scenarios.readers_killed, ring, store_of).violations


def test_what_is_erased_stays_so_and_nothing_else_is_lost(ring: Cluster, store_of: StoreOf) -> None:
    report = run(scenarios.aggregates_erased, ring, store_of)
    assert not report.violations
    assert report.erased == 6


@pytest.mark.parametrize("bucket_size", [1, 2, 3])
def test_writers_at_the_edges_of_buckets_lose_and_skip_nothing(
    ring: Cluster, store_of: StoreOf, bucket_size: int
) -> None:
    assert not run(scenarios.at_the_edge, ring, store_of, bucket_size=bucket_size).violations


def test_an_append_that_was_committed_on_one_replica_is_not_passed_over(
    ring: Cluster, store_of: StoreOf
) -> None:
    assert not run(scenarios.commit_on_one_replica, ring, store_of).violations


def test_a_reader_that_skips_instead_of_deciding_is_found_out(
    ring: Cluster, store_of: StoreOf
) -> None:
    report = run(scenarios.orphan_skipped, ring, store_of)
    assert any("0 times, expected once" in sentence for sentence in report.violations)
