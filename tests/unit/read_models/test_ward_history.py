from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from projections.table import Key, Table
from read_models.months import END
from read_models.ward_history import (
    MODEL,
    MOST_MONTHS,
    MOST_STEPS,
    PAST,
    PRESENT,
    WARDS,
    Occupancy,
    WardHistory,
)
from tests.unit.read_models.stories import Shown, Story, shown_in_memory, utc

NOW = utc("2026-11-27 12:00")
HOUR = timedelta(hours=1)
MILLISECOND = timedelta(milliseconds=1)


@pytest.fixture
def shown() -> Iterator[Shown]:
    with shown_in_memory(MODEL) as shown:
        yield shown


@pytest.fixture
def history(shown: Shown) -> WardHistory:
    return WardHistory(shown.tables)


def names(history: WardHistory, ward: str, moment: str | datetime) -> list[str]:
    moment = utc(moment) if isinstance(moment, str) else moment
    return [occupant.name for occupant in history.at(ward, moment, NOW)]


def test_a_patient_is_on_the_ward_from_the_very_moment_of_admission(
    shown: Shown, history: WardHistory
) -> None:
    shown.show(Story().admitted("A", "2026-11-01 10:00"))
    assert names(history, "A", utc("2026-11-01 10:00") - MILLISECOND) == []
    assert names(history, "A", "2026-11-01 10:00") == ["Ida Moe"]
    assert names(history, "A", NOW) == ["Ida Moe"]


def test_a_patient_is_not_on_the_ward_at_the_very_moment_of_leaving(
    shown: Shown, history: WardHistory
) -> None:
    shown.show(Story().admitted("A", "2026-11-01 10:00").discharged("2026-11-02 10:00"))
    assert names(history, "A", utc("2026-11-02 10:00") - MILLISECOND) == ["Ida Moe"]
    assert names(history, "A", "2026-11-02 10:00") == []


@pytest.mark.parametrize("at_once", [True, False])
def test_a_transfer_ends_one_interval_and_begins_another(
    shown: Shown, history: WardHistory, at_once: bool
) -> None:
    ida = Story().admitted("A", "2026-11-01").moved("B", "2026-11-02").moved("C", "2026-11-03")
    shown.show(ida, at_once=at_once)
    assert [names(history, ward, "2026-11-01 12:00") for ward in "ABC"] == [["Ida Moe"], [], []]
    assert [names(history, ward, "2026-11-02 00:00") for ward in "ABC"] == [[], ["Ida Moe"], []]
    assert [names(history, ward, "2026-11-03 12:00") for ward in "ABC"] == [[], [], ["Ida Moe"]]


def test_a_transfer_to_the_same_ward_changes_nothing(shown: Shown, history: WardHistory) -> None:
    ida = Story().admitted("A", "2026-11-01").moved("A", "2026-11-02")
    shown.show(ida)
    (occupant,) = history.at("A", NOW, NOW)
    assert (occupant.since, occupant.until, occupant.entry) == (utc("2026-11-01"), None, 1)
    shown.show(ida.discharged("2026-11-03"))
    (occupant,) = history.at("A", utc("2026-11-02 12:00"), NOW)
    assert (occupant.since, occupant.until) == (utc("2026-11-01"), utc("2026-11-03"))
    assert [row.since for row in shown.tables().select(PAST, ("A", "2026-11"))] == [
        utc("2026-11-01")
    ]


def test_an_admission_on_top_of_another_ends_the_interval_before_it(
    shown: Shown, history: WardHistory
) -> None:
    ida = Story().admitted("A", "2026-11-01")
    ida.name, ida.age = "Ida Lie", 41
    shown.show(ida.admitted("A", "2026-11-02"))
    assert names(history, "A", "2026-11-01") == ["Ida Moe"]
    assert [(who.name, who.age) for who in history.at("A", NOW, NOW)] == [("Ida Lie", 41)]


def test_occupants_tell_name_age_and_both_ends_and_are_sorted_by_name(
    shown: Shown, history: WardHistory
) -> None:
    shown.show(
        Story("Bo", age=3).admitted("A", "2026-11-02").discharged("2026-11-05"),
        Story("åsa", age=4).admitted("A", "2026-11-03"),
        Story("Ada", age=5).admitted("A", "2026-11-01").moved("B", "2026-11-04"),
    )
    there = history.at("A", utc("2026-11-03 01:00"), NOW)
    assert [(who.name, who.age, who.since, who.until) for who in there] == [
        ("Ada", 5, utc("2026-11-01"), utc("2026-11-04")),
        ("åsa", 4, utc("2026-11-03"), None),
        ("Bo", 3, utc("2026-11-02"), utc("2026-11-05")),
    ]


