from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from read_models.stays import MODEL, MOST_WARDS, OF_PATIENT, STAYS, Stay, Stays
from tests.unit.read_models.stories import Shown, Story, shown_in_memory, utc

MILLISECOND = timedelta(milliseconds=1)


@pytest.fixture
def shown() -> Iterator[Shown]:
    with shown_in_memory(MODEL) as shown:
        yield shown


@pytest.fixture
def stays(shown: Shown) -> Stays:
    return Stays(shown.tables)


def only(stays: Stays, story: Story) -> Stay:
    (stay,) = stays.of_patient(story.patient_id)
    return stay


def readmissions(stays: Stays, story: Story) -> list[tuple[bool, int | None]]:
    return [
        (stay.readmission, stay.days_since_discharge) for stay in stays.of_patient(story.patient_id)
    ]


def test_a_stay_that_lasts_has_no_end_and_no_length(shown: Shown, stays: Stays) -> None:
    ida = Story(age=71).admitted("A", "2026-11-01 10:00")
    shown.show(ida)
    (stay,) = stays.of_month("2026-11").stays
    assert stay == Stay(
        month="2026-11",
        admitted_at=utc("2026-11-01 10:00"),
        patient_id=ida.patient_id,
        version=1,
        name="Ida Moe",
        age=71,
        wards=("A",),
        moves=0,
        discharged_at=None,
        days_since_discharge=None,
        readmission=False,
    )
    assert stay.length is None


@pytest.mark.parametrize("at_once", [True, False])
def test_a_stay_has_its_wards_in_order_and_its_length(
    shown: Shown, stays: Stays, at_once: bool
) -> None:
    ida = Story().admitted("A", "2024-02-28 10:00").moved("B", "2024-02-29").moved("B", None)
    shown.show(ida.moved("A", None).discharged("2024-03-01 11:00"), at_once=at_once)
    (stay,) = stays.of_month("2024-02").stays
    assert (stay.wards, stay.moves) == (("A", "B", "A"), 2)
    assert stay.discharged_at == utc("2024-03-01 11:00")
    assert stay.length == timedelta(days=2, hours=1)
    assert stays.of_month("2024-03").stays == []


def test_of_many_wards_the_first_and_the_last_are_kept_and_all_are_counted(
    shown: Shown, stays: Stays
) -> None:
    ida = Story().admitted("W0", "2026-11-01")
    for number in range(1, MOST_WARDS):
        ida.moved(f"W{number}", None)
    shown.show(ida)
    assert only(stays, ida).wards == tuple(f"W{number}" for number in range(100))
    size = len(shown.state(ida))
    for number in range(100, 150):
        ida.moved(f"W{number}", None).moved(f"W{number}", None)
    shown.show(ida)
    stay = only(stays, ida)
    assert stay.wards == tuple(f"W{number}" for number in (*range(50), *range(100, 150)))
    assert stay.moves == 149
    assert len(shown.state(ida)) < size + 100


def test_every_stay_of_a_patient_is_listed_with_the_name_and_age_of_its_admission(
    shown: Shown, stays: Stays
) -> None:
    ida = Story(age=40).admitted("A", "2026-01-31 23:59:59.999").discharged("2026-02-02")
    ida.name, ida.age = "Ida Lie", 41
    shown.show(ida.admitted("B", "2026-08-01").discharged("2026-08-02"))
    assert [
        (stay.month, stay.version, stay.name, stay.age, stay.wards)
        for stay in stays.of_patient(ida.patient_id)
    ] == [
        ("2026-01", 1, "Ida Moe", 40, ("A",)),
        ("2026-08", 3, "Ida Lie", 41, ("B",)),
    ]
    assert stays.months() == ["2026-01", "2026-08"]


