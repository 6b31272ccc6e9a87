"""Carrying out statements on the replicas: reads of partitions and ranges, conditional batches."""

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from zlib import crc32

from cassandra import InvalidRequest
from cassandra.query import UNSET_VALUE

from tests.simulation.cql import Column, Delete, Now, Relation, Select, Term, Value, Write, parse
from tests.simulation.replicas import (
    LIVE,
    Cells,
    Clustering,
    Key,
    Partition,
    Replicas,
    Route,
    Slice,
)
from tests.simulation.tables import Table, read_tables

Rows = list[dict[str, Any]]
TABLES = read_tables()
VIEW = "events_by_type"
TOO_MUCH = "too much: "
"""How states begin that the log takes, and no aggregate."""
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Bound(NamedTuple):
    """A statement with its values, and the time at the server when it is carried out."""

    query: str
    values: Sequence[Any]
    milliseconds: int = 0

    @property
    def statement(self) -> Select | Write | Delete:
        """What it says."""
        return parse(self.query)

    def value(self, value: Value) -> Any:
        """Return what stands for a value of the statement."""
        if isinstance(value, Now):
            return self.milliseconds
        found = value.literal if value.marker is None else self.values[value.marker]
        if found == {}:  # a map without elements is null
            return None
        return _frozen(found)


class Server:
    """The replicas behind statements. The type view is that of what is decided, at any time."""

    def __init__(self) -> None:
        self.replicas = Replicas()
        self._types: tuple[int, dict[Key, Partition]] = (0, {})
        """The type view, and how many changes are in it."""
        self.decided: Callable[[Key, Partition], None] = lambda *_: None
        """Is told of each conditional write that is applied."""

    def select(self, bound: Bound, route: Route, *, serial: bool) -> Rows:
        """Read at these replicas; serially, once what was decided is completed there."""
        statement = bound.statement
        if not isinstance(statement, Select):
            raise NotImplementedError(f"Expected a read, or a batch, found: {bound.query}")
        if statement.table not in TABLES:
            return _of_the_schema()
        table = TABLES[statement.table]
        by_token = [relation for relation in statement.where if relation.of_token]
        found: Rows = []
        for key in self._keys(table, statement, bound):
            if all(_holds((_token(key),), relation, bound) for relation in by_token):
                found += self._select(table, key, statement, bound, route, serial)
        return found

    def batch(self, parts: Sequence[Bound], route: Route) -> Rows:
        """Carry out a batch in one partition. A conditional one is answered by [applied], for one.

        :raises InvalidRequest: for events that it never takes.
        """
        change = Partition()
        moment = self.replicas.changes + 1
        conditions: list[tuple[Clustering | None, Relation, Bound]] = []
        keys = set()
        for bound in parts:
            write = _as_write(bound)
            if write.table == "events" and any(map(_is_too_much, bound.values)):
                raise InvalidRequest("this is more than the server ever takes")
            key, clustering = _add(change, write, bound, moment)
            keys.add(key)
            if write.if_not_exists:
                names = sorted(TABLES[write.table].static) if clustering is None else [LIVE[0]]
                write = write._replace(conditions=[_is_null(name) for name in names])
            conditions += [(clustering, each, bound) for each in write.conditions or ()]
        (key,) = keys
        if not conditions:
            self.replicas.write(key, change, route.reaches)
            return []
        present = self.replicas.present(key, route.asks)
        shown: dict[str, Any] = {}
        applied = True
        for clustering, condition, bound in conditions:
            cells = present.static if clustering is None else present.rows.get(clustering, {})
            values = [_value(cells, column, bound) for column in condition.columns]
            applied = applied and _holds(values, condition, bound)
            # An answer has the whole of a map, whichever element the condition is on.
            shown |= {column.name: _whole(cells, column.name) for column in condition.columns}
        if not applied:
            return [{"[applied]": False} | shown]
        self.replicas.decide(key, change, route.reaches)
        self.decided(key, change)
        return [{"[applied]": True}]

    def _keys(self, table: Table, statement: Select, bound: Bound) -> Iterator[Key]:
        for relation in statement.where:
            if not relation.of_token and relation.columns[0].name == table.partition_key:
                return iter([(statement.table, bound.value(relation.values[0]))])
        if statement.table == VIEW:
            types = {key[1]: None for key in self._view()}
            return iter([(VIEW, type_) for type_ in types])
        return iter(self.replicas.keys(statement.table))

    def _select(
        self,
        table: Table,
        key: Key,
        statement: Select,
        bound: Bound,
        route: Route,
        serial: bool,
    ) -> Rows:
        limit = bound.value(statement.limit) if statement.limit else None
        by_row = [
            relation
            for relation in statement.where
            if relation.columns[0].name != table.partition_key
        ]
        indexes = {name: n for n, name in enumerate(table.clustering)}

        def has(clustering: Clustering) -> bool:
            return all(
                _holds(
                    [clustering[indexes[each.name]] for each in relation.columns], relation, bound
                )
                for relation in by_row
            )

        columns = {column.name for _, column in statement.shown}
        wanted = Slice(columns, has, statement.descending, limit)
        if key[0] == VIEW:
            found = wanted.of(self._view().get(key, Partition()))
        else:
            if serial:
                self.replicas.complete(key, route.asks)
            found = self.replicas.read(key, wanted, route.asks)
        rows = list(found.rows.items())
        if not rows and not by_row and any(value is not None for _, value in found.static.values()):
            rows = [((None,) * len(table.clustering), {})]
        return [
            {
                label: _shown(table, key, clustering, found.static | cells, column, bound)
                for label, column in statement.shown
            }
            for clustering, cells in rows
        ]

    def _view(self) -> dict[Key, Partition]:
        changes, view = self._types
        if changes == self.replicas.changes:
            return view
        view = {}
        for key in self.replicas.keys("events"):
            for (version, savetime), cells in self.replicas.decided[key].rows.items():
                partition = view.setdefault((VIEW, cells["type", None][1]), Partition())
                partition.rows[savetime, version, key[1]] = cells
        self._types = (self.replicas.changes, view)
        return view


