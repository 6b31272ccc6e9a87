"""One generation of a read model in Cassandra, written so that all orders of writes end the same.

No write here reads first and none takes a lock. Instead:

- **Each write carries its version as its timestamp**, where Cassandra expects a time. Of two writes
  to a cell the higher timestamp wins, whichever came last. So an older row never overwrites a newer
  one, and a row that is written twice stays the same, since it is a function of the same events.
- **A departure is a deletion with the timestamp of the version that follows.** Its tombstone hides
  what was or will be written there with a lower timestamp: a delayed "on ward A at version 2" stays
  hidden behind "left ward A at version 3", and "back on ward A at version 4" is seen.
- **Rows first, then deletions, then counts, then guards.** Who dies in between has put an aggregate
  in two places rather than nowhere, and its guard still tells the version before, so that whoever
  goes on does all of it again. A guard that is there promises that the rows are: a page may wait
  for it.
- **An erased aggregate** gets a tombstone with the largest version there is wherever it ever stood,
  and a guard without a state at that version. What a worker has in memory of it and is about to
  write has a lower timestamp, in one of those places, and stays hidden. Only the events tell the
  places: they must be erased after this, not before.

The rows converge; there is no isolation. A reader may for a moment find an aggregate in two places
of one table; where that matters, the row has the version in it, and the higher one counts.

Writes to one partition travel together, as an unlogged batch that is one mutation for the server.
Guards are kept in ``SLOTS`` partitions for that reason; each takes some 300 bytes, which makes
100 MB in a slot at some 5 million aggregates.

``gc_grace_seconds`` is Cassandra's default, ten days, written down because it matters: a partition
keeps a tombstone for each departure that long. Tombstones may be purged after that. A lower write
that arrives later would be seen again, but none does: hints are not replayed after that time
either, and a worker that begins again skips what the guards already show. A shorter time lets a
replica that missed a deletion bring the row back, unless repairs run at least as often.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID
from zlib import crc32

from projections.cassandra.columns import keep, row_maker, type_of
from projections.cassandra.keyspace import Keyspace, Statement, quoted
from projections.cassandra.statements import Statements, listed, slices
from projections.cassandra.tally import Counting, Tally, tally_columns
from projections.change import ERASED_VERSION, Change, Guard, Place
from projections.database import Generation
from projections.table import Key, RowT, Table

SLOTS = 16
"""Partitions of guards. Never changed: a guard would be looked for where it is not."""
GUARDS_AT_ONCE = 100
"""In one query of a slot."""
GC_GRACE = 864_000

Versioned = tuple[Table[Any], object, int]


class CassandraTables:
    """A :class:`~projections.database.Tables` in a keyspace."""

    def __init__(self, keyspace: Keyspace, generation: Generation) -> None:
        self._keyspace = keyspace
        guards = guards_name(keyspace, generation)
        self._select_guards = (
            f"SELECT aggregate_id, version, state FROM {guards}"
            " WHERE slot = ? AND aggregate_id IN ?"
        )
        self._insert_guard = (
            f"INSERT INTO {guards} (slot, aggregate_id, version, state)"
            " VALUES (?, ?, ?, ?) USING TIMESTAMP ?"
        )
        self._tally = Tally(keyspace, generation)
        self._statements = Statements(table_names(keyspace, generation))
        tables = generation.model.tables
        self._inserts = {table.name: self._statements.insert(table) for table in tables}
        self._deletes = {table.name: self._statements.delete(table) for table in tables}

    def get(self, table: Table[RowT], key: Key) -> RowT | None:
        """Return the row with the key, if there is one."""
        found = self.get_all(table, [key])
        return found[0] if found else None

    def get_all(self, table: Table[RowT], keys: Sequence[Key]) -> Sequence[RowT]:
        """Return those rows with one of the keys that there are."""
        queries = [self._statements.row(table, key) for key in keys]
        return self._rows(table, self._keyspace.select_all(queries))

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
        query = self._statements.partition(
            table, partition, after=after, begins=begins, reverse=reverse, limit=limit
        )
        return self._rows(table, self._keyspace.select(*query))

    def select_all(
        self,
        table: Table[RowT],
        partitions: Sequence[Key],
        *,
        reverse: bool = False,
        limit: int | None = None,
    ) -> Sequence[RowT]:
        """Return rows of several partitions, one partition after the other."""
        if reverse:  # which Cassandra does not do for several partitions in pages
            queries = [
                self._statements.partition(table, partition, reverse=True, limit=limit)
                for partition in partitions
            ]
            return self._rows(table, self._keyspace.select_all(queries))
        together = self._statements.partitions(table, partitions, limit=limit)
        found: dict[Key, list[RowT]] = defaultdict(list)
        for row in self._rows(table, self._keyspace.select_all(together)):
            found[table.key(row)[: len(table.partition)]].append(row)
        return [row for partition in partitions for row in found.get(tuple(partition), ())]

    def guards(self, aggregate_ids: Sequence[UUID]) -> Mapping[UUID, Guard]:
        """Return the guards of those of the aggregates that have one."""
        slots: dict[int, list[UUID]] = defaultdict(list)
        for id_ in aggregate_ids:
            slots[_slot(id_)].append(id_)
        queries = [
            (self._select_guards, [slot, portion])
            for slot, ids in slots.items()
            for portion in slices(ids, GUARDS_AT_ONCE)
        ]
        found = self._keyspace.select_all(queries)
        return {id_: Guard(version, state) for id_, version, state in found}

    def counts(self) -> Mapping[str, int]:
        """Return how many aggregates count under each name."""
        return self._tally.counts()

    def carry_out(self, changes: Sequence[Change]) -> None:
        """Carry out the changes: all rows, then all deletions, then counts, then all guards."""
        self._put((table, row, c.guard.version) for c in changes for table, row in c.put)
        self._clear((place, c.guard.version) for c in changes for place in c.delete)
        self._tally.count(
            Counting(c.aggregate_id, c.guard.version, c.counted)
            for c in changes
            if c.counted is not None
        )
        self._put_guards((c.aggregate_id, c.guard) for c in changes)

    def erase(self, aggregate_id: UUID, places: Collection[Place]) -> None:
        """Hide an aggregate, for good."""
        self._clear((place, ERASED_VERSION) for place in places)
        self._tally.count([Counting(aggregate_id, ERASED_VERSION, frozenset())])
        self._put_guards([(aggregate_id, Guard(ERASED_VERSION, ""))])

    def all_rows(self, table: Table[RowT]) -> Iterator[RowT]:
        """Return all rows of a table."""
        yield from map(row_maker(table), self._keyspace.stream(self._statements.all(table)))

    def _put(self, rows: Iterable[Versioned]) -> None:
        partitions: dict[object, list[Statement]] = defaultdict(list)
        for table, row, version in rows:
            values = [keep(getattr(row, column)) for column in table.columns]
            partition = table.key(row)[: len(table.partition)]
            write = (self._inserts[table.name], [*values, version])
            partitions[table.name, partition].append(write)
        self._keyspace.write(partitions.values())

    def _clear(self, places: Iterable[tuple[Place, int]]) -> None:
        partitions: dict[object, list[Statement]] = defaultdict(list)
        for (table, key), version in places:
            write = (self._deletes[table.name], [version, *map(keep, key)])
            partitions[table.name, key[: len(table.partition)]].append(write)
        self._keyspace.write(partitions.values())

    def _put_guards(self, guards: Iterable[tuple[UUID, Guard]]) -> None:
        slots: dict[int, list[Statement]] = defaultdict(list)
        for id_, guard in guards:
            values = [_slot(id_), id_, guard.version, guard.state, guard.version]
            slots[_slot(id_)].append((self._insert_guard, values))
        self._keyspace.write(slots.values())

    def _rows(self, table: Table[RowT], records: Iterable[Any]) -> Sequence[RowT]:
        return [*map(row_maker(table), records)]


def table_names(keyspace: Keyspace, generation: Generation) -> Mapping[str, str]:
    """Return what a generation's tables are called in the keyspace, by their own names."""
    prefix = f"{keyspace.quoted}.{generation}"
    return {name: f"{prefix}_{name}" for name in generation.model.by_name}


