"""Months as partitions: texts like ``2026-11``, in UTC, which sort as the months do."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

END = datetime.max.replace(tzinfo=UTC)
"""Where time ends for Python."""

_MONTH = re.compile("([0-9]{4})-(0[1-9]|1[0-2])")
_SMALLEST = timedelta(microseconds=1)


def month_of(moment: datetime) -> str:
    """Return the month of a moment in UTC."""
    return _text(_number(moment))


def months_of(since: datetime, until: datetime, *, most: int) -> Sequence[str]:
    """Return the months that [since, until) touches, or the latest of them if there are many.

    :param most: how many.
    """
    if until <= since:
        return []
    first, last = _number(since), _number(until - _SMALLEST)
    return [_text(number) for number in range(max(first, last - most + 1), last + 1)]


def begin_of(month: str) -> datetime:
    """Return the first moment of a month.

    :raises ValueError: when the text is no month of the years 1 to 9999.
    """
    found = _MONTH.fullmatch(month)
    if not found or found[1] == "0000":
        raise ValueError(f"{month!r:.80} is no month: expected a text like 2026-11.")
    return datetime(int(found[1]), int(found[2]), 1, tzinfo=UTC)


def end_of(month: str) -> datetime:
    """Return the first moment after a month, or the end of time.

    :raises ValueError: when the text is no month of the years 1 to 9999.
    """
    following = _number(begin_of(month)) + 1
    return END if following == _number(END) + 1 else begin_of(_text(following))


def in_utc(moment: datetime) -> datetime:
    """Return the moment in UTC.

    :raises ValueError: when it does not say in which zone it is, or is not of the years 1 to 9999.
    """
    if moment.utcoffset() is None:
        raise ValueError(f"The moment {moment} is in no time zone: expected one that says its own.")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"The moment {moment} is not in the years 1 to 9999 of UTC.") from None


def _number(moment: datetime) -> int:
    return moment.year * 12 + moment.month - 1


def _text(number: int) -> str:
    return f"{number // 12:04}-{number % 12 + 1:02}"