def test_the_month_is_that_of_the_admission_in_utc(shown: Shown, stays: Stays) -> None:
    shown.show(
        Story("Ada").admitted("A", "2026-10-31 23:59:59.999"),
        Story("Bo").admitted("A", "2026-11-01"),
    )
    assert [stay.name for stay in stays.of_month("2026-10").stays] == ["Ada"]
    assert [stay.name for stay in stays.of_month("2026-11").stays] == ["Bo"]


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (timedelta(), (True, 0)),
        (timedelta(days=1) - MILLISECOND, (True, 0)),
        (timedelta(days=29, hours=23), (True, 29)),
        (timedelta(days=30), (True, 30)),
        (timedelta(days=30) + MILLISECOND, (False, 30)),
        (timedelta(days=400), (False, 400)),
        (-timedelta(days=2), (True, 0)),
    ],
)
def test_an_admission_up_to_30_days_after_a_discharge_is_a_readmission(
    shown: Shown, stays: Stays, after: timedelta, expected: tuple[bool, int]
) -> None:
    discharge = utc("2024-02-10 12:00")
    ida = Story().admitted("A", "2024-02-01").discharged(discharge)
    shown.show(ida.admitted("A", discharge + after))
    assert readmissions(stays, ida) == [(False, None), expected]


def test_only_the_last_discharge_counts(shown: Shown, stays: Stays) -> None:
    ida = Story().admitted("A", "2026-01-01").discharged("2026-01-02")
    ida.admitted("A", "2026-06-01").discharged("2026-06-02").admitted("A", "2026-06-05")
    shown.show(ida)
    assert readmissions(stays, ida) == [(False, None), (False, 150), (True, 3)]


def test_who_was_never_discharged_is_not_readmitted_and_the_stay_before_ends(
    shown: Shown, stays: Stays
) -> None:
    ida = Story().admitted("A", "2026-01-01")
    shown.show(ida)
    shown.show(ida.admitted("B", "2026-01-05"))
    assert readmissions(stays, ida) == [(False, None), (False, None)]
    assert [stay.discharged_at for stay in stays.of_patient(ida.patient_id)] == [
        utc("2026-01-05"),
        None,
    ]
    assert [stay.discharged_at for stay in stays.of_month("2026-01").stays] == [
        utc("2026-01-05"),
        None,
    ]


def test_a_discharge_at_no_known_time_makes_no_readmission(shown: Shown, stays: Stays) -> None:
    ida = Story().admitted("A", None).discharged(None).admitted("A", "2026-01-01")
    shown.show(ida)
    assert readmissions(stays, ida) == [(False, None)]


def test_a_discharge_without_a_time_happened_when_the_last_event_with_a_time_did(
    shown: Shown, stays: Stays
) -> None:
    ida = Story().admitted("A", "2026-01-01").moved("B", "2026-01-04").discharged(None)
    shown.show(ida.admitted("A", "2026-01-09"))
    first, second = stays.of_patient(ida.patient_id)
    assert first.length == timedelta(days=3)
    assert (second.readmission, second.days_since_discharge) == (True, 5)


def test_a_stay_that_would_end_before_it_began_has_no_length(shown: Shown, stays: Stays) -> None:
    ida = Story().admitted("A", "2026-01-02").discharged("2026-01-01")
    shown.show(ida)
    assert only(stays, ida).length == timedelta()


def test_a_stay_whose_beginning_was_not_recorded_is_not_listed_but_its_discharge_counts(
    shown: Shown, stays: Stays
) -> None:
    ida = Story().admitted("A", None).moved("B", "2026-01-02").discharged("2026-01-03")
    shown.show(ida)
    assert stays.of_patient(ida.patient_id) == []
    assert stays.months() == []
    shown.show(ida.admitted("A", "2026-01-13"))
    assert readmissions(stays, ida) == [(True, 10)]


def test_an_admission_without_a_time_ends_the_stay_before_and_is_not_listed(
    shown: Shown, stays: Stays
) -> None:
    ida = Story().admitted("A", "2026-01-01").moved("B", "2026-01-02").admitted("C", None)
    shown.show(ida.discharged("2026-01-09"))
    assert only(stays, ida).discharged_at == utc("2026-01-02")


def test_after_its_end_a_stay_does_not_change(shown: Shown, stays: Stays) -> None:
    ida = Story().admitted("A", "2026-01-01").discharged("2026-01-02")
    shown.show(ida)
    before = only(stays, ida)
    shown.show(ida.moved("B", "2026-01-03").discharged("2026-01-04"))
    assert only(stays, ida) == before


