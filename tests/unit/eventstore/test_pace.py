"""When a process announces, and how long it pauses."""

import pytest

from eventstore_cassandra.notification_log.combine_steps import Combined
from eventstore_cassandra.notification_log.lobby import Served
from eventstore_cassandra.notification_log.pace import Pace
from eventstore_cassandra.notification_log.reserve_steps import Place


def combined(rivals: int) -> Combined:
    return Combined(0, Served(7, 7, 7), Place(0, 7, 8), {}, rivals)


def test_nobody_announces_who_has_met_nobody() -> None:
    assert not Pace().is_contended


@pytest.mark.parametrize("met_before", [0, 1, 7])
def test_after_a_lost_race_eight_groups_that_meet_nobody_are_announced(met_before: int) -> None:
    pace = Pace()
    pace.lost()
    for _ in range(met_before):
        pace.combined(combined(0), active=0)
    pace.lost()
    for _ in range(8):
        assert pace.is_contended
        pace.combined(combined(0), active=0)
    assert not pace.is_contended


def test_after_each_group_that_meets_somebody_it_is_eight_more() -> None:
    pace = Pace()
    pace.lost()
    for _ in range(5):
        pace.combined(combined(0), active=0)
    pace.combined(combined(1), active=0)
    for _ in range(8):
        assert pace.is_contended
        pace.combined(combined(0), active=3)
    assert not pace.is_contended


def test_who_knows_of_nobody_pauses_as_if_there_were_one() -> None:
    assert Pace().pause() == (0.0025, 0.005)


@pytest.mark.parametrize(
    ("active", "shortest"),
    [(-1, 0.0025), (0, 0.0025), (1, 0.0025), (2, 0.005), (4, 0.01), (5, 0.01), (90, 0.01)],
)
def test_a_pause_is_the_longer_the_more_others_are_active_up_to_four(
    active: int, shortest: float
) -> None:
    pace = Pace()
    pace.lost()
    pace.combined(combined(0), active=active)
    assert pace.pause() == (shortest, 2 * shortest)


def test_a_pause_follows_the_time_that_announcements_take() -> None:
    pace = Pace()
    pace.lost()
    pace.combined(combined(4), active=4)
    pace.announced(0.015)
    assert pace.pause() == pytest.approx((0.014, 0.028))
    pace.announced(0.002)
    assert pace.pause() == pytest.approx((0.012, 0.024))
    for _ in range(40):
        pace.announced(0.1)
    assert pace.pause() == pytest.approx((0.2, 0.4), rel=0.001)
