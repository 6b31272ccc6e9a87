"""How many aggregates count under each name, exactly, whoever counts and however often.

A number that is added to cannot be repeated, so that this is done as an append is: one conditional
batch on one partition, with a static column as the optimistic lock. A partition holds a sixteenth
of the aggregates, each with the names that it counts under and the version for which that is so,
and beside them, static, the sums. Who changes them reads the lock, the aggregates in question and
the sums, and writes all of it anew, if the lock is what it was. An aggregate that is there with the
same version, or a higher one, has been counted.

A partition has 100 MB at some 16 million aggregates altogether.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import uniform
from time import sleep
from uuid import UUID
from zlib import crc32

from projections.cassandra.keyspace import Keyspace, Statement
from projections.database import Generation
from projections.errors import ReadModelsUnavailableError

SLOTS = 16
"""Partitions. Never changed: an aggregate would be counted twice."""
AT_ONCE = 200
"""Aggregates in one batch."""
ATTEMPTS = 50
"""Of a change that others come before each time; each of them waits a little."""
LONGEST_PAUSE = 0.05
"""Seconds."""


@dataclass(frozen=True)
class Counting:
    """What an aggregate counts as at a version."""

    aggregate_id: UUID
    version: int
    names: frozenset[str]


Portion = tuple[int, Sequence[Counting]]
"""Some of a slot's aggregates."""


class Tally:
    """The counts of one generation of a read model; none if it counts nothing."""

    def __init__(self, keyspace: Keyspace, generation: Generation) -> None:
        self._keyspace = keyspace
        self._counts = generation.model.counts is not None
        table = _name(keyspace, generation)
        self._select_sums = f"SELECT slot, lock, sums FROM {table} WHERE slot = ? LIMIT 1"
        self._select_counted = (
            f"SELECT aggregate_id, version, names FROM {table} WHERE slot = ? AND aggregate_id IN ?"
        )
        self._update_sums = f"UPDATE {table} SET lock = ?, sums = ? WHERE slot = ? IF lock = ?"
        self._insert = (
            f"INSERT INTO {table} (slot, aggregate_id, version, names) VALUES (?, ?, ?, ?)"
        )

    def counts(self) -> Mapping[str, int]:
        """Return how many aggregates count under each name."""
        if not self._counts:
            return {}
        queries = [(self._select_sums, [slot]) for slot in range(SLOTS)]
        sums: Counter[str] = Counter()
        for _, _, text in self._keyspace.select_all(queries):
            sums.update(_sums(text))
        return sums

    def count(self, countings: Iterable[Counting]) -> None:
        """Let aggregates count as they do now.

        :raises ReadModelsUnavailableError: also when others come before all the time.
        """
        if not self._counts:
            return
        slots: dict[int, list[Counting]] = defaultdict(list)
        for counting in countings:
            slots[crc32(counting.aggregate_id.bytes) % SLOTS].append(counting)
        left: list[Portion] = [
            (slot, waiting[start : start + AT_ONCE])
            for slot, waiting in slots.items()
            for start in range(0, len(waiting), AT_ONCE)
        ]
        for _ in range(ATTEMPTS):
            left = self._count(left)
            if not left:
                return
            sleep(uniform(0, LONGEST_PAUSE))  # noqa: S311  (spreads rivals, hides nothing)
        raise ReadModelsUnavailableError(
            f"The counts could not be changed in {ATTEMPTS} attempts: others change them all the "
            "time. Let fewer workers work on one shard."
        )

    def _count(self, portions: Sequence[Portion]) -> list[Portion]:
        """Try to count the portions, side by side; return those before which others came."""
        sums = self._keyspace.select_all(
            [(self._select_sums, [slot]) for slot in {slot for slot, _ in portions}]
        )
        found = {slot: (lock, text) for slot, lock, text in sums}
        counted = self._counted(portions)
        to_write = []
        for slot, portion in portions:
            lock, text = found.get(slot, (None, None))
            batch = self._batch(slot, portion, lock, Counter(_sums(text)), counted)
            if batch is not None:
                to_write.append(((slot, portion), batch))
        applied = self._keyspace.apply_each([batch for _, batch in to_write])
        return [portion for (portion, _), done in zip(to_write, applied, strict=True) if not done]

    def _counted(self, portions: Sequence[Portion]) -> Mapping[UUID, tuple[int, frozenset[str]]]:
        records = self._keyspace.select_all(
            [
                (self._select_counted, [slot, [counting.aggregate_id for counting in portion]])
                for slot, portion in portions
            ]
        )
        return {id_: (version, frozenset(names or ())) for id_, version, names in records}

    def _batch(
        self,
        slot: int,
        portion: Sequence[Counting],
        lock: int | None,
        sums: Counter[str],
        counted: Mapping[UUID, tuple[int, frozenset[str]]],
    ) -> Sequence[Statement] | None:
        """Return what is to be written, on condition that nobody has written; None if nothing."""
        inserts: list[Statement] = []
        for counting in portion:
            version, names = counted.get(counting.aggregate_id, (0, frozenset()))
            if version < counting.version:
                sums.update(counting.names)
                sums.subtract(names)
                values = [slot, counting.aggregate_id, counting.version, list(counting.names)]
                inserts.append((self._insert, values))
        if not inserts:
            return None
        kept = json.dumps({name: number for name, number in sums.items() if number})
        return [(self._update_sums, [(lock or 0) + 1, kept, slot, lock]), *inserts]


def tally_columns(keyspace: Keyspace, generation: Generation) -> dict[str, str]:
    """Return the columns of the table, if the read model counts anything."""
    if generation.model.counts is None:
        return {}
    return {
        _name(keyspace, generation): (
            "slot int, aggregate_id uuid, version bigint, names frozen<list<text>>,"
            " lock bigint static, sums text static, PRIMARY KEY (slot, aggregate_id)"
        )
    }


def _name(keyspace: Keyspace, generation: Generation) -> str:
    return f"{keyspace.quoted}.{generation}_tally"


def _sums(text: str | None) -> Mapping[str, int]:
    return json.loads(text) if text else {}
