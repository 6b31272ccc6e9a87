"""Columns of read models in SQLite: types, and how values are kept."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from projections.table import RowT, Table

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True)
class _Column:
    type: str
    keep: Callable[[Any], object]
    give: Callable[[Any], object]


_COLUMNS: Mapping[Any, _Column] = {
    str: _Column("TEXT", str, str),
    int: _Column("INTEGER", int, int),
    bool: _Column("INTEGER", int, bool),
    bytes: _Column("BLOB", bytes, bytes),
    UUID: _Column("TEXT", str, UUID),
    datetime: _Column(
        "INTEGER",
        lambda moment: (moment - _EPOCH) // _MILLISECOND,
        lambda milliseconds: _EPOCH + milliseconds * _MILLISECOND,
    ),
    tuple[str, ...]: _Column(
        "TEXT",
        lambda texts: json.dumps(texts, ensure_ascii=False),
        lambda text: tuple(json.loads(text)),
    ),
}


def type_of(table: Table[Any], column: str) -> str:
    """Return the SQL type of a column."""
    return _COLUMNS[table.columns[column]].type + ("" if column in table.optional else " NOT NULL")


def keep(table: Table[Any], column: str, value: object) -> object:
    """Return the value as it is kept."""
    return None if value is None else _COLUMNS[table.columns[column]].keep(value)


def record_of(table: Table[Any], row: object) -> tuple[object, ...]:
    """Return the row's values as they are kept, in the order of the columns."""
    return tuple(keep(table, column, getattr(row, column)) for column in table.columns)


def row_of(table: Table[RowT], record: tuple[Any, ...]) -> RowT:
    """Return the row that was kept."""
    values = zip(table.columns.items(), record, strict=True)
    return table.row(
        **{
            name: None if value is None else _COLUMNS[kind].give(value)
            for (name, kind), value in values
        }
    )
