"""What a table of a read model is: a frozen dataclass for its rows, and what their key is made of.

The same table is made on every database. A column may be a ``str``, ``int``, ``bool``, ``bytes``,
``UUID``, a ``datetime`` (UTC, kept to the millisecond) or a ``tuple[str, ...]``; all but those of
the key may be ``None`` too.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cached_property
from operator import attrgetter
from types import NoneType, UnionType
from typing import Any, Generic, TypeVar, get_args, get_type_hints
from uuid import UUID

RowT = TypeVar("RowT")

Key = tuple[Any, ...]
"""The values of a row's key: those of the partition, then those of the order."""

COLUMN_TYPES: Sequence[Any] = (str, int, bool, bytes, UUID, datetime, tuple[str, ...])

RESERVED = frozenset({"guards", "tally", "numbers", "counted"})
"""Names of tables that every generation may have beside those of its read model."""

_NAME = re.compile("[a-z][a-z_]{0,15}")


@dataclass(frozen=True, eq=False)
class Table(Generic[RowT]):
    """A table with rows of one class.

    Rows of one ``partition`` are kept together and sorted by ``order``; together they are the key.
    Say in the table's docstring or beside it what bounds a partition.

    :raises ValueError: when a column is not as described above, or the key lacks the aggregate.
    """

    name: str
    row: type[RowT]
    partition: tuple[str, ...]
    order: tuple[str, ...] = ()
    aggregate: str | None = "patient_id"
    """The column with the aggregate's id, which is in the key, so that a row is one aggregate's.

    None makes the rows everybody's: they have nothing but a key, and are never deleted.
    """
    lasting: bool = False
    """Whether a row stays when the aggregate's state no longer has it, as history does."""

    def __post_init__(self) -> None:
        """Check the columns."""
        if not _NAME.fullmatch(self.name):
            raise self._fault(f"a name of up to 16 small letters and _, found {self.name!r}")
        if self.name in RESERVED:
            raise self._fault(f"another name than {', '.join(sorted(RESERVED))}")
        for column, kind in self.columns.items():
            if kind not in COLUMN_TYPES:
                raise self._fault(f"a type that every database has for {column}, found {kind}")
        for column in self.key_columns:
            if column not in self.columns:
                raise self._fault(f"columns in the key that the row has, found {column!r}")
            if column in self.optional:
                raise self._fault(f"a key without None, found that {column} may be it")
        if not self.partition:
            raise self._fault("at least one column that says which rows are kept together")
        if self.aggregate is None and set(self.key_columns) != set(self.columns):
            raise self._fault("nothing beside the key in rows that are nobody's own")
        if self.aggregate is not None and self.aggregate not in self.key_columns:
            raise self._fault(f"the aggregate's id, {self.aggregate!r}, in the key")

    @cached_property
    def columns(self) -> Mapping[str, Any]:
        """The columns' types, without ``None``, in the order of the row's fields."""
        return {name: _without_none(hint) for name, hint in self._hints.items()}

    @cached_property
    def optional(self) -> frozenset[str]:
        """The columns that may be ``None``."""
        return frozenset(name for name, hint in self._hints.items() if NoneType in get_args(hint))

    @cached_property
    def key_columns(self) -> tuple[str, ...]:
        """The columns of the key."""
        return self.partition + self.order

    def key(self, row: RowT) -> Key:
        """Return the row's key."""
        return self._key_of(row)

    @cached_property
    def _key_of(self) -> Callable[[RowT], Key]:
        if len(self.key_columns) > 1:
            return attrgetter(*self.key_columns)
        column = attrgetter(*self.key_columns)
        return lambda row: (column(row),)

    def aggregate_of(self, row: RowT) -> UUID | None:
        """Return whose row it is; None if it is everybody's."""
        return None if self.aggregate is None else getattr(row, self.aggregate)

    @cached_property
    def _hints(self) -> Mapping[str, Any]:
        hints = get_type_hints(self.row)
        return {field.name: hints[field.name] for field in fields(self.row)}  # type: ignore[arg-type]

    def _fault(self, expected: str) -> ValueError:
        return ValueError(f"Table {self.name!r} of {self.row.__name__}: expected {expected}.")


def first_after(begins: bytes) -> bytes | None:
    """Return the first bytes behind all that begin so; None if there are none behind."""
    stem = begins.rstrip(b"\xff")
    return stem[:-1] + bytes([stem[-1] + 1]) if stem else None


def _without_none(hint: Any) -> Any:
    if isinstance(hint, UnionType):
        kinds = [kind for kind in get_args(hint) if kind is not NoneType]
        return kinds[0] if len(kinds) == 1 else hint
    return hint