def guards_name(keyspace: Keyspace, generation: Generation) -> str:
    """Return what a generation's table of guards is called in the keyspace."""
    return f"{keyspace.quoted}.{generation}_guards"


def all_names(keyspace: Keyspace, generation: Generation) -> Sequence[str]:
    """Return what all tables of a generation are called in the keyspace."""
    return [*_columns(keyspace, generation)]


def definitions(keyspace: Keyspace, generation: Generation) -> Sequence[str]:
    """Return the statements that make the tables which are missing."""
    return [
        f"CREATE TABLE IF NOT EXISTS {name} ({inside}) WITH gc_grace_seconds = {GC_GRACE}"
        for name, inside in _columns(keyspace, generation).items()
    ]


def _columns(keyspace: Keyspace, generation: Generation) -> Mapping[str, str]:
    names = table_names(keyspace, generation)
    columns = tally_columns(keyspace, generation) | {
        guards_name(keyspace, generation): (
            "slot int, aggregate_id uuid, version bigint, state text,"
            " PRIMARY KEY (slot, aggregate_id)"
        )
    }
    for table in generation.model.tables:
        typed = [f"{quoted(column)} {type_of(table, column)}" for column in table.columns]
        key = ", ".join((f"({listed(table.partition)})", *map(quoted, table.order)))
        columns[names[table.name]] = f"{', '.join(typed)}, PRIMARY KEY ({key})"
    return columns


def _slot(aggregate_id: UUID) -> int:
    return crc32(aggregate_id.bytes) % SLOTS
