"""What readers may ask in a query string: moments, days and months, all in UTC, and wards."""

import re
from datetime import UTC, date, datetime
from typing import Annotated

from flask import request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from patientmgmt.web.presentation import utc
from patientmgmt.web.validation import FieldError, InvalidInputError, Model, from_text
from read_models.months import begin_of, in_utc
from read_models.patient_events import MAX_TEXT_LENGTH

_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = r"[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?"
_ZONE = "(Z|[+-][0-9]{2}:[0-9]{2})?"


def _moment(text: object) -> datetime:
    moment = datetime.fromisoformat(_formed(f"{_DAY}T{_TIME}{_ZONE}", text))
    return in_utc(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _day(text: object) -> date:
    return date.fromisoformat(_formed(_DAY, text))


def _month(text: object) -> str:
    begin_of(str(text))
    return str(text)


def _formed(pattern: str, text: object) -> str:
    """Return the text if it has the form, which Python reads more freely."""
    if not re.fullmatch(pattern, str(text)):
        raise ValueError("of another form")
    return str(text)


Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    Field(description="a moment such as 2026-11-05T06:12 or 2026-11-05T06:12:03Z, in UTC"),
]
Day = Annotated[date, BeforeValidator(_day), Field(description="a day such as 2026-11-05")]
Month = Annotated[str, BeforeValidator(_month), Field(description="a month such as 2026-11")]
Ward = Annotated[str, Field(min_length=1, max_length=MAX_TEXT_LENGTH)]


class Asked(BaseModel):
    """Base of what a query string may hold, and nothing else."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class BoardAsked(Asked):
    """All wards, now or at a moment."""

    at: Moment | None = None


class WardAsked(Asked):
    """One ward, now or at a moment."""

    ward: Ward
    at: Moment | None = None


class OccupancyAsked(Asked):
    """How full a ward was, by hour of a day or by day of a month."""

    ward: Ward
    day: Day | None = None
    month: Month | None = None


class PatientAsked(Asked):
    """A patient as of a version or a moment; of neither at present."""

    version: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    at: Moment | None = None


def query(model: type[Model]) -> Model:
    """Return what the query string asks.

    :raises InvalidInputError: naming each value that is missing, unknown or wrong.
    """
    return from_text(model, request.args.to_dict())


def form_query(model: type[Model]) -> Model:
    """Return the same where a form sends it: a field that was left empty asks nothing.

    :raises InvalidInputError: the same.
    """
    filled = {name: text for name, text in request.args.items() if text.strip()}
    return from_text(model, filled)


def nothing_asked() -> None:
    """Refuse whatever the query string asks.

    :raises InvalidInputError: when there is something.
    """
    unknown = "unknown field, expected none"
    if request.args:
        raise InvalidInputError([FieldError(name[:40], unknown) for name in request.args])


def up_to(now: datetime, at: datetime | None) -> datetime:
    """Return the moment asked for, or now.

    :raises InvalidInputError: when it is in the future.
    """
    if at is not None and at > now:
        raise refused("at", f"expected a moment up to now, {utc(now)}, found {utc(at)}")
    return at or now


def refused(field: str, reason: str) -> InvalidInputError:
    """Return the error that names one value."""
    return InvalidInputError([FieldError(field, reason)])
