from datetime import timedelta
from uuid import UUID

import pytest

from read_models.stays import MODEL, OF_PATIENT, STAYS, Stays
from tests.store.read_models.conftest import Show
from tests.unit.read_models.stories import Story, utc


@pytest.mark.parametrize("at_once", [True, False])
def test_stays_are_told_by_month_and_by_patient(show: Show, at_once: bool) -> None:
    shown = show(MODEL)
    stays = Stays(shown.tables)
    ida = Story("Ida").admitted("A", "2024-01-31 23:59:59.999").moved("B", "2024-02-05")
    ida.discharged("2024-02-10 12:00").admitted("C", "2024-03-11 12:00")
    ida.discharged(None).admitted("C", "2024-04-10 12:00:00.001")
    shown.show(ida, Story("Bo").admitted("A", "2024-03-01"), at_once=at_once)

    assert stays.months() == ["2024-01", "2024-03", "2024-04"]
    assert [stay.name for stay in stays.of_month("2024-03").stays] == ["Bo", "Ida"]
    found = stays.of_patient(ida.patient_id)
    assert [(stay.wards, stay.moves, stay.length) for stay in found] == [
        (("A", "B"), 1, utc("2024-02-10 12:00") - utc("2024-01-31 23:59:59.999")),
        (("C",), 0, timedelta()),
        (("C",), 0, None),
    ]
    assert [(stay.readmission, stay.days_since_discharge) for stay in found] == [
        (False, None),
        (True, 30),
        (False, 30),
    ]
    (first,) = stays.of_month("2024-01").stays
    assert vars(first) == vars(found[0])


def test_pages_follow_each_other_without_gaps_or_repetitions(show: Show) -> None:
    shown = show(MODEL)
    stays = Stays(shown.tables)
    moments = ["2026-11-01", "2026-11-01", "2026-11-01 00:00:00.001", "2026-11-30 23:59:59.999"]
    for number, moment in enumerate(moments):
        shown.show(Story(f"P{number}", patient_id=UUID(int=number)).admitted("A", moment))
    names, after = [], None
    for _ in moments:
        page = stays.of_month("2026-11", limit=1, after=after)
        names += [stay.name for stay in page.stays]
        after = page.next
    assert names == ["P0", "P1", "P2", "P3"]
    assert after is None
    with pytest.raises(ValueError, match="Begin again at the first page"):
        stays.of_month("2026-12", after=stays.of_month("2026-11", limit=1).next)


def test_stays_at_the_ends_of_time_have_pages_too(show: Show) -> None:
    shown = show(MODEL)
    stays = Stays(shown.tables)
    for moment in ("0001-01-01", "9999-12-31 23:59:59.999"):
        shown.show(Story("Ada").admitted("A", moment), Story("Bo").admitted("B", moment))
    for month in ("0001-01", "9999-12"):
        first = stays.of_month(month, limit=1)
        second = stays.of_month(month, limit=1, after=first.next)
        assert {stay.name for stay in (*first.stays, *second.stays)} == {"Ada", "Bo"}
        assert second.next is None


def test_a_hundred_wards_with_long_names_are_kept(show: Show) -> None:
    shown = show(MODEL)
    ida = Story().admitted("0", "2026-11-01")
    for number in range(1, 120):
        ida.moved(f"{number:03}" * 66, None)
    shown.show(ida)
    (stay,) = Stays(shown.tables).of_month("2026-11").stays
    assert (len(stay.wards), stay.moves) == (100, 119)


def test_an_erased_patient_has_no_stays(show: Show) -> None:
    shown = show(MODEL)
    ida = Story().admitted("A", "2026-01-01").discharged("2026-01-02").admitted("B", "2026-11-01")
    shown.show(ida, at_once=False)
    shown.erase(ida)
    assert list(shown.tables().all_rows(STAYS)) == []
    assert list(shown.tables().all_rows(OF_PATIENT)) == []
    assert Stays(shown.tables).of_patient(ida.patient_id) == []
