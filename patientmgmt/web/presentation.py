"""How values look on pages."""

import json
from datetime import UTC, datetime

from flask import Flask


def init_app(app: Flask) -> None:
    """Give the templates their filters."""
    app.jinja_env.filters.update(
        utc=utc, timestamp=timestamp, pretty_json=pretty_json, sentence=sentence, label=label
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


def pretty_json(value: object) -> str:
    """Return the value as indented JSON."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def sentence(reason: str) -> str:
    """Return a reason as a sentence of its own."""
    return f"{reason[:1].upper()}{reason[1:]}."


def label(key: str) -> str:
    """Return a JSON key as a label: ``recorded_at`` becomes ``Recorded at``."""
    return key.replace("_", " ").capitalize()
