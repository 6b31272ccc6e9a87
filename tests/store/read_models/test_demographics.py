import pytest

from read_models.demographics import BANDS, MODEL, Band, Demographics
from tests.store.read_models.conftest import Show
from tests.unit.read_models.stories import Story


@pytest.mark.parametrize("at_once", [True, False])
def test_patients_are_counted_now_and_in_total(show: Show, at_once: bool) -> None:
    shown = show(MODEL)
    demographics = Demographics(shown.tables)
    assert demographics.bands() == [Band(label, 0, 0) for label in BANDS]
    ida = Story(age=10).admitted("A", None).moved("B", None).discharged(None)
    bo = Story(age=80).admitted("A", None)
    chi = Story(age=71).admitted("A", None).discharged(None)
    shown.show(ida, bo, chi, at_once=at_once)
    bands = {band.label: band for band in demographics.bands()}
    assert (bands["0-10"], bands["71+"]) == (Band("0-10", 0, 1), Band("71+", 1, 2))

    ida.age = 11
    shown.show(ida.admitted("A", None), at_once=at_once)
    shown.show(ida)
    shown.erase(bo)
    bands = {band.label: band for band in demographics.bands()}
    assert bands["0-10"] == Band("0-10", 0, 0)
    assert bands["11-20"] == Band("11-20", 1, 1)
    assert bands["71+"] == Band("71+", 0, 1)
