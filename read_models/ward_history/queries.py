"""What pages ask the wards' history."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from uuid import UUID

from projections.database import Rows
from read_models.months import END, begin_of, end_of, in_utc, month_of, months_of
from read_models.sorting import sort_key
from read_models.ward_history.rows import ALL, MOST_MONTHS, PAST, PRESENT, WARDS, Past, Present
from read_models.ward_history.steps import MOST_STEPS, Occupancy, joined, occupancy_of

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Occupant:
    """Somebody who lies or lay on a ward."""

    ward: str
    patient_id: UUID
    entry: int
    """The version of the event that brought the patient to the ward."""
    name: str
    age: int
    since: datetime
    until: datetime | None
    """When the patient left; None while still there."""

    def is_there(self, moment: datetime) -> bool:
        """Return whether the patient lay on the ward at the moment."""
        return self.since <= moment and (self.until is None or moment < self.until)


@dataclass(frozen=True)
class WardThen:
    """One ward with the patients who were on it, by name."""

    name: str
    patients: Sequence[Occupant]

    @property
    def occupancy(self) -> int:
        """How many patients were on the ward."""
        return len(self.patients)


class WardHistory:
    """What pages ask the history; everything may raise ``ReadModelsUnavailableError``.

    Every moment must say its time zone, or ``ValueError`` is raised. ``now`` is the caller's clock.
    """

    def __init__(self, tables: Callable[[], Rows]) -> None:
        self._tables = tables

    def at(self, ward: str, moment: datetime, now: datetime) -> Sequence[Occupant]:
        """Return who lay on the ward at the moment, by name.

        :raises ValueError: when the moment is in the future.
        """
        moment = _past(moment, now)
        return _by_name(_there(self._read(ward, [month_of(moment)]), moment))

    def board_at(self, moment: datetime, now: datetime) -> Sequence[WardThen]:
        """Return every ward that had a patient at the moment, sorted as the ward board is.

        Who is moved or discharged while it is read may be shown as before.

        :raises ValueError: when the moment is in the future.
        """
        moment = _past(moment, now)
        there = _by_name(_there(self._read_all(month_of(moment)), moment))
        by_ward = sorted(there, key=lambda occupant: (sort_key(occupant.ward), occupant.ward))
        return [
            WardThen(name, list(patients))
            for name, patients in groupby(by_ward, key=lambda occupant: occupant.ward)
        ]

    def occupancy(
        self, ward: str, start: datetime, end: datetime, step: timedelta, now: datetime
    ) -> Sequence[Occupancy]:
        """Return how full the ward was in each step from ``start`` on; the last ends at ``end``.

        What is after ``now`` is left out: of the present step the part that is over counts alone.

        :raises ValueError: when the end is not after the start, or there are too many steps or
            months between them.
        """
        start, end = in_utc(start), in_utc(end)
        if start >= end or step <= timedelta():
            raise ValueError(
                f"Expected a start, a later end, and steps that lead there; found {start}, {end} "
                f"and steps of {step}."
            )
        if (end - start) / step > MOST_STEPS:
            raise ValueError(
                f"From {start} to {end} there are too many steps of {step}: expected at most "
                f"{MOST_STEPS}."
            )
        months = months_of(start, end, most=MOST_MONTHS + 1)
        if len(months) > MOST_MONTHS:
            raise ValueError(f"Expected at most {MOST_MONTHS} months, found {start} to {end}.")
        end = min(end, in_utc(now))
        if start >= end:
            return []
        spans: dict[UUID, list[tuple[datetime, datetime]]] = defaultdict(list)
        for occupant in self._read(ward, months_of(start, end, most=MOST_MONTHS)):
            since, until = max(occupant.since, start), min(occupant.until or end, end)
            if since < until:
                spans[occupant.patient_id].append((since, until))
        once = (span for patients in spans.values() for span in joined(patients))
        return list(occupancy_of(once, start, end, step))

    def by_hour(self, ward: str, day: date, now: datetime) -> Sequence[Occupancy]:
        """Return how full the ward was in each hour of a day in UTC."""
        start = datetime(day.year, day.month, day.day, tzinfo=UTC)
        return self.occupancy(ward, start, start + min(_DAY, END - start), _HOUR, now)

    def by_day(self, ward: str, month: str, now: datetime) -> Sequence[Occupancy]:
        """Return how full the ward was on each day of a month like ``2026-11``, in UTC.

        :raises ValueError: when the text is no month.
        """
        return self.occupancy(ward, begin_of(month), end_of(month), _DAY, now)

    def _read(self, ward: str, months: Sequence[str]) -> Collection[Occupant]:
        """Return whoever is on the ward, and who was in these months, each time there once.

        The present is read first: who leaves meanwhile is in the past before they are not present.
        """
        tables = self._tables()
        present = tables.select_all(PRESENT, [(ward,)])
        past = tables.select_all(PAST, [(ward, month) for month in months])
        found = {(row.patient_id, row.entry): _occupant(row, None) for row in present}
        found |= {(row.patient_id, row.entry): _occupant(row, row.until) for row in past}
        return found.values()

    def _read_all(self, month: str) -> Sequence[Occupant]:
        """Return whoever is on any ward, and then who was in the month; the same may come again.

        The present is read twice, as the ward board is: who moves meanwhile is on one ward at
        least. Who leaves that one before the past is read is in both, for where they went to may
        not have been read.
        """
        tables = self._tables()
        present: list[Present] = []
        for _ in range(2):
            wards = [known.ward for known in tables.select(WARDS, (ALL,))]
            present += tables.select_all(PRESENT, [(ward,) for ward in wards])
        past = tables.select_all(PAST, [(ward, month) for ward in wards])
        return [
            *(_occupant(row, None) for row in present),
            *(_occupant(row, row.until) for row in past),
        ]


def _occupant(row: Present | Past, until: datetime | None) -> Occupant:
    return Occupant(row.ward, row.patient_id, row.entry, row.name, row.age, row.since, until)


def _there(occupants: Iterable[Occupant], moment: datetime) -> Collection[Occupant]:
    """Return who was there at the moment, each patient once, as of the latest event.

    Of the same time on a ward the last one given counts.
    """
    there = (occupant for occupant in occupants if occupant.is_there(moment))
    by_entry = sorted(there, key=lambda occupant: occupant.entry)
    return {occupant.patient_id: occupant for occupant in by_entry}.values()


def _by_name(occupants: Iterable[Occupant]) -> Sequence[Occupant]:
    return sorted(occupants, key=lambda each: (sort_key(each.name), each.patient_id))


def _past(moment: datetime, now: datetime) -> datetime:
    moment, now = in_utc(moment), in_utc(now)
    if moment > now:
        raise ValueError(
            f"The moment {moment:%Y-%m-%d %H:%M:%S} UTC is in the future: expected one up to now, "
            f"{now:%Y-%m-%d %H:%M:%S} UTC."
        )
    return moment
