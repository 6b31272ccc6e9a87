from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from read_models.months import END, begin_of, end_of, in_utc, month_of, months_of
from tests.unit.read_models.stories import utc

moments = st.datetimes(timezones=st.just(UTC))


def test_a_month_begins_at_midnight_in_utc() -> None:
    assert month_of(utc("2026-10-31 23:59:59.999")) == "2026-10"
    assert month_of(utc("2026-11-01")) == "2026-11"


def test_an_interval_does_not_touch_the_month_that_begins_at_its_end() -> None:
    assert months_of(utc("2026-10-31"), utc("2026-11-01"), most=9) == ["2026-10"]
    assert months_of(utc("2026-10-31"), utc("2026-11-01 00:00:00.001"), most=9) == [
        "2026-10",
        "2026-11",
    ]


def test_an_interval_across_a_new_year_touches_the_months_of_both_years() -> None:
    assert months_of(utc("2025-11-30"), utc("2026-02-01"), most=9) == [
        "2025-11",
        "2025-12",
        "2026-01",
    ]


def test_an_empty_interval_touches_no_month() -> None:
    moment = datetime.min.replace(tzinfo=UTC)
    assert months_of(moment, moment, most=9) == []
    assert months_of(utc("2026-01-01"), utc("2025-01-01"), most=9) == []


def test_the_latest_of_too_many_months_are_kept() -> None:
    assert months_of(utc("0001-01-01"), utc("2026-02-01"), most=2) == ["2025-12", "2026-01"]


@pytest.mark.parametrize(
    ("month", "begin", "end"),
    [
        ("2024-02", utc("2024-02-01"), utc("2024-03-01")),
        ("2026-12", utc("2026-12-01"), utc("2027-01-01")),
        ("0001-01", utc("0001-01-01"), utc("0001-02-01")),
        ("9999-12", utc("9999-12-01"), END),
    ],
)
def test_a_month_goes_from_its_first_moment_to_the_next_month(
    month: str, begin: datetime, end: datetime
) -> None:
    assert (begin_of(month), end_of(month)) == (begin, end)


@pytest.mark.parametrize(
    "text",
    ["", "2026", "2026-00", "2026-13", "0000-01", "2026-1", "2026-11-01", "٢٠٢٦-11", "2026-11\n"],
)
def test_what_is_no_month_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="expected a text like 2026-11"):
        begin_of(text)
    with pytest.raises(ValueError, match="expected a text like 2026-11"):
        end_of(text)


def test_a_moment_is_read_in_its_own_zone_also_when_its_clock_shows_an_hour_twice() -> None:
    oslo = ZoneInfo("Europe/Oslo")
    twice = datetime(2026, 10, 25, 2, 30, tzinfo=oslo)
    assert in_utc(twice) == utc("2026-10-25 00:30")
    assert in_utc(twice.replace(fold=1)) == utc("2026-10-25 01:30")


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="in no time zone"):
        in_utc(datetime(2026, 11, 27))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("moment", "hours"),
    [(datetime(1, 1, 1), 14), (datetime(9999, 12, 31, 23), -14)],  # noqa: DTZ001
)
def test_a_moment_that_utc_does_not_have_is_refused(moment: datetime, hours: int) -> None:
    with pytest.raises(ValueError, match="not in the years 1 to 9999"):
        in_utc(moment.replace(tzinfo=timezone(timedelta(hours=hours))))


@given(moments)
def test_every_moment_is_in_its_month(moment: datetime) -> None:
    month = month_of(moment)
    assert begin_of(month) <= moment
    assert moment < end_of(month) or end_of(month) == END


@given(moments, st.timedeltas(min_value=timedelta(), max_value=timedelta(days=2000)))
def test_the_months_of_an_interval_sort_as_texts_and_are_those_of_its_moments(
    since: datetime, length: timedelta
) -> None:
    until = since + min(length, END - since)
    months = months_of(since, until, most=10_000)
    assert months == sorted(set(months))
    if since < until:
        assert (months[0], months[-1]) == (
            month_of(since),
            month_of(until - timedelta(microseconds=1)),
        )
        assert all(begin_of(b) == end_of(a) for a, b in pairwise(months))
