"""The stays in hospital by the month of their admission, and those of one patient.

A stay begins with an admission and ends with a discharge, or with the next admission if no
discharge stands between them. Stays whose beginning was not recorded are not listed. A discharge
that was recorded without its time is taken to have happened when the patient's last event with a
time did; one before the admission, since clocks differ, at the admission.

A stay is a *readmission* when the patient had been discharged at most 30 days, of 24 hours, before
it: the usual measure in hospital statistics, such as that of the Hospital Readmissions Reduction
Program in the United States. Deaths, planned readmissions and other hospitals are not known here.

Bounds: a month has its admissions, some 500 bytes each: 10 MB at 20,000 admissions a month. A
patient has their own stays, the register of months twelve a year.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from projections.database import Rows
from projections.read_model import ReadModel
from projections.table import Table
from read_models.months import begin_of, month_of
from read_models.patient_events import (
    TOPICS,
    PatientAdmitted,
    PatientDischarged,
    PatientEvent,
    PatientTransferred,
    before_admission,
    read_event,
)

READMISSION = timedelta(days=30)
"""Up to and with this long after a discharge."""
_FIRST_WARDS = 50
_LAST_WARDS = 50
MOST_WARDS = _FIRST_WARDS + _LAST_WARDS

_PLACE = re.compile("(-?[0-9]{1,15})_([0-9a-f-]{36})_([0-9]{1,10})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True)
class Stay:
    """One stay in hospital."""

    month: str
    """That of the admission, like ``2026-11``, in UTC."""
    admitted_at: datetime
    patient_id: UUID
    version: int
    """That of the admission."""
    name: str
    age: int
    """At the admission."""
    wards: tuple[str, ...]
    """In the order in which the patient lay in them; of more than 100, the first and last 50."""
    moves: int
    """How often the patient came from one ward to another."""
    discharged_at: datetime | None
    """None while the stay lasts."""
    days_since_discharge: int | None
    """Whole days from the patient's last discharge to this admission; None without one, or when
    it is not known when that was."""
    readmission: bool

    @property
    def length(self) -> timedelta | None:
        """How long the stay was; None while it lasts."""
        return None if self.discharged_at is None else self.discharged_at - self.admitted_at


@dataclass(frozen=True)
class StayOfPatient(Stay):
    """The same, kept with the patient's other stays."""


@dataclass(frozen=True)
class Month:
    """A month in which somebody was admitted."""

    register: str
    month: str


STAYS = Table(
    "stays",
    Stay,
    partition=("month",),
    order=("admitted_at", "patient_id", "version"),
    lasting=True,
)
OF_PATIENT = Table(
    "of_patient", StayOfPatient, partition=("patient_id",), order=("version",), lasting=True
)
MONTHS = Table("months", Month, partition=("register",), order=("month",), aggregate=None)
_ALL = "all"


@dataclass(frozen=True, kw_only=True)
class Record:
    """A patient's last stay, and what the next one has to know."""

    stay: Stay | None
    """None when its beginning was not recorded."""
    discharged_at: datetime | None = None
    """When the patient was last discharged, as far as it is known."""
    known_time: datetime | None
    """That of the last event which has one."""
    ended: Stay | None = None
    """The stay before, if the last event has ended it by beginning another."""


def fold(patient: Record | None, event: PatientEvent) -> Record:
    """Return the patient's stay after the event."""
    moment = event.recorded_at or (patient.known_time if patient else None)
    match event:
        case PatientAdmitted():
            return Record(
                stay=_begun(event, patient.discharged_at if patient else None),
                discharged_at=patient.discharged_at if patient else None,
                known_time=moment,
                ended=_ended(patient.stay, moment) if patient else None,
            )
        case PatientTransferred(new_ward=ward) if patient:
            return replace(patient, stay=_moved(patient.stay, ward), known_time=moment, ended=None)
        case PatientDischarged() if patient:
            stay = _ended(patient.stay, moment) or patient.stay
            return Record(stay=stay, discharged_at=moment, known_time=moment)
        case _:
            raise before_admission(event)


