"""How often a follower says that the store is away."""

from itertools import pairwise

import pytest

from eventstore_cassandra.notification_log.outage import (
    FIRST_REMINDER,
    LONGEST_WAIT,
    SHORTEST_WAIT,
    Outage,
)

REASON = ConnectionRefusedError("refused")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_an_outage_is_told_at_once_then_at_growing_intervals_and_at_its_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = Clock()
    outage = Outage(clock)
    told: list[float] = []
    for _ in range(200):
        before = len(caplog.records)
        wait = outage.goes_on(REASON, 7)
        if len(caplog.records) > before:
            told.append(clock.now)
        clock.now += wait
    intervals = [later - earlier for earlier, later in pairwise(told)]
    assert told[0] == Clock.now
    assert intervals == sorted(intervals)
    assert intervals[0] >= FIRST_REMINDER
    assert len(told) < 8
    assert "after position 7" in caplog.text
    assert "refused" in caplog.text
    outage.is_over(7)
    assert "read again" in caplog.records[-1].getMessage()
    assert {record.levelname for record in caplog.records} == {"WARNING"}


def test_tries_come_soon_at_first_and_never_too_seldom() -> None:
    outage = Outage(Clock())
    waits = [outage.goes_on(REASON, 0) for _ in range(20)]
    assert waits[0] == SHORTEST_WAIT
    assert max(waits) == waits[-1] == LONGEST_WAIT


def test_a_store_that_answers_is_not_spoken_of_and_a_new_outage_is_told_at_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    outage = Outage(Clock())
    outage.is_over(0)
    assert not caplog.records
    for _ in range(2):
        assert outage.goes_on(REASON, 0) == SHORTEST_WAIT
        outage.is_over(0)
    assert len(caplog.records) == 4
