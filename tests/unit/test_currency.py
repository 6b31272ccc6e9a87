"""How current something is, and how that is said."""

from datetime import UTC, datetime, timedelta

import pytest

from patientmgmt.currency import Currency, Standing
from patientmgmt.web.currency import said

NOW = datetime(2026, 11, 5, 6, 12, 3, tzinfo=UTC)


def current(seconds: float | None, *, paused: bool = False, parked: int = 0) -> Currency:
    """Return what was current so many seconds ago."""
    as_of = None if seconds is None else NOW - timedelta(seconds=seconds)
    return Currency(asked_at=NOW, as_of=as_of, paused=paused, parked=parked)


@pytest.mark.parametrize(
    ("seconds", "standing"),
    [
        (-5, Standing.CURRENT),
        (0, Standing.CURRENT),
        (10, Standing.CURRENT),
        (10.1, Standing.BEHIND),
        (60, Standing.BEHIND),
        (60.1, Standing.STILL),
        (None, Standing.STILL),
    ],
)
def test_it_is_current_then_behind_then_stands_still(
    seconds: float | None, standing: Standing
) -> None:
    assert current(seconds).standing == standing
    assert current(seconds, parked=3).standing == standing
    assert current(seconds, paused=True).standing == Standing.STILL


def test_a_worker_whose_clock_is_ahead_makes_nothing_newer_than_now() -> None:
    assert current(-5).lag == timedelta()
    assert current(None).lag is None


@pytest.mark.parametrize(
    ("currency", "is_within"),
    [
        (current(30), True),
        (current(30.001), False),
        (current(None), False),
        (current(0, paused=True), False),
        (current(0, parked=1), True),
    ],
)
def test_it_keeps_up_when_it_goes_on_and_is_young_enough(
    currency: Currency, is_within: bool
) -> None:
    assert currency.is_within(timedelta(seconds=30)) is is_within


@pytest.mark.parametrize(
    ("currency", "warning"),
    [
        (current(0), None),
        (
            current(12),
            "This page is more than 10 seconds behind: what has happened since may be missing.",
        ),
        (
            current(61),
            (
                "This page has stood still since 06:11:02 UTC: what has happened since is missing. "
                "The own page of each patient shows it."
            ),
        ),
        (
            current(86_400),
            (
                "This page has stood still since 04 Nov 2026, 06:12:03 UTC: what has happened "
                "since is missing. The own page of each patient shows it."
            ),
        ),
        (
            current(None),
            (
                "This page may lack much of what has happened: nothing has brought it up to date "
                "yet. The own page of each patient shows it."
            ),
        ),
        (
            current(3, paused=True),
            (
                "This page stands still: its updates are paused. It shows what had happened until "
                "06:12:00 UTC."
            ),
        ),
        (current(None, paused=True), "This page stands still: its updates are paused."),
        (
            current(0, parked=1),
            (
                "One patient is shown as of an earlier event, since a later one cannot be shown; "
                "nobody else is concerned."
            ),
        ),
        (
            current(12, parked=1_200),
            (
                "This page is more than 10 seconds behind: what has happened since may be missing. "
                "1,200 patients are shown as of an earlier event, since a later one cannot be "
                "shown; nobody else is concerned."
            ),
        ),
    ],
)
def test_a_reader_is_told_in_words(currency: Currency, warning: str | None) -> None:
    assert said(currency).warning == warning


def test_the_time_is_told_for_readers_and_for_programs() -> None:
    told = said(current(3))
    assert (told.as_of, told.time) == ("2026-11-05T06:12:00.000Z", "06:12:00 UTC")
    told = said(current(None))
    assert (told.as_of, told.time) == (None, None)
