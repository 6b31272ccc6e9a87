"""How old the patients are: in each age band, how many there are now, and were ever.

Everybody counts with their age at their latest admission.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from projections.database import Rows
from projections.read_model import ReadModel
from read_models.patient_events import (
    TOPICS,
    PatientAdmitted,
    PatientDischarged,
    PatientEvent,
    PatientTransferred,
    before_admission,
    read_event,
)

_FIRST_AGES = (0, 11, 21, 31, 41, 51, 61, 71)
BANDS = (*(f"{first}-{after - 1}" for first, after in pairwise(_FIRST_AGES)), "71+")
"""The labels of the age bands, in order."""


@dataclass(frozen=True, kw_only=True)
class Person:
    """What is counted of a patient."""

    age: int
    """At the latest admission."""
    is_admitted: bool


def band_of(age: int) -> str:
    """Return the label of the band that the age is in."""
    return BANDS[sum(first <= age for first in _FIRST_AGES) - 1]


def fold(person: Person | None, event: PatientEvent) -> Person:
    """Return what is counted of the patient after the event."""
    match event:
        case PatientAdmitted():
            return Person(age=event.age, is_admitted=True)
        case PatientTransferred() if person:
            return replace(person, is_admitted=True)
        case PatientDischarged() if person:
            return replace(person, is_admitted=False)
        case _:
            raise before_admission(event)


def counts(person: Person) -> Iterable[str]:
    """Return the names under which the patient counts."""
    band = band_of(person.age)
    return [_total(band), _now(band)] if person.is_admitted else [_total(band)]


def _no_rows(_: Person) -> Iterable[object]:
    return []


MODEL = ReadModel(
    name="demographics",
    topics=TOPICS,
    read=read_event,
    state=Person,
    fold=fold,
    tables=[],
    rows=_no_rows,
    counts=counts,
)


@dataclass(frozen=True)
class Band:
    """An age band, and how many patients are in it."""

    label: str
    now: int
    """Who are admitted."""
    total: int
    """Who were ever admitted."""


class Demographics:
    """What pages ask about ages; everything may raise ``ReadModelsUnavailableError``."""

    def __init__(self, tables: Callable[[], Rows]) -> None:
        self._tables = tables

    def bands(self) -> Sequence[Band]:
        """Return all bands from the youngest to the oldest."""
        found = self._tables().counts()
        return [Band(band, found.get(_now(band), 0), found.get(_total(band), 0)) for band in BANDS]


def _now(band: str) -> str:
    return f"now {band}"


def _total(band: str) -> str:
    return f"total {band}"
