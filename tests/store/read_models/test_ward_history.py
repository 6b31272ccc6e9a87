from datetime import timedelta

import pytest

from read_models.ward_history import MODEL, PAST, PRESENT, Occupancy, WardHistory
from tests.store.read_models.conftest import Show
from tests.unit.read_models.stories import Story, utc

NOW = utc("2026-11-27 12:00")


@pytest.mark.parametrize("at_once", [True, False])
def test_the_history_of_two_wards_is_told(show: Show, at_once: bool) -> None:
    shown = show(MODEL)
    history = WardHistory(shown.tables)
    assert history.board_at(NOW, NOW) == []
    ida = Story("Ida").admitted("Ward 10", "2024-01-31 23:59:59.999").moved("Ward 2", "2024-03-01")
    bo = Story("Bo", age=7).admitted("Ward 2", "2024-02-29 12:00").discharged("2024-03-01 12:00")
    shown.show(ida, bo, at_once=at_once)

    board = history.board_at(utc("2024-02-29 12:00"), NOW)
    assert [(ward.name, [who.name for who in ward.patients]) for ward in board] == [
        ("Ward 2", ["Bo"]),
        ("Ward 10", ["Ida"]),
    ]
    there = history.at("Ward 2", utc("2024-03-01"), NOW)
    assert [(who.name, who.age, who.entry, who.since, who.until) for who in there] == [
        ("Bo", 7, 1, utc("2024-02-29 12:00"), utc("2024-03-01 12:00")),
        ("Ida", 40, 2, utc("2024-03-01"), None),
    ]
    assert history.at("Ward 10", utc("2024-03-01"), NOW) == []
    assert [who.name for who in history.at("Ward 2", utc("2024-03-01 12:00"), NOW)] == ["Ida"]
    days = history.by_day("Ward 2", "2024-02", NOW)
    assert [step.mean for step in days] == [0.0] * 28 + [0.5]
    two_days = timedelta(days=2)
    start = utc("2024-02-29 12:00")
    assert history.occupancy("Ward 2", start, start + two_days, two_days, NOW) == [
        Occupancy(start, (1.0 + 1.5) / 2, 2)
    ]


def test_a_patient_who_comes_back_at_the_same_moment_is_still_there(show: Show) -> None:
    shown = show(MODEL)
    ida = Story().admitted("A", "2026-11-01")
    shown.show(ida)
    shown.show(ida.discharged(None))
    shown.show(ida.admitted("A", None))
    (occupant,) = WardHistory(shown.tables).at("A", NOW, NOW)
    assert (occupant.entry, occupant.until) == (3, None)


def test_the_first_and_the_last_moment_of_time_are_kept(show: Show) -> None:
    shown = show(MODEL)
    last = utc("9999-12-31 23:59:59.999")
    shown.show(
        Story("Ada").admitted("A", "0001-01-01").discharged("0001-01-01 00:00:00.001"),
        Story("Bo").admitted("A", "9999-12-31 23:59:59.998").discharged(last),
        Story("Chi").admitted("A", last),
    )
    history = WardHistory(shown.tables)
    assert [who.name for who in history.at("A", utc("0001-01-01"), NOW)] == ["Ada"]
    assert history.at("A", utc("0001-01-01 00:00:00.001"), NOW) == []
    before = last - timedelta(milliseconds=1)
    assert [who.name for who in history.at("A", before, last)] == ["Bo"]
    assert [who.name for who in history.at("A", last, last)] == ["Chi"]


def test_an_interval_of_thousands_of_years_is_written_and_erased(show: Show) -> None:
    shown = show(MODEL)
    ida = Story("Ida" * 60).admitted("A" * 200, "0001-01-01").discharged("9999-12-31")
    shown.show(ida)
    assert len(list(shown.tables().all_rows(PAST))) == 1_200
    shown.erase(ida)
    assert list(shown.tables().all_rows(PAST)) == []


def test_an_erased_patient_was_never_anywhere(show: Show) -> None:
    shown = show(MODEL)
    ida = Story().admitted("A", "2026-01-01").moved("B", "2026-05-01").discharged("2026-06-01")
    ida.admitted("A", "2026-11-01")
    shown.show(ida, at_once=False)
    shown.erase(ida)
    assert list(shown.tables().all_rows(PRESENT)) == []
    assert list(shown.tables().all_rows(PAST)) == []
    history = WardHistory(shown.tables)
    assert history.board_at(utc("2026-03-01"), NOW) == []
    assert history.board_at(NOW, NOW) == []