def test_an_interval_is_found_in_every_month_that_it_touches(
    shown: Shown, history: WardHistory
) -> None:
    shown.show(Story().admitted("A", "2024-01-31 23:59:59.999").discharged("2024-03-01"))
    for moment in ("2024-01-31 23:59:59.999", "2024-02-01", "2024-02-29 23:59:59.999"):
        assert names(history, "A", moment) == ["Ida Moe"]
    assert names(history, "A", "2024-03-01") == []
    tables = shown.tables()
    months = ["2023-12", "2024-01", "2024-02", "2024-03"]
    assert [len(tables.select(PAST, ("A", month))) for month in months] == [0, 1, 1, 0]


def test_an_interval_of_decades_is_found_in_all_of_them(shown: Shown, history: WardHistory) -> None:
    shown.show(Story().admitted("A", "1961-05-05").discharged("2026-05-05"))
    for year in range(1962, 2027):
        assert names(history, "A", f"{year}-02-28 11:11") == ["Ida Moe"]


def test_an_interval_of_thousands_of_years_is_kept_in_its_latest_months(
    shown: Shown, history: WardHistory
) -> None:
    shown.show(Story().admitted("A", "0001-01-01").discharged("9999-12-31 23:59:59.999"))
    assert len(list(shown.tables().all_rows(PAST))) == MOST_MONTHS == 1_200
    assert [who.name for who in history.at("A", utc("9999-12-31"), END)] == ["Ida Moe"]
    assert [who.name for who in history.at("A", utc("9900-01-01"), END)] == ["Ida Moe"]
    assert history.at("A", utc("9899-12-31"), END) == []


def test_an_event_without_a_time_happened_when_the_last_one_with_a_time_did(
    shown: Shown, history: WardHistory
) -> None:
    ida = Story().admitted("A", "2026-11-01").moved("B", None).moved("C", "2026-11-03")
    shown.show(ida)
    assert names(history, "A", "2026-11-01") == []
    assert names(history, "B", "2026-11-01") == ["Ida Moe"]
    assert names(history, "C", "2026-11-03") == ["Ida Moe"]


def test_what_began_at_no_known_time_is_not_in_the_history(
    shown: Shown, history: WardHistory
) -> None:
    shown.show(Story().admitted("A", None).moved("B", "2026-11-02").discharged(None))
    shown.show(Story().admitted("A", None))
    assert list(shown.tables().all_rows(PRESENT)) == []
    assert list(shown.tables().all_rows(PAST)) == []
    assert [ward.ward for ward in shown.tables().all_rows(WARDS)] == ["B"]


def test_an_admission_without_a_time_after_a_known_one_is_in_the_history(
    shown: Shown, history: WardHistory
) -> None:
    ida = Story().admitted("A", "2026-11-01").discharged("2026-11-02").admitted("B", None)
    shown.show(ida)
    assert names(history, "B", "2026-11-02") == ["Ida Moe"]


def test_what_ends_before_it_began_was_seen_by_nobody(shown: Shown, history: WardHistory) -> None:
    ida = Story().admitted("A", "2026-11-02").moved("B", "2026-11-01").discharged("2026-11-03")
    shown.show(ida)
    assert names(history, "A", "2026-11-01 12:00") == names(history, "A", "2026-11-02") == []
    assert names(history, "B", "2026-11-01 12:00") == ["Ida Moe"]
    assert [row.ward for row in shown.tables().all_rows(PAST)] == ["B"]


def test_a_patient_whose_clocks_put_them_in_two_wards_counts_on_the_later_one(
    shown: Shown, history: WardHistory
) -> None:
    ida = Story().admitted("A", "2026-11-01").moved("B", "2026-11-05").moved("C", "2026-11-03")
    shown.show(ida)
    board = history.board_at(utc("2026-11-04"), NOW)
    assert [(ward.name, ward.occupancy) for ward in board] == [("C", 1)]


