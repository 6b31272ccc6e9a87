"""How much to read at once: little at first, and then what has about the size that is wanted.

A row may have a hundred bytes or a megabyte. Whoever reads by number of rows reads far too much of
the large ones before it can be cut, and too little of the small ones to be quick.
"""

FIRST = 32
"""Rows; most histories are shorter."""
GROWTH = 4
"""Times as many are read next at the most."""


class Portions:
    """The size of the next portion.

    :param rows: at the most.
    :param size: what a portion should have, in bytes.
    :param first: rows of the first one, where something is known of them.
    """

    def __init__(self, *, rows: int, size: int, first: int = FIRST) -> None:
        self._most = rows
        self._size = size
        self.next = min(first, rows)
        """How many rows to ask for."""

    def saw(self, rows: int, size: int) -> None:
        """Learn how large the rows of a portion were, in bytes, all together."""
        if rows:
            fitting = self._size * rows // max(size, 1)
            self.next = max(1, min(self._most, GROWTH * self.next, fitting))
