"""How values look on pages."""

import json
from datetime import UTC, datetime, timedelta

from flask import Flask

from read_models.months import begin_of


def init_app(app: Flask) -> None:
    """Give the templates their filters."""
    app.jinja_env.filters.update(
        utc=utc,
        form_moment=form_moment,
        month_name=month_name,
        timestamp=timestamp,
        in_words=in_words,
        pretty_json=pretty_json,
        sentence=sentence,
        label=label,
    )


def utc(moment: datetime, form: str = "%d %b %Y, %H:%M:%S UTC") -> str:
    """Return the moment in words, in UTC; one that names no time zone is in UTC already."""
    moment = moment.astimezone(UTC) if moment.tzinfo else moment
    return moment.strftime(form)


def timestamp(moment: datetime | None) -> str | None:
    """Return the moment for programs, in the form of RFC 3339: UTC, milliseconds, and ``Z``."""
    if moment is None:
        return None
    moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def form_moment(moment: datetime) -> str:
    """Return the moment as a field of a form has it, to the second."""
    return moment.replace(tzinfo=None).isoformat(timespec="seconds")


def month_name(month: str) -> str:
    """Return a month like ``2026-11`` in words."""
    return utc(begin_of(month), "%B %Y")


def in_words(length: timedelta) -> str:
    """Return how long it was in its two largest units, rounded down."""
    minutes = length // timedelta(minutes=1)
    days, hours, minutes = minutes // (24 * 60), minutes // 60 % 24, minutes % 60
    if days:
        parts = [_counted(days, "day"), _counted(hours, "hour") if hours else ""]
    elif hours:
        parts = [_counted(hours, "hour"), _counted(minutes, "minute") if minutes else ""]
    else:
        parts = [_counted(minutes, "minute") if minutes else "less than a minute"]
    return ", ".join(filter(None, parts))


def pretty_json(value: object) -> str:
    """Return the value as indented JSON."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def sentence(reason: str) -> str:
    """Return a reason as a sentence of its own."""
    return f"{reason[:1].upper()}{reason[1:]}."


def label(key: str) -> str:
    """Return a JSON key as a label: ``recorded_at`` becomes ``Recorded at``."""
    return key.replace("_", " ").capitalize()


def _counted(number: int, unit: str) -> str:
    return f"{number:,} {unit}" if number == 1 else f"{number:,} {unit}s"
