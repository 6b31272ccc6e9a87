"""Random histories at random moments, against the plainest way to answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from read_models.ward_history import MODEL, WardHistory
from tests.unit.read_models.stories import Shown, Story, shown_in_memory, utc

BEGIN = utc("2024-02-29 18:00")
HOUR = timedelta(hours=1)
HOURS = 12
"""Few, so that changes meet each other and the beginning of the month, at hour 6."""
NOW = BEGIN + HOURS * HOUR
WARDS = ("A", "B")

kinds = st.sampled_from(["admitted", "moved", "discharged"])
hours = st.none() | st.integers(0, HOURS)
tellings = st.lists(st.tuples(kinds, st.sampled_from(WARDS), hours), max_size=8)
histories = st.lists(tellings, min_size=1, max_size=4)


@dataclass(frozen=True)
class Lay:
    """One interval of the plain way."""

    ward: str
    since: datetime
    until: datetime | None
    entry: int

    def at(self, moment: datetime) -> bool:
        return self.since <= moment and (self.until is None or moment < self.until)


def told(number: int, telling: Sequence[tuple[str, str, int | None]]) -> tuple[Story, list[Lay]]:
    """Return a story that begins with an admission, and its intervals."""
    story, lays, known = Story(f"Patient {number}"), list[Lay](), None
    ward: str | None = None
    since: datetime | None = None
    entry = 0
    for kind, to, hour in [("admitted", "A", None if not telling else telling[0][2]), *telling]:
        moment = None if hour is None else BEGIN + hour * HOUR
        match kind:
            case "admitted":
                story.admitted(to, moment)
            case "moved":
                story.moved(to, moment)
            case _:
                story.discharged(moment)
        known = moment or known
        if kind == "moved" and to == ward:
            continue
        if ward is not None and since is not None:
            lays.append(Lay(ward, since, known, entry))
        ward, since, entry = (None if kind == "discharged" else to), known, len(story.events)
    if ward is not None and since is not None:
        lays.append(Lay(ward, since, None, entry))
    return story, lays


def show(shown: Shown, stories: Sequence[Story], at_once: bool) -> WardHistory:
    shown.show(*stories, at_once=at_once)
    return WardHistory(shown.tables)


@given(histories, st.booleans(), st.integers(0, HOURS * 2))
@settings(max_examples=300)
def test_who_lay_in_a_ward_is_what_a_plain_fold_tells(
    histories: list[list[tuple[str, str, int | None]]], at_once: bool, half_hours: int
) -> None:
    moment = BEGIN + half_hours * HOUR / 2
    told_ = [told(number, telling) for number, telling in enumerate(histories)]
    with shown_in_memory(MODEL) as shown:
        history = show(shown, [story for story, _ in told_], at_once)
        for ward in WARDS:
            expected = [
                story.name
                for story, lays in told_
                if any(lay.ward == ward and lay.at(moment) for lay in lays)
            ]
            assert [who.name for who in history.at(ward, moment, NOW)] == expected
        board = {
            (ward.name, who.name) for ward in history.board_at(moment, NOW) for who in ward.patients
        }
    latest = {
        (max((lay for lay in lays if lay.at(moment)), key=lambda lay: lay.entry).ward, story.name)
        for story, lays in told_
        if any(lay.at(moment) for lay in lays)
    }
    assert board == latest


@given(
    histories,
    st.booleans(),
    st.integers(0, HOURS - 1),
    st.integers(1, 9),
    st.integers(1, 9),
    st.integers(1, HOURS + 9),
)
@settings(max_examples=300)
def test_occupancy_is_the_mean_over_all_hours_and_the_most_of_them(
    histories: list[list[tuple[str, str, int | None]]],
    at_once: bool,
    first: int,
    length: int,
    step: int,
    now_hour: int,
) -> None:
    told_ = [told(number, telling) for number, telling in enumerate(histories)]
    start, end, now = (
        BEGIN + first * HOUR,
        BEGIN + (first + length) * HOUR,
        BEGIN + now_hour * HOUR,
    )

    def level(hour: int) -> int:
        """Return how many there are; all changes happen on the hour."""
        moment = BEGIN + hour * HOUR
        return sum(any(lay.ward == "A" and lay.at(moment) for lay in lays) for _, lays in told_)

    last = min(first + length, now_hour)
    expected = []
    for begin in range(first, last, step):
        levels = [level(hour) for hour in range(begin, min(begin + step, last))]
        expected.append((BEGIN + begin * HOUR, sum(levels) / len(levels), max(levels)))
    with shown_in_memory(MODEL) as shown:
        history = show(shown, [story for story, _ in told_], at_once)
        found = history.occupancy("A", start, end, step * HOUR, now)
    assert [(each.start, each.mean, each.most) for each in found] == expected
