"""Three copies of each partition, and what conditional writes and reads do to them.

What makes replicas hard is modelled as the server has it:

* A conditional write is decided at one moment, with or without reaching any copy then. Whoever next
  writes or reads serially in the partition completes it first, at the replicas that take part; so
  all but the last write of a partition are on two of three copies, wherever these are.
* A read asks two replicas, and takes the newer of each cell. Then it repairs, at these two only,
  the cells of the *columns that were asked for*, and that the row is there: so rows spread in part.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

REPLICAS = range(3)
LIVE = ("", None)
"""The cell that says that a row is there, even if all others are null."""

Key = tuple[str, Any]
"""A partition: its table, and the value of its partition key."""
Clustering = tuple[Any, ...]
CellName = tuple[str, Any]
"""A column, and the key of an element if it is a map; else None."""
Cells = dict[CellName, tuple[int, object]]
"""Each with the moment of its writing: the newer one is right."""


class Route(NamedTuple):
    """Whom a request meets."""

    asks: Sequence[int]
    """Replicas that are read, or take part in a conditional write: two at least."""
    reaches: Sequence[int] = REPLICAS
    """Replicas that get what was decided before the request is over."""


@dataclass
class Partition:
    """A copy of a partition, or a change to one."""

    static: Cells = field(default_factory=dict)
    rows: dict[Clustering, Cells] = field(default_factory=dict)

    def merge(self, other: "Partition") -> None:
        """Take over what is newer."""
        _merge(self.static, other.static)
        for clustering, cells in other.rows.items():
            _merge(self.rows.setdefault(clustering, {}), cells)


class Slice(NamedTuple):
    """Which rows and columns of a partition are read."""

    columns: Collection[str]
    has: Callable[[Clustering], bool]
    descending: bool
    limit: int | None

    def of(self, partition: Partition) -> Partition:
        """Return what the slice shows of a partition; rows that are there, in order."""
        found = Partition(_only(partition.static, self.columns))
        for clustering in sorted(partition.rows, reverse=self.descending):
            if len(found.rows) == self.limit:
                break
            if self.has(clustering) and _is_there(partition.rows[clustering]):
                found.rows[clustering] = _only(partition.rows[clustering], {*self.columns, LIVE[0]})
        return found


class Replicas:
    """All partitions of all tables, three times, and as they are decided."""

    def __init__(self) -> None:
        self.decided: dict[Key, Partition] = defaultdict(Partition)
        """What stands for good, wherever it has got to: no request sees this."""
        self._copies: list[dict[Key, Partition]] = [defaultdict(Partition) for _ in REPLICAS]
        self._last: dict[Key, Partition] = defaultdict(Partition)
        self.changes = 0
        """How many were decided. The next one is newer than all of them."""

    def keys(self, table: str) -> list[Key]:
        """Return the partitions of a table."""
        return [key for key in self.decided if key[0] == table]

    def decide(self, key: Key, change: Partition, reaches: Sequence[int]) -> None:
        """Make a change, and have it on these replicas."""
        self.changes += 1
        self.decided[key].merge(change)
        self._last[key] = change
        for replica in reaches:
            self._copies[replica][key].merge(change)

    def write(self, key: Key, change: Partition, reaches: Sequence[int]) -> None:
        """Make a change that is not conditional, at these replicas only.

        It stands for good where it has got to, and is not among what is decided.
        """
        for replica in reaches:
            self._copies[replica][key].merge(change)

    def forget(self, key: Key, columns: Collection[str]) -> None:
        """Have what these static columns hold vanish, as its time is over."""
        for partition in (copy[key] for copy in self._copies):
            for name in [name for name in partition.static if name[0] in columns]:
                del partition.static[name]

    def present(self, key: Key, asks: Sequence[int]) -> Partition:
        """Return what these replicas have together, as a conditional write finds it there."""
        self.complete(key, asks)
        return self.shown(key, asks)

    def shown(self, key: Key, asks: Sequence[int]) -> Partition:
        """Return what these replicas have together."""
        together = Partition()
        for replica in asks:
            together.merge(self._copies[replica][key])
        return together

    def complete(self, key: Key, asks: Sequence[int]) -> None:
        """Bring the last decided change to the replicas that are asked."""
        for replica in asks:
            self._copies[replica][key].merge(self._last[key])

    def read(self, key: Key, wanted: Slice, asks: Sequence[int]) -> Partition:
        """Return what these replicas show together, and repair that much of them."""
        found = wanted.of(self.shown(key, asks))
        for replica in asks:
            self._copies[replica][key].merge(found)
        return found


def _merge(cells: Cells, others: Cells) -> None:
    for name, cell in others.items():
        if name not in cells or _rank(cells[name]) < _rank(cell):
            cells[name] = cell


def _rank(cell: tuple[int, object]) -> tuple[int, bool]:
    """Tell which of two cells is right: the newer one, or that which was deleted."""
    moment, value = cell
    return moment, value is None


def _only(cells: Cells, columns: Collection[str]) -> Cells:
    return {name: cell for name, cell in cells.items() if name[0] in columns}


def _is_there(cells: Cells) -> bool:
    return any(value is not None for _, value in cells.values())
