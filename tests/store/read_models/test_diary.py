"""All read models against a diary on paper, from which each answer is counted anew by hand.

What the diary computes has nothing of the read models: no fold, no rows, no versions.
"""

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest

from read_models import demographics, patient_list, stays, ward_board, ward_history
from read_models.demographics import Demographics
from read_models.patient_list import PatientList
from read_models.stays import Stays
from read_models.ward_board import WardBoard
from read_models.ward_history import WardHistory
from tests.store.read_models.conftest import Show
from tests.unit.read_models.stories import Story

BEGIN = datetime(2026, 1, 28, 20, tzinfo=UTC)
WARDS = ["Ward 2", "Ward 10", "Åland"]
NAMES = ["Ada", "Bo", "Chiara", "Łukasz", "Åsa", "Zoë", "Emil", "Ines"]
ENTRIES = 90
Then = dict[str, set[str]]
"""Names of patients on each ward that has any."""


class Stayed(NamedTuple):
    """One stay."""

    name: str
    begin: datetime
    end: datetime | None
    wards: list[str]
    days: int | None
    """Whole ones since the last discharge."""


@dataclass
class Diary:
    """Who went where and when; no ward is out of the hospital."""

    lines: list[tuple[datetime, str, str | None]] = field(default_factory=list)
    ages: dict[str, int] = field(default_factory=dict)

    def where(self, name: str, moment: datetime) -> str | None:
        """Return where somebody was."""
        passed = [ward for at, who, ward in self.lines if who == name and at <= moment]
        return passed[-1] if passed else None

    def board(self, moment: datetime) -> Then:
        """Return who was where."""
        board: Then = {}
        for name in self.ages:
            if (ward := self.where(name, moment)) is not None:
                board.setdefault(ward, set()).add(name)
        return board

    def stays(self) -> list[Stayed]:
        """Return all stays."""
        found: list[Stayed] = []
        for name in self.ages:
            begin, wards, left, days = None, list[str](), None, None
            for at, who, ward in self.lines:
                if who != name:
                    continue
                if ward is not None and begin is None:
                    begin, wards = at, [ward]
                    days = None if left is None else (at - left).days
                elif ward is not None and wards[-1] != ward:
                    wards.append(ward)
                elif ward is None and begin is not None:
                    found.append(Stayed(name, begin, at, wards, days))
                    begin, left = None, at
            if begin is not None:
                found.append(Stayed(name, begin, None, wards, days))
        return found


def write(seed: int) -> tuple[Diary, list[Story]]:
    """Let anything happen for some months."""
    chance, diary, now = random.Random(seed), Diary(), BEGIN
    stories: dict[str, Story] = {}
    for _ in range(ENTRIES):
        now += timedelta(milliseconds=chance.choice([1, 3_600_000, 86_400_000 * 4]))
        name = chance.choice(NAMES)
        ward = diary.where(name, now)
        if name not in stories:
            diary.ages[name] = chance.choice([0, 10, 11, 20, 45, 71, 130])
            stories[name] = Story(name, age=diary.ages[name])
        where = chance.choice(WARDS)
        if ward is None:
            stories[name].admitted(where, now)
        elif chance.random() < 0.5:
            stories[name].moved(where, now)
        else:
            stories[name].discharged(now)
            diary.lines.append((now, name, None))
            continue
        diary.lines.append((now, name, where))
    return diary, list(stories.values())


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("at_once", [True, False])
def test_what_is_shown_is_what_the_diary_says(show: Show, seed: int, at_once: bool) -> None:
    diary, stories = write(seed)
    shown = {}
    for model in (ward_board, patient_list, ward_history, stays, demographics):
        shown[model] = show(model.MODEL)
        shown[model].show(*stories, at_once=at_once)
    end = diary.lines[-1][0]

    board = WardBoard(shown[ward_board].tables).wards()
    assert {ward.name: {row.name for row in ward.patients} for ward in board} == diary.board(end)
    assert [ward.name for ward in board] == sorted(
        diary.board(end), key=["Åland", "Ward 2", "Ward 10"].index
    )

    patients = PatientList(shown[patient_list].tables)
    inside = set().union(*diary.board(end).values())
    for shelf, names in [
        ("all", set(diary.ages)),
        ("admitted", inside),
        ("discharged", set(diary.ages) - inside),
    ]:
        page = patients.page(shelf=shelf)
        assert ({row.name for row in page.patients}, page.total) == (names, len(names))
    order = ["Ada", "Åsa", "Bo", "Chiara", "Emil", "Ines", "Łukasz", "Zoë"]
    assert [row.name for row in patients.page().patients] == [n for n in order if n in diary.ages]
    for ward in WARDS:
        there = {row.name for row in patients.page(ward=ward).patients}
        assert there == diary.board(end).get(ward, set())

    history = WardHistory(shown[ward_history].tables)
    for at, _, _ in diary.lines[::7]:
        for moment in (at, at - timedelta(milliseconds=1)):
            found = history.board_at(moment, end)
            then = {ward.name: {one.name for one in ward.patients} for ward in found}
            assert then == diary.board(moment), moment

    told = Stays(shown[stays].tables)
    listed = [stay for month in told.months() for stay in told.of_month(month, limit=100).stays]
    assert sorted(
        (s.name, s.admitted_at, s.discharged_at, list(s.wards), s.days_since_discharge)
        for s in listed
    ) == sorted(diary.stays(), key=lambda stay: stay[:2])
    ends = [(stay.name, stay.end) for stay in diary.stays() if stay.end is not None]
    assert {(s.name, s.admitted_at) for s in listed if s.readmission} == {
        (stay.name, stay.begin)
        for stay in diary.stays()
        for name, end in ends
        if name == stay.name and timedelta() <= stay.begin - end <= timedelta(days=30)
    }

    bands = Demographics(shown[demographics].tables).bands()
    labels = ["0-10", "11-20", "21-30", "31-40", "41-50", "51-60", "61-70", "71+"]
    band_of = {name: labels[min(max(age - 1, 0) // 10, 7)] for name, age in diary.ages.items()}
    now, total = Counter(band_of[name] for name in inside), Counter(band_of.values())
    assert [(band.label, band.now, band.total) for band in bands] == [
        (label, now[label], total[label]) for label in labels
    ]
