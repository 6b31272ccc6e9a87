"""One generation of a read model in SQLite: a table for each of its own, and one of guards.

A change is carried out in one transaction, and only if its version is above the guard's. So rows
and guard always agree, and need no versions of their own.
"""

import json
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from projections.change import ERASED_VERSION, Change, Guard, Place
from projections.database import Generation
from projections.sqlite.columns import keep, record_of, row_of, type_of
from projections.sqlite.file import File
from projections.sqlite.tally import Tally, tally_columns
from projections.table import Key, RowT, Table, first_after

_SELECT_GUARDS = """
SELECT aggregate_id, version, state FROM {guards}
WHERE aggregate_id IN (SELECT value FROM json_each(?))
"""
_UPSERT_GUARD = """
INSERT INTO {guards} VALUES (?, ?, ?)
ON CONFLICT (aggregate_id) DO UPDATE SET version = excluded.version, state = excluded.state
WHERE excluded.version > version
"""
_NO_LIMIT = -1
_MOST_ROWS = 2**63 - 1


class SQLiteTables:
    """A :class:`~projections.database.Tables` in a file."""

    def __init__(self, file: File, generation: Generation) -> None:
        self._file = file
        self._model = generation.model
        self._names = table_names(generation)
        self._guards = guards_name(generation)
        self._tally = Tally(generation)

    def get(self, table: Table[RowT], key: Key) -> RowT | None:
        """Return the row with the key, if there is one."""
        where = " AND ".join(f"{_quoted(column)} = ?" for column in table.key_columns)
        found = self._select(table, where, _kept(table, table.key_columns, key))
        return found[0] if found else None

    def get_all(self, table: Table[RowT], keys: Sequence[Key]) -> Sequence[RowT]:
        """Return those rows with one of the keys that there are."""
        found = (self.get(table, key) for key in keys)
        return [row for row in found if row is not None]

    def select(
        self,
        table: Table[RowT],
        partition: Key,
        *,
        after: Key = (),
        begins: bytes = b"",
        reverse: bool = False,
        limit: int | None = None,
    ) -> Sequence[RowT]:
        """Return rows of one partition in their order, or against it."""
        where = [f'"{column}" = ?' for column in table.partition]
        parameters = list(_kept(table, table.partition, partition))
        direction = "DESC" if reverse else "ASC"
        if after:
            prefix = table.order[: len(after)]
            columns, marks = ", ".join(map(_quoted, prefix)), ", ".join("?" * len(prefix))
            where.append(f"({columns}) {'<' if reverse else '>'} ({marks})")
            parameters += _kept(table, prefix, after)
        if begins:
            where.append(f"{_quoted(table.order[0])} >= ?")
            parameters.append(begins)
            if end := first_after(begins):
                where.append(f"{_quoted(table.order[0])} < ?")
                parameters.append(end)
        order = ", ".join(f'"{column}" {direction}' for column in table.order) or "1"
        parameters.append(_NO_LIMIT if limit is None else min(limit, _MOST_ROWS))
        return self._select(table, f"{' AND '.join(where)} ORDER BY {order} LIMIT ?", parameters)

    def select_all(
        self,
        table: Table[RowT],
        partitions: Sequence[Key],
        *,
        reverse: bool = False,
        limit: int | None = None,
    ) -> Sequence[RowT]:
        """Return rows of several partitions, one partition after the other."""
        found = (self.select(table, p, reverse=reverse, limit=limit) for p in partitions)
        return [row for rows in found for row in rows]

    def guards(self, aggregate_ids: Sequence[UUID]) -> Mapping[UUID, Guard]:
        """Return the guards of those of the aggregates that have one."""
        query = _SELECT_GUARDS.format(guards=self._guards)
        found = self._file.select(query, [json.dumps([str(id_) for id_ in aggregate_ids])])
        return {UUID(id_): Guard(version, state) for id_, version, state in found}

    def counts(self) -> Mapping[str, int]:
        """Return how many aggregates count under each name."""
        return self._tally.counts(self._file)

    def carry_out(self, changes: Sequence[Change]) -> None:
        """Carry out the changes in one transaction."""
        with self._file.transaction() as connection:
            for change in changes:
                if self._put_guard(connection, change.aggregate_id, change.guard):
                    self._put(connection, change.put)
                    self._delete(connection, change.delete)
                    self._tally.count(connection, change.aggregate_id, change.counted)

    def erase(self, aggregate_id: UUID, places: Collection[Place]) -> None:
        """Hide an aggregate, for good."""
        with self._file.transaction() as connection:
            self._put_guard(connection, aggregate_id, Guard(ERASED_VERSION, ""))
            self._delete(connection, places)
            self._tally.count(connection, aggregate_id, frozenset())

    def all_rows(self, table: Table[RowT]) -> Iterator[RowT]:
        """Return all rows of a table."""
        yield from self._select(table, "TRUE", [])

    def _put_guard(self, connection: sqlite3.Connection, id_: UUID, guard: Guard) -> bool:
        upsert = _UPSERT_GUARD.format(guards=self._guards)
        return connection.execute(upsert, (str(id_), guard.version, guard.state)).rowcount == 1

    def _put(
        self, connection: sqlite3.Connection, rows: Sequence[tuple[Table[Any], object]]
    ) -> None:
        for table, row in rows:
            record = record_of(table, row)
            marks = ", ".join("?" * len(record))
            connection.execute(
                f"INSERT OR REPLACE INTO {self._names[table.name]} VALUES ({marks})", record
            )

    def _delete(self, connection: sqlite3.Connection, places: Collection[Place]) -> None:
        for table, key in places:
            where = " AND ".join(f"{_quoted(column)} = ?" for column in table.key_columns)
            connection.execute(
                f"DELETE FROM {self._names[table.name]} WHERE {where}",
                _kept(table, table.key_columns, key),
            )

    def _select(self, table: Table[RowT], where: str, parameters: Sequence[object]) -> list[RowT]:
        columns = ", ".join(map(_quoted, table.columns))
        query = f"SELECT {columns} FROM {self._names[table.name]} WHERE {where}"
        return [row_of(table, record) for record in self._file.select(query, parameters)]