def _frozen(value: Any) -> Any:
    """Return the value with tuples for lists, all the way down."""
    if isinstance(value, list) or type(value) is tuple:
        return tuple(_frozen(each) for each in value)
    return value


def _as_write(bound: Bound) -> Write:
    """Return what a part of a batch says: what is deleted is written to be null."""
    match bound.statement:
        case Write() as write:
            return write
        case Delete(table, [_, *_] as columns, where, timestamp):
            nulls = [(column, Term(None)) for column in columns]
            return Write(table, nulls, where, None, inserts=False, timestamp=timestamp)
    raise NotImplementedError(f"Expected a write in a batch, found: {bound.query}")


def _is_too_much(value: object) -> bool:
    return isinstance(value, str) and value.startswith(TOO_MUCH)


def _add(
    change: Partition, write: Write, bound: Bound, moment: int
) -> tuple[Key, Clustering | None]:
    """Add a write to a change; return its partition and row, None for static columns only."""
    table = TABLES[write.table]
    given = {column.name: bound.value(value) for column, value in write.cells}
    given |= {each.columns[0].name: bound.value(each.values[0]) for each in write.where}
    of_key = {table.partition_key, *table.clustering}
    cells: Cells = {}
    if write.timestamp:
        moment = bound.value(write.timestamp)
    for column, value in write.cells:
        name = (column.name, column.element and bound.value(column.element))
        new = bound.value(value)
        if column.name in table.static:
            change.static[name] = (moment, new)
        elif column.name not in of_key and new is not UNSET_VALUE:
            cells[name] = (moment, new)
    key = (write.table, given[table.partition_key])
    if not set(table.clustering) <= set(given):
        return key, None
    clustering = tuple(given[name] for name in table.clustering)
    if write.inserts:
        cells[LIVE] = (moment, True)
    change.rows.setdefault(clustering, {}).update(cells)
    return key, clustering


def _shown(
    table: Table,
    key: Key,
    clustering: Clustering,
    cells: Cells,
    column: Column,
    bound: Bound,
) -> object:
    if column.name == table.partition_key:
        return key[1]
    if column.name in table.clustering:
        return clustering[table.clustering.index(column.name)]
    return _value(cells, column, bound) if column.element else _whole(cells, column.name)


def _whole(cells: Cells, name: str) -> object:
    """Return what a column holds; a map, if it has elements."""
    elements = {key: value for (column, key), (_, value) in cells.items() if column == name}
    if None in elements:
        return elements[None]
    return {key: value for key, value in elements.items() if value is not None} or None


def _value(cells: Cells, column: Column, bound: Bound) -> Any:
    if column.element is None:
        return _whole(cells, column.name)
    return cells.get((column.name, bound.value(column.element)), (0, None))[1]


def _holds(values: Sequence[Any], relation: Relation, bound: Bound) -> bool:
    wanted = tuple(bound.value(value) for value in relation.values)
    return _COMPARE[relation.operator](tuple(values), wanted)


def _is_null(name: str) -> Relation:
    return Relation([Column(name)], "=", [Term(None)])


def _token(key: Key) -> int:
    return (crc32(str(key[1]).encode()) - 2**31) << 32


def _of_the_schema() -> Rows:
    """Answer what is asked of the server's own tables: its columns, and what ids are."""
    ids = {"appends": "frozen<list<frozen<tuple<uuid, uuid, int, int>>>>"}
    return [
        {"table_name": name, "column_name": column, "type": ids.get(column, "uuid")}
        for name, table in TABLES.items()
        for column in table.columns
    ]