def test_the_first_and_the_last_year_have_stays(shown: Shown, stays: Stays) -> None:
    ida = Story().admitted("A", "0001-01-01").discharged("9999-12-31 23:59:59.999")
    ida.admitted("B", "9999-12-31 23:59:59.999")
    shown.show(ida, Story("Bo").admitted("A", "0001-01-01"))
    assert stays.months() == ["0001-01", "9999-12"]
    assert [stay.readmission for stay in stays.of_month("9999-12").stays] == [True]
    page = stays.of_month("0001-01", limit=1)
    assert page.next is not None
    rest = stays.of_month("0001-01", after=page.next)
    assert {stay.name for stay in (*page.stays, *rest.stays)} == {"Ida Moe", "Bo"}


def test_pages_follow_each_other_without_gaps_or_repetitions(shown: Shown, stays: Stays) -> None:
    stories = [
        Story(f"P{number}", patient_id=UUID(int=number)).admitted("A", f"2026-11-0{number % 3 + 1}")
        for number in range(7)
    ]
    shown.show(*stories)
    seen, after, pages = [], None, 0
    while True:
        page = stays.of_month("2026-11", limit=2, after=after)
        seen += [stay.name for stay in page.stays]
        pages += 1
        after = page.next
        if after is None:
            break
        assert "P" not in after
    assert seen == ["P0", "P3", "P6", "P1", "P4", "P2", "P5"]
    assert pages == 4
    assert stays.of_month("2026-11", limit=7).next is None


def test_one_patient_admitted_twice_in_one_moment_is_on_two_pages(
    shown: Shown, stays: Stays
) -> None:
    ida = Story().admitted("A", "2026-11-01").discharged("2026-11-01").admitted("B", "2026-11-01")
    shown.show(ida)
    page = stays.of_month("2026-11", limit=1)
    rest = stays.of_month("2026-11", limit=1, after=page.next)
    assert [stay.version for stay in (*page.stays, *rest.stays)] == [1, 3]
    assert rest.next is None


@pytest.mark.parametrize(
    "after",
    [
        "",
        "Ida Moe",
        f"0_{UUID(int=1)}_1",
        f"1793491200000_{UUID(int=1)}",
        f"1793491200000_{'-' * 36}_1",
        f"999999999999999_{UUID(int=1)}_1",
        f"1793491200000_{UUID(int=1)}_99999999999",
        f"1793491200000_{UUID(int=1)}_1\n",
        "x" * 10_000,
    ],
)
def test_what_no_page_gave_is_refused_with_a_sentence(stays: Stays, after: str) -> None:
    with pytest.raises(ValueError, match="Begin again at the first page") as caught:
        stays.of_month("2026-11", after=after)
    assert len(str(caught.value)) < 300


def test_a_month_that_is_none_and_a_page_without_room_are_refused(stays: Stays) -> None:
    with pytest.raises(ValueError, match="is no month"):
        stays.of_month("November")
    with pytest.raises(ValueError, match="at least one stay; found a limit of 0"):
        stays.of_month("2026-11", limit=0)


@pytest.mark.parametrize("at_once", [True, False])
def test_an_erased_patient_has_no_stays(shown: Shown, stays: Stays, at_once: bool) -> None:
    ida = Story().admitted("A", "2026-01-01").discharged("2026-01-02").admitted("B", "2026-11-01")
    shown.show(ida, Story("Bo").admitted("A", "2026-11-01"), at_once=at_once)
    shown.erase(ida)
    assert [row.name for row in shown.tables().all_rows(STAYS)] == ["Bo"]
    assert [row.name for row in shown.tables().all_rows(OF_PATIENT)] == ["Bo"]
    assert stays.of_patient(ida.patient_id) == []


def test_somebody_unknown_has_no_stays(stays: Stays) -> None:
    assert stays.of_patient(uuid4()) == []
    assert stays.months() == []
    assert stays.of_month("2026-11").stays == []


def test_a_history_must_begin_with_an_admission() -> None:
    for story in (Story().moved("A", None), Story().discharged(None)):
        event = MODEL.read(story.events[0], {"new_ward": "A"})
        with pytest.raises(ValueError, match="begins with it, expected an admission"):
            MODEL.fold(None, event)
