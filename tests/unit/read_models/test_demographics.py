from collections.abc import Iterator

import pytest

from read_models.demographics import BANDS, MODEL, Band, Demographics, Person, band_of, counts
from tests.unit.read_models.stories import Shown, Story, shown_in_memory


@pytest.fixture
def shown() -> Iterator[Shown]:
    with shown_in_memory(MODEL) as shown:
        yield shown


@pytest.fixture
def demographics(shown: Shown) -> Demographics:
    return Demographics(shown.tables)


def filled(demographics: Demographics) -> dict[str, tuple[int, int]]:
    """Return now and total of those bands that have somebody."""
    return {band.label: (band.now, band.total) for band in demographics.bands() if band.total}


def test_the_bands_are_of_ten_years_the_first_with_the_newborn_and_the_last_open() -> None:
    assert BANDS == ("0-10", "11-20", "21-30", "31-40", "41-50", "51-60", "61-70", "71+")


@pytest.mark.parametrize(
    ("age", "band"),
    [
        (0, "0-10"),
        (10, "0-10"),
        (11, "11-20"),
        (20, "11-20"),
        (21, "21-30"),
        (61, "61-70"),
        (70, "61-70"),
        (71, "71+"),
        (2**31 - 1, "71+"),
    ],
)
def test_every_age_is_in_one_band(age: int, band: str) -> None:
    assert band_of(age) == band


def test_a_patient_counts_in_total_and_now_while_admitted() -> None:
    assert set(counts(Person(age=5, is_admitted=True))) == {"total 0-10", "now 0-10"}
    assert set(counts(Person(age=5, is_admitted=False))) == {"total 0-10"}


def test_without_patients_all_bands_are_there_with_zeros(demographics: Demographics) -> None:
    assert demographics.bands() == [Band(label, 0, 0) for label in BANDS]


@pytest.mark.parametrize("at_once", [True, False])
def test_who_is_discharged_counts_in_total_only(
    shown: Shown, demographics: Demographics, at_once: bool
) -> None:
    shown.show(
        Story(age=5).admitted("A", None),
        Story(age=10).admitted("A", None).moved("B", None).discharged(None),
        Story(age=80).admitted("A", None).discharged(None),
        at_once=at_once,
    )
    assert filled(demographics) == {"0-10": (1, 2), "71+": (0, 1)}


@pytest.mark.parametrize("at_once", [True, False])
def test_a_patient_who_comes_back_older_counts_once_at_the_latest_age(
    shown: Shown, demographics: Demographics, at_once: bool
) -> None:
    ida = Story(age=10).admitted("A", None).discharged(None)
    shown.show(ida)
    assert filled(demographics) == {"0-10": (0, 1)}
    ida.age = 11
    shown.show(ida.admitted("A", None).moved("B", None), at_once=at_once)
    assert filled(demographics) == {"11-20": (1, 1)}


def test_a_transfer_after_a_discharge_counts_as_the_ward_board_shows_it(
    shown: Shown, demographics: Demographics
) -> None:
    shown.show(Story(age=5).admitted("A", None).discharged(None).moved("B", None))
    assert filled(demographics) == {"0-10": (1, 1)}


def test_an_erased_patient_does_not_count(shown: Shown, demographics: Demographics) -> None:
    ida = Story(age=5).admitted("A", None)
    shown.show(ida, Story(age=6).admitted("A", None))
    shown.erase(ida)
    assert filled(demographics) == {"0-10": (1, 1)}


def test_a_history_must_begin_with_an_admission() -> None:
    for story in (Story().moved("A", None), Story().discharged(None)):
        event = MODEL.read(story.events[0], {"new_ward": "A"})
        with pytest.raises(ValueError, match="begins with it, expected an admission"):
            MODEL.fold(None, event)
