"""Reading CQL: as much of it as the event store uses, by its text.

A statement that is not understood is refused by name, rather than carried out in part.
"""

import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple, TypeVar

_TOKEN = re.compile(r'\s*("?\w+"?(?:\."?\w+"?)?|\?|%s|\'[^\']*\'|-\d+|[<>!]=|[(),<>=\[\]])')
_Item = TypeVar("_Item")


class Term(NamedTuple):
    """A value of a statement."""

    marker: int | None
    """Which of the bound values it is; None where the value stands in the text."""
    literal: object = None


class Now(NamedTuple):
    """The time at the server, in milliseconds."""


Value = Term | Now


class Column(NamedTuple):
    """A column, or an element of a map in it."""

    name: str
    element: Value | None = None


class Relation(NamedTuple):
    """A comparison of columns, or of the token of one, with as many values."""

    columns: Sequence[Column]
    operator: str
    values: Sequence[Value]
    of_token: bool = False


class Select(NamedTuple):
    """A read; what it shows of a row stands under labels."""

    table: str
    shown: Sequence[tuple[str, Column]]
    where: Sequence[Relation]
    descending: bool
    limit: Value | None


class Write(NamedTuple):
    """An insert or update of one row or of static columns."""

    table: str
    cells: Sequence[tuple[Column, Value]]
    where: Sequence[Relation]
    conditions: Sequence[Relation] | None
    """None if it is not conditional."""
    inserts: bool
    """Whether the row is there afterwards, even if all its cells are null."""
    if_not_exists: bool = False
    timestamp: Value | None = None
    """When it is said to be written; None for the time at which it is."""


class Delete(NamedTuple):
    """A removal of elements of static columns. That of rows can be prepared, but is not needed."""

    table: str
    columns: Sequence[Column]
    where: Sequence[Relation]
    timestamp: Value | None = None


@cache
def parse(query: str) -> Select | Write | Delete:
    """Return what a statement says.

    :raises NotImplementedError: for one that is not among the forms known here.
    """
    return _Parser(query).statement()


class _Parser:
    def __init__(self, query: str) -> None:
        self._query = query
        self._tokens: list[str] = []
        at = 0
        while at < len(query.rstrip()):
            found = _TOKEN.match(query, at)
            if found is None:
                raise self._unknown()
            self._tokens.append(found[1])
            at = found.end()
        self._tokens.append("")
        self._markers = 0

    def statement(self) -> Select | Write | Delete:
        kinds: dict[str, Callable[[], Select | Write | Delete]] = {
            "SELECT": self._select,
            "INSERT": self._insert,
            "UPDATE": self._update,
            "DELETE": self._delete,
        }
        kind = kinds.get(self._tokens.pop(0).upper())
        statement = kind() if kind else None
        if statement is None or self._tokens != [""]:
            raise self._unknown()
        return statement

    def _select(self) -> Select:
        self._skip("DISTINCT")
        shown = self._several(self._shown)
        self._expect("FROM")
        table = self._name()
        where = self._where()
        descending = False
        if self._skip("ORDER", "BY"):
            self._name()
            descending = self._skip("DESC")
            self._skip("ASC")
        limit = self._value() if self._skip("LIMIT") else None
        return Select(table, shown, where, descending, limit)

    def _shown(self) -> tuple[str, Column]:
        column = self._column()
        label = column.name
        if self._skip("("):  # a function, whose column is in the brackets
            column = self._column()
            label = f"system.{label.lower()}({column.name})"
            self._expect(")")
        if self._skip("AS"):
            label = self._name()
        return label, column

    def _insert(self) -> Write:
        self._expect("INTO")
        table = self._name()
        columns = self._brackets(self._column)
        self._expect("VALUES")
        values = self._brackets(self._value)
        if_not_exists = self._skip("IF", "NOT", "EXISTS")
        # Which of the columns are the key is for the table to say.
        cells = list(zip(columns, values, strict=True))
        return Write(table, cells, (), () if if_not_exists else None, True, if_not_exists)

    def _update(self) -> Write:
        table = self._name()
        timestamp = self._using()
        self._expect("SET")
        cells = self._several(self._assignment)
        where = self._where()
        conditions = self._relations() if self._skip("IF") else None
        return Write(table, cells, where, conditions, False, timestamp=timestamp)

    def _delete(self) -> Delete:
        columns = () if self._tokens[0] == "FROM" else self._several(self._column)
        self._expect("FROM")
        table, timestamp, where = self._name(), self._using(), self._where()
        self._skip("IF", "EXISTS")
        return Delete(table, columns, where, timestamp)

    def _using(self) -> Value | None:
        """Return the timestamp. How long a write lasts is for the network to say."""
        if not self._skip("USING"):
            return None
        if self._skip("TTL"):
            self._value()
            self._expect("AND")
        self._expect("TIMESTAMP")
        return self._value()

    def _assignment(self) -> tuple[Column, Value]:
        column = self._column()
        self._expect("=")
        return column, self._value()

    def _where(self) -> Sequence[Relation]:
        return self._relations() if self._skip("WHERE") else ()

    def _relations(self) -> Sequence[Relation]:
        relations = [self._relation()]
        while self._skip("AND"):
            relations.append(self._relation())
        return relations

    def _relation(self) -> Relation:
        if self._tokens[0] == "(":
            columns = self._brackets(self._column)
            return Relation(columns, self._tokens.pop(0), self._brackets(self._value))
        if self._skip("token", "("):
            column = self._column()
            self._expect(")")
            return Relation([column], self._tokens.pop(0), [self._value()], of_token=True)
        return Relation([self._column()], self._tokens.pop(0), [self._value()])

    def _column(self) -> Column:
        name = self._name()
        if not self._skip("["):
            return Column(name)
        column = Column(name, self._value())
        self._expect("]")
        return column

    def _name(self) -> str:
        name = self._tokens.pop(0).replace('"', "").split(".")[-1]
        if not name.isidentifier():
            raise self._unknown()
        return name

    def _value(self) -> Value:
        token = self._tokens.pop(0)
        if token in ("?", "%s"):
            self._markers += 1
            return Term(self._markers - 1)
        if token.lstrip("-").isdigit():
            return Term(None, int(token))
        if token.startswith("'"):
            return Term(None, token[1:-1])
        if token.lower() == "null":
            return Term(None)
        if token == "toTimestamp" and self._skip("(", "now", "(", ")", ")"):
            return Now()
        raise self._unknown()

    def _brackets(self, item: Callable[[], _Item]) -> Sequence[_Item]:
        self._expect("(")
        found = self._several(item)
        self._expect(")")
        return found

    def _several(self, item: Callable[[], _Item]) -> Sequence[_Item]:
        found = [item()]
        while self._skip(","):
            found.append(item())
        return found

    def _skip(self, *words: str) -> bool:
        found = [token.lower() for token in self._tokens[: len(words)]]
        if found != [word.lower() for word in words]:
            return False
        del self._tokens[: len(words)]
        return True

    def _expect(self, word: str) -> None:
        if not self._skip(word):
            raise self._unknown()

    def _unknown(self) -> NotImplementedError:
        return NotImplementedError(
            f"Expected a statement of a form that the simulation knows, found: {self._query}"
        )
