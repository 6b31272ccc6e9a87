"""Columns of read models in Cassandra: types, and how values are given back."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from projections.table import RowT, Table

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_TYPES: Mapping[Any, str] = {
    str: "text",
    int: "bigint",
    bool: "boolean",
    bytes: "blob",
    UUID: "uuid",
    datetime: "timestamp",
    tuple[str, ...]: "frozen<list<text>>",
}


def type_of(table: Table[Any], column: str) -> str:
    """Return the CQL type of a column."""
    return _TYPES[table.columns[column]]


def row_maker(table: Table[RowT]) -> Callable[[Iterable[Any]], RowT]:
    """Return what makes a row of the values of its columns, in their order."""
    gives = [_GIVE.get(kind) for kind in table.columns.values()]

    def make(record: Iterable[Any]) -> RowT:
        return table.row(
            *(
                value if give is None or value is None else give(value)
                for give, value in zip(gives, record, strict=True)
            )
        )

    return make


def keep(value: object) -> object:
    """Return a value as it is kept: a moment as milliseconds since the epoch, exactly."""
    return (value - _EPOCH) // _MILLISECOND if isinstance(value, datetime) else value


def size_of(values: object) -> int:
    """Return how many bytes the values take in a request, and a little more."""
    match values:
        case str():
            return 4 * len(values)
        case bytes():
            return len(values)
        case list() | tuple():
            return sum(16 + size_of(value) for value in values)
        case _:
            return 16


def _to_the_millisecond(moment: datetime) -> datetime:
    """Return the moment in UTC; the driver computes with fractions of seconds."""
    if moment.microsecond % 1000 == 0:
        return moment.replace(tzinfo=UTC)
    rounded = moment.replace(tzinfo=UTC) + timedelta(microseconds=500)
    return rounded.replace(microsecond=rounded.microsecond // 1000 * 1000)


_GIVE: Mapping[Any, Callable[[Any], object]] = {
    datetime: _to_the_millisecond,
    tuple[str, ...]: tuple,
}