def test_a_patient_who_was_read_in_the_present_and_in_the_past_counts_once_as_past(
    shown: Shown, history: WardHistory
) -> None:
    ida = Story().admitted("A", "2026-11-01")
    shown.show(ida)
    here = list(shown.tables().all_rows(PRESENT))
    shown.show(ida.discharged("2026-11-10"))

    class Halfway:
        def __getattr__(self, name: str) -> object:
            return getattr(shown.tables(), name)

        def select_all(self, table: Table[Any], partitions: Sequence[Key]) -> Sequence[Any]:
            return here if table is PRESENT else shown.tables().select_all(table, partitions)

    torn = WardHistory(Halfway)  # type: ignore[arg-type]
    assert [who.until for who in torn.at("A", utc("2026-11-05"), NOW)] == [utc("2026-11-10")]
    assert torn.at("A", utc("2026-11-10"), NOW) == []
    assert torn.occupancy("A", utc("2026-11-09"), utc("2026-11-11"), 48 * HOUR, NOW) == [
        Occupancy(utc("2026-11-09"), 0.5, 1)
    ]


def test_the_present_is_read_before_the_past(shown: Shown) -> None:
    ida = Story().admitted("A", "2026-11-01")
    shown.show(ida)

    class Moving:
        def __getattr__(self, name: str) -> object:
            return getattr(shown.tables(), name)

        def select_all(self, table: Table[Any], partitions: Sequence[Key]) -> Sequence[Any]:
            found = shown.tables().select_all(table, partitions)
            shown.show(ida.discharged("2026-11-10"))
            return found

    torn = WardHistory(Moving)  # type: ignore[arg-type]
    assert [who.name for who in torn.at("A", utc("2026-11-05"), NOW)] == ["Ida Moe"]


def test_the_board_has_all_wards_that_had_somebody_sorted_as_the_ward_board(
    shown: Shown, history: WardHistory
) -> None:
    shown.show(
        Story("Bo").admitted("Ward 10", "2026-11-01").discharged("2026-11-20"),
        Story("Ada").admitted("ward 2", "2026-11-01"),
        Story("Chi").admitted("Ward 10", "2026-11-02").moved("Ward 3", "2026-11-25"),
        Story("Dee").admitted("Ward 4", "2026-10-01").discharged("2026-10-02"),
    )
    board = history.board_at(utc("2026-11-10"), NOW)
    assert [(ward.name, [who.name for who in ward.patients]) for ward in board] == [
        ("ward 2", ["Ada"]),
        ("Ward 10", ["Bo", "Chi"]),
    ]
    assert [ward.name for ward in history.board_at(NOW, NOW)] == ["ward 2", "Ward 3"]


def test_before_the_first_event_there_is_nobody(shown: Shown, history: WardHistory) -> None:
    assert history.at("A", NOW, NOW) == []
    assert history.board_at(NOW, NOW) == []
    shown.show(Story().admitted("A", "2026-11-01"))
    assert history.at("A", utc("0001-01-01"), NOW) == []
    assert history.board_at(utc("0001-01-01"), NOW) == []


def test_the_future_is_refused_and_now_is_not(history: WardHistory) -> None:
    assert history.at("A", NOW, NOW) == []
    with pytest.raises(ValueError, match=r"is in the future: expected one up to now, 2026-11-27"):
        history.at("A", NOW + MILLISECOND, NOW)
    with pytest.raises(ValueError, match="is in the future"):
        history.board_at(NOW + MILLISECOND, NOW)


def test_moments_without_a_zone_are_refused(history: WardHistory) -> None:
    naive = datetime(2026, 11, 1)  # noqa: DTZ001
    later = NOW + HOUR
    for ask in (
        lambda: history.at("A", naive, NOW),
        lambda: history.at("A", NOW, naive),
        lambda: history.board_at(naive, NOW),
        lambda: history.occupancy("A", naive, NOW, HOUR, NOW),
        lambda: history.occupancy("A", NOW, naive, HOUR, NOW),
        lambda: history.occupancy("A", NOW, later, HOUR, naive),
    ):
        with pytest.raises(ValueError, match="in no time zone"):
            ask()


def test_moments_of_other_zones_are_the_same_moments(shown: Shown, history: WardHistory) -> None:
    shown.show(Story().admitted("A", "2026-10-31 23:30").discharged("2026-10-31 23:40"))
    oslo = datetime(2026, 11, 1, 0, 35, tzinfo=ZoneInfo("Europe/Oslo"))
    assert names(history, "A", oslo) == ["Ida Moe"]


