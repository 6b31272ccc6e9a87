"""The CQL that reads and writes the tables of one generation."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from projections.cassandra.columns import keep
from projections.cassandra.keyspace import Statement, quoted
from projections.table import Key, Table, first_after

PARTITIONS_AT_ONCE = 16
"""In one query: a request costs more than a small partition does, and one node leads them all."""
_MOST_ROWS = 2**31 - 1

T = TypeVar("T")


class Statements:
    """Statements for tables, given what they are called in the keyspace."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names

    def all(self, table: Table[Any]) -> str:
        """Return what reads all rows."""
        return f"SELECT {listed(table.columns)} FROM {self._names[table.name]}"

    def row(self, table: Table[Any], key: Key) -> Statement:
        """Return what reads one row."""
        return f"{self.all(table)} WHERE {_equal(table.key_columns)}", [*map(keep, key)]

    def partition(
        self,
        table: Table[Any],
        partition: Key,
        *,
        after: Key = (),
        begins: bytes = b"",
        reverse: bool = False,
        limit: int | None = None,
    ) -> Statement:
        """Return what reads rows of one partition; see :class:`~projections.database.Rows`."""
        query = f"{self.all(table)} WHERE {_equal(table.partition)}"
        values = [*map(keep, (*partition, *after))]
        if after:
            columns, marks = listed(table.order[: len(after)]), ", ".join("?" * len(after))
            query += f" AND ({columns}) {'<' if reverse else '>'} ({marks})"
        if begins:
            query += f" AND {quoted(table.order[0])} >= ?"
            values.append(begins)
            if end := first_after(begins):
                query += f" AND {quoted(table.order[0])} < ?"
                values.append(end)
        if reverse and table.order:
            query += f" ORDER BY {', '.join(f'{quoted(column)} DESC' for column in table.order)}"
        if limit is not None:
            query += " LIMIT ?"
            values.append(min(limit, _MOST_ROWS))
        return query, values

    def partitions(
        self, table: Table[Any], partitions: Iterable[Key], *, limit: int | None
    ) -> Iterator[Statement]:
        """Yield what reads several partitions, together those that differ in their last column."""
        *first, last = table.partition
        equal = [f"{quoted(column)} = ?" for column in first]
        query = f"{self.all(table)} WHERE {' AND '.join([*equal, f'{quoted(last)} IN ?'])}"
        most = [] if limit is None else [min(limit, _MOST_ROWS)]
        query += " PER PARTITION LIMIT ?" if most else ""
        groups: dict[Key, dict[object, None]] = defaultdict(dict)
        for *beginning, end in partitions:
            groups[tuple(map(keep, beginning))][keep(end)] = None
        for group, ends in groups.items():
            for portion in slices([*ends], PARTITIONS_AT_ONCE):
                yield query, [*group, portion, *most]

    def insert(self, table: Table[Any]) -> str:
        """Return what writes a row, with the timestamp behind its values."""
        marks = ", ".join("?" * len(table.columns))
        return (
            f"INSERT INTO {self._names[table.name]} ({listed(table.columns)}) VALUES ({marks})"
            " USING TIMESTAMP ?"
        )

    def delete(self, table: Table[Any]) -> str:
        """Return what deletes a row, with the timestamp before its key."""
        name = self._names[table.name]
        return f"DELETE FROM {name} USING TIMESTAMP ? WHERE {_equal(table.key_columns)}"


def listed(columns: Iterable[str]) -> str:
    """Return names of columns as CQL lists them."""
    return ", ".join(map(quoted, columns))


def slices(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Yield all items, at most so many at a time."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _equal(columns: Iterable[str]) -> str:
    return " AND ".join(f"{quoted(column)} = ?" for column in columns)
