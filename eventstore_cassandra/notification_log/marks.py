"""What has become of the appends in rows that this process has written, to be marked there."""

from collections import deque
from dataclasses import dataclass

from eventstore_cassandra.append import Reply as Decided
from eventstore_cassandra.notification_log.table import Mark

MAX_MARKS = 100
"""Rows that are marked in one batch; usually it is one or two."""


@dataclass(frozen=True)
class WrittenRow:
    """A row of the log with appends of this process, and what has become of these."""

    bucket: int
    last: int
    outcomes: list[bool | None]
    first: int | None = None
    """Position of the first of them, if the row may have appends of others."""

    def mark(self) -> Mark | None:
        """Return the outcomes once all of them are known; None before."""
        known = [committed for committed in self.outcomes if committed is not None]
        return (
            Mark(self.bucket, self.last, known, self.first)
            if len(known) == len(self.outcomes)
            else None
        )


@dataclass
class Reserved:
    """Where an append's intent is."""

    positions: range
    """The positions of its events, in order."""
    row: WrittenRow
    number: int
    """Which of the row's appends of this process it is."""
    reply: Decided | None = None
    """The reply to the first step of its decision, if that was taken already."""


class Marks:
    """Those that wait for a reservation in their bucket. Share it between threads."""

    def __init__(self) -> None:
        self._waiting: deque[Mark] = deque()

    def learn(self, reserved: Reserved, *, committed: bool) -> None:
        """Take note of an outcome: a row can be marked when those of all its appends are known."""
        reserved.row.outcomes[reserved.number] = committed
        if mark := reserved.row.mark():
            self._waiting.append(mark)

    def take(self, bucket: int) -> list[Mark]:
        """Return marks of the bucket; those of buckets that were left are given up."""
        marks: list[Mark] = []
        while self._waiting and len(marks) < MAX_MARKS:
            mark = self._waiting.popleft()
            if mark.bucket == bucket:
                marks.append(mark)
        return marks

    def put_back(self, marks: list[Mark]) -> None:
        """Have marks that were taken, and not written, wait again."""
        self._waiting.extendleft(reversed(marks))