def test_the_mean_counts_everybody_for_the_part_of_the_step_that_they_were_there(
    shown: Shown, history: WardHistory
) -> None:
    shown.show(
        Story().admitted("A", "2026-11-01 10:15").discharged("2026-11-01 11:30"),
        Story().admitted("A", "2026-11-01 10:45").discharged("2026-11-01 11:00"),
    )
    found = history.occupancy("A", utc("2026-11-01 09:00"), utc("2026-11-01 13:00"), HOUR, NOW)
    assert found == [
        Occupancy(utc("2026-11-01 09:00"), 0.0, 0),
        Occupancy(utc("2026-11-01 10:00"), 1.0, 2),
        Occupancy(utc("2026-11-01 11:00"), 0.5, 1),
        Occupancy(utc("2026-11-01 12:00"), 0.0, 0),
    ]


def test_a_bed_that_changes_hands_at_one_moment_is_one_bed(
    shown: Shown, history: WardHistory
) -> None:
    shown.show(
        Story().admitted("A", "2026-11-01 10:00").discharged("2026-11-01 10:30"),
        Story().admitted("A", "2026-11-01 10:30").discharged("2026-11-01 11:00"),
    )
    (found,) = history.occupancy("A", utc("2026-11-01 10:00"), utc("2026-11-01 11:00"), HOUR, NOW)
    assert (found.mean, found.most) == (1.0, 1)


def test_one_patient_in_two_overlapping_intervals_is_one_patient(
    shown: Shown, history: WardHistory
) -> None:
    ida = Story().admitted("A", "2026-11-01 10:00").discharged("2026-11-01 10:40")
    shown.show(ida.admitted("A", "2026-11-01 10:20").discharged("2026-11-01 11:00"))
    (found,) = history.occupancy("A", utc("2026-11-01 10:00"), utc("2026-11-01 11:00"), HOUR, NOW)
    assert (found.mean, found.most) == (1.0, 1)


def test_who_comes_at_the_end_of_a_step_is_not_in_it(shown: Shown, history: WardHistory) -> None:
    shown.show(Story().admitted("A", "2026-11-01 11:00").discharged("2026-11-01 12:00"))
    found = history.occupancy("A", utc("2026-11-01 10:00"), utc("2026-11-01 13:00"), HOUR, NOW)
    assert [(step.mean, step.most) for step in found] == [(0.0, 0), (1.0, 1), (0.0, 0)]


def test_an_interval_within_another_of_the_same_patient_changes_nothing(
    shown: Shown, history: WardHistory
) -> None:
    ida = Story().admitted("A", "2026-11-01 10:00").discharged("2026-11-01 11:00")
    shown.show(ida.admitted("A", "2026-11-01 10:10").discharged("2026-11-01 10:20"))
    (found,) = history.occupancy("A", utc("2026-11-01 10:00"), utc("2026-11-01 11:00"), HOUR, NOW)
    assert (found.mean, found.most) == (1.0, 1)


def test_of_the_present_step_the_part_that_is_over_counts_and_the_future_is_left_out(
    shown: Shown, history: WardHistory
) -> None:
    shown.show(Story().admitted("A", "2026-11-27 11:45"))
    now = utc("2026-11-27 12:30")
    found = history.occupancy("A", utc("2026-11-27 11:00"), utc("2026-11-27 15:00"), HOUR, now)
    assert found == [
        Occupancy(utc("2026-11-27 11:00"), 0.25, 1),
        Occupancy(utc("2026-11-27 12:00"), 1.0, 1),
    ]
    assert history.occupancy("A", now, now + HOUR, HOUR, now) == []


def test_what_comes_after_now_by_other_clocks_is_left_out(
    shown: Shown, history: WardHistory
) -> None:
    shown.show(Story().admitted("A", NOW + HOUR), Story().admitted("A", NOW - HOUR))
    found = history.occupancy("A", NOW - HOUR, NOW + 3 * HOUR, 4 * HOUR, NOW)
    assert found == [Occupancy(NOW - HOUR, 1.0, 1)]


def test_the_last_step_ends_with_the_time_that_was_asked_for(
    shown: Shown, history: WardHistory
) -> None:
    shown.show(Story().admitted("A", "2026-11-01 11:15"))
    found = history.occupancy("A", utc("2026-11-01 10:00"), utc("2026-11-01 11:30"), HOUR, NOW)
    assert [(step.start.hour, step.mean) for step in found] == [(10, 0.0), (11, 0.5)]


def test_a_day_has_24_hours_and_the_ends_of_time_do_too(shown: Shown, history: WardHistory) -> None:
    shown.show(Story().admitted("A", "2026-10-25 00:30").discharged("2026-10-25 02:00"))
    day = history.by_hour("A", date(2026, 10, 25), NOW)
    assert [step.mean for step in day] == [0.5, 1.0] + [0.0] * 22
    assert [step.start.hour for step in day] == list(range(24))
    assert len(history.by_hour("A", date.min, NOW)) == 24
    assert len(history.by_hour("A", date.max, END)) == 24