def table_names(generation: Generation) -> Mapping[str, str]:
    """Return what a generation's tables are called in the file, by their own names."""
    return {name: f'"{generation}_{name}"' for name in generation.model.by_name}


def guards_name(generation: Generation) -> str:
    """Return what a generation's table of guards is called in the file."""
    return f'"{generation}_guards"'


def all_names(generation: Generation) -> Sequence[str]:
    """Return what all tables of a generation are called in the file."""
    return [*_columns(generation)]


def definitions(generation: Generation) -> Sequence[str]:
    """Return the statements that make the tables which are missing."""
    return [
        f"CREATE TABLE IF NOT EXISTS {name} ({inside}) WITHOUT ROWID"
        for name, inside in _columns(generation).items()
    ]


def _columns(generation: Generation) -> Mapping[str, str]:
    names = table_names(generation)
    columns = tally_columns(generation) | {
        guards_name(generation): (
            "aggregate_id TEXT PRIMARY KEY, version INTEGER NOT NULL, state TEXT NOT NULL"
        )
    }
    for table in generation.model.tables:
        typed = [f"{_quoted(column)} {type_of(table, column)}" for column in table.columns]
        key = ", ".join(map(_quoted, table.key_columns))
        columns[names[table.name]] = f"{', '.join(typed)}, PRIMARY KEY ({key})"
    return columns


def _kept(table: Table[Any], columns: Sequence[str], values: Sequence[object]) -> list[object]:
    return [keep(table, column, value) for column, value in zip(columns, values, strict=True)]


def _quoted(column: str) -> str:
    return f'"{column}"'
