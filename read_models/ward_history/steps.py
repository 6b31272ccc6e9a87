"""How many intervals there are in each step of time, exactly."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

MOST_STEPS = 10_000
"""In one answer: a year of hours, and some."""

Span = tuple[datetime, datetime]
"""[since, until)."""


@dataclass(frozen=True)
class Occupancy:
    """How full a ward was in one step of time."""

    start: datetime
    mean: float
    """Patients, each counted for the part of the step in which they were there."""
    most: int
    """Patients at one moment."""


def joined(spans: Iterable[Span]) -> Iterator[Span]:
    """Yield the spans in order, those that overlap or touch as one."""
    since: datetime | None = None
    until: datetime | None = None
    for begin, end in sorted(spans):
        if since is None or until is None or begin > until:
            if since is not None and until is not None:
                yield since, until
            since, until = begin, end
        else:
            until = max(until, end)
    if since is not None and until is not None:
        yield since, until


def occupancy_of(
    spans: Iterable[Span], start: datetime, end: datetime, step: timedelta
) -> Iterator[Occupancy]:
    """Yield the occupancy in each step of [start, end); the last one ends at ``end``."""
    changes = deque(sorted(change for a, b in spans for change in ((a, 1), (b, -1))))
    level = 0
    while start < end:
        until = start + min(step, end - start)
        while changes and changes[0][0] <= start:
            level += changes.popleft()[1]
        place, sum_, most = start, timedelta(), level
        while changes and changes[0][0] < until:
            moment, change = changes.popleft()
            sum_ += level * (moment - place)
            place, level = moment, level + change
            most = max(most, level)
        sum_ += level * (until - place)
        yield Occupancy(start, sum_ / (until - start), most)
        start = until