@pytest.mark.parametrize(
    ("month", "days"), [("2024-02", 29), ("2025-02", 28), ("2025-12", 31), ("2026-11", 27)]
)
def test_a_month_has_its_days_up_to_now(
    shown: Shown, history: WardHistory, month: str, days: int
) -> None:
    shown.show(Story().admitted("A", "2020-01-01"))
    found = history.by_day("A", month, NOW)
    assert [step.start.day for step in found] == list(range(1, days + 1))
    assert {step.mean for step in found} == {1.0}


def test_the_last_month_of_time_has_31_days(history: WardHistory) -> None:
    assert len(history.by_day("A", "9999-12", END)) == 31


def test_occupancy_over_months_reads_each_interval_once(shown: Shown, history: WardHistory) -> None:
    shown.show(Story().admitted("A", "2026-01-15").discharged("2026-04-15"))
    (found,) = history.occupancy(
        "A", utc("2026-01-01"), utc("2026-05-01"), timedelta(days=1000), NOW
    )
    assert found.most == 1
    assert found.mean == pytest.approx(90 / 120)


@pytest.mark.parametrize(
    ("start", "end", "step", "message"),
    [
        ("2026-01-02", "2026-01-02", HOUR, "a later end"),
        ("2026-01-02", "2026-01-01", HOUR, "a later end"),
        ("2026-01-01", "2026-01-02", timedelta(), "a later end"),
        ("2026-01-01", "2026-01-02", -HOUR, "a later end"),
        ("2026-01-01", "2026-01-02", MILLISECOND, f"expected at most {MOST_STEPS}"),
        ("0001-01-01", "2026-01-01", timedelta(days=1000), "at most 1200 months"),
    ],
)
def test_a_question_that_is_none_or_too_large_is_refused(
    history: WardHistory, start: str, end: str, step: timedelta, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        history.occupancy("A", utc(start), utc(end), step, NOW)


def test_as_many_steps_as_are_allowed_are_answered(history: WardHistory) -> None:
    start = NOW - MOST_STEPS * HOUR
    assert len(history.occupancy("A", start, NOW, HOUR, NOW)) == MOST_STEPS


@pytest.mark.parametrize("at_once", [True, False])
def test_an_erased_patient_was_never_anywhere(
    shown: Shown, history: WardHistory, at_once: bool
) -> None:
    ida = Story().admitted("A", "2026-01-01").moved("B", "2026-05-01").discharged("2026-06-01")
    ida.admitted("A", "2026-11-01")
    shown.show(ida, Story("Bo").admitted("A", "2026-01-01"), at_once=at_once)
    shown.erase(ida)
    assert {row.name for row in shown.tables().all_rows(PRESENT)} == {"Bo"}
    assert list(shown.tables().all_rows(PAST)) == []
    assert names(history, "A", "2026-03-01") == names(history, "A", NOW) == ["Bo"]


def test_the_state_does_not_grow_with_the_history(shown: Shown) -> None:
    ida = Story().admitted("A", "2020-01-01").moved("B", "2020-01-02")
    shown.show(ida)
    size = len(shown.state(ida))
    for day in range(1, 101):
        moment = utc("2020-01-02") + timedelta(days=day)
        ida.moved("A" if day % 2 else "B", moment)
    shown.show(ida)
    assert len(shown.state(ida)) <= size + len("102") * 2


@pytest.mark.parametrize("tell", ["moved", "discharged"])
def test_a_history_must_begin_with_an_admission(shown: Shown, tell: str) -> None:
    ida = Story()
    _ = ida.moved("A", None) if tell == "moved" else ida.discharged(None)
    event = MODEL.read(ida.events[0], {"new_ward": "A"})
    with pytest.raises(ValueError, match="begins with it, expected an admission"):
        MODEL.fold(None, event)


def test_a_second_discharge_and_a_transfer_after_one_are_taken_as_they_come(
    shown: Shown, history: WardHistory
) -> None:
    ida = Story().admitted("A", "2026-11-01").discharged("2026-11-02").discharged("2026-11-03")
    shown.show(ida.moved("B", "2026-11-04"))
    assert names(history, "A", "2026-11-02") == []
    assert names(history, "B", "2026-11-04") == ["Ida Moe"]
