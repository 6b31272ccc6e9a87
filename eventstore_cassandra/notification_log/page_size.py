"""How many rows of the log are asked for in one read.

A row holds the appends of one reservation, so that it is of a hundred bytes or of megabytes, and
only reading tells. A read of too many large ones is never answered, however often it is made.
Hence a rule that finds its way from both sides: at most twice as many rows as in the read before,
at most as many of that read's size as fit into :data:`MAX_BYTES`; and one row after a read that was
not answered.
"""

MAX_BYTES = 4 * 1024 * 1024
"""State in one read, judging by the one before. Far below what a server sends in its time-out."""
FIRST = 8
"""Rows in the first read. Were they the largest that may be appended, they would come in time."""


class PageSize:
    """What the reads so far have told. Share it between threads: a number lost does no harm."""

    def __init__(self) -> None:
        self.rows = FIRST
        """Rows to ask for."""

    def answered(self, rows: int, size: int) -> None:
        """Learn that a read brought so many rows, with so many bytes of state."""
        if rows:
            fitting = MAX_BYTES * rows // max(size, 1)
            self.rows = max(1, min(2 * self.rows, fitting))

    def unanswered(self) -> None:
        """Learn that a read was not answered."""
        self.rows = 1