def rows(patient: Record) -> Iterable[object]:
    """Return the rows of the stay, and of the one before if it has just ended."""
    for stay in (patient.ended, patient.stay):
        if stay is not None:
            yield from (stay, StayOfPatient(**vars(stay)), Month(_ALL, stay.month))


MODEL = ReadModel(
    name="stays",
    topics=TOPICS,
    read=read_event,
    state=Record,
    fold=fold,
    tables=[STAYS, OF_PATIENT, MONTHS],
    rows=rows,
)


def _begun(event: PatientAdmitted, discharged_at: datetime | None) -> Stay | None:
    if event.recorded_at is None:
        return None
    since = None
    if discharged_at is not None:
        since = max(event.recorded_at - discharged_at, timedelta())
    return Stay(
        month=month_of(event.recorded_at),
        admitted_at=event.recorded_at,
        patient_id=event.patient_id,
        version=event.version,
        name=event.name,
        age=event.age,
        wards=(event.ward,),
        moves=0,
        discharged_at=None,
        days_since_discharge=None if since is None else since.days,
        readmission=since is not None and since <= READMISSION,
    )


def _moved(stay: Stay | None, ward: str) -> Stay | None:
    if stay is None or stay.discharged_at is not None or stay.wards[-1] == ward:
        return stay
    wards = (*stay.wards, ward)
    if len(wards) > MOST_WARDS:
        wards = wards[:_FIRST_WARDS] + wards[-_LAST_WARDS:]
    return replace(stay, wards=wards, moves=stay.moves + 1)


def _ended(stay: Stay | None, moment: datetime | None) -> Stay | None:
    """Return the stay with its end; None if it has ended before."""
    if stay is None or stay.discharged_at is not None:
        return None
    return replace(stay, discharged_at=max(stay.admitted_at, moment or stay.admitted_at))


@dataclass(frozen=True)
class StayPage:
    """One page of a month's stays, by their admission."""

    stays: Sequence[Stay]
    next: str | None
    """What to ask the next page with, as ``after``; None on the last page."""


class Stays:
    """What pages ask about stays; everything may raise ``ReadModelsUnavailableError``."""

    def __init__(self, tables: Callable[[], Rows]) -> None:
        self._tables = tables

    def of_month(self, month: str, *, limit: int = 50, after: str | None = None) -> StayPage:
        """Return one page of the stays that began in the month: the first, or the next one.

        :raises ValueError: when the text is no month, ``limit`` is below 1, or ``after`` is not
            from another page of the month.
        """
        begin_of(month)
        if limit < 1:
            raise ValueError(f"A page holds at least one stay; found a limit of {limit}.")
        place = () if after is None else _place(month, after)
        found = self._tables().select(STAYS, (month,), after=place, limit=limit + 1)
        shown = found[:limit]
        return StayPage(shown, _text(shown[-1]) if len(found) > limit else None)

    def months(self) -> Sequence[str]:
        """Return the months that have or had stays, in order."""
        return [row.month for row in self._tables().select(MONTHS, (_ALL,))]

    def of_patient(self, patient_id: UUID) -> Sequence[Stay]:
        """Return the patient's stays in order, and none for somebody unknown or erased."""
        return self._tables().select(OF_PATIENT, (patient_id,))


def _text(stay: Stay) -> str:
    """Return where the stay stands in its month, without a name."""
    milliseconds = (stay.admitted_at - _EPOCH) // _MILLISECOND
    return f"{milliseconds}_{stay.patient_id}_{stay.version}"


def _place(month: str, after: str) -> tuple[datetime, UUID, int]:
    found = _PLACE.fullmatch(after)
    try:
        if found:
            place = _EPOCH + int(found[1]) * _MILLISECOND, UUID(found[2]), int(found[3])
            if month_of(place[0]) == month:
                return place
    except (OverflowError, ValueError):
        pass
    raise ValueError(
        f"There is no page of {month} after {after!r:.80}: expected a value that another page of "
        "it gave. Begin again at the first page."
    )
