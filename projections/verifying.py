"""Comparing what is shown with a fold of the truth, row for row.

What changes while it is compared is looked at once more before it is told, so that a verify may run
beside everything else. Of every expected row eight bytes are kept in memory.
"""

from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from projections.change import Guard, Place, expected_rows
from projections.database import Database, Generation, Tables
from projections.feeds.feed import Feed
from projections.folding import Decode, states_after
from projections.parking import Parking
from projections.read_model import ReadModel, Rows
from projections.table import Table
from projections.truth import Truth

ROWS_AT_ONCE = 500


@dataclass(frozen=True)
class Difference:
    """Something that is shown otherwise than the events tell."""

    what: str
    """``behind``, ``ahead``, ``missing row``, ``wrong row``, ``row too many``, ``wrong state``,
    ``wrong count``, or ``parked``."""
    aggregate_id: UUID | None
    details: str


@dataclass
class Verified:
    """What was compared, and what was found."""

    aggregates: int = 0
    rows: int = 0
    differences: list[Difference] = field(default_factory=list)


def verify(
    generation: Generation, database: Database, feed: Feed, truth: Truth, decode: Decode
) -> Generator[Verified, None, Verified]:
    """Compare a generation with the truth, and yield what is known so far; change nothing.

    :raises PersistenceError: when the events cannot be read.
    :raises ReadModelsUnavailableError: when the read models cannot be read.
    """
    comparison = _Comparison(generation, database, feed, decode)
    after = None
    while True:
        page = truth.page(after)
        comparison.compare(page.versions)
        yield comparison.found
        if page.next is None:
            break
        after = page.next
    for table in generation.model.tables:
        if table.aggregate is not None:
            yield from comparison.look_for_others(table)
    comparison.compare_counts()
    return comparison.found


class _Comparison:
    def __init__(
        self, generation: Generation, database: Database, feed: Feed, decode: Decode
    ) -> None:
        self._model: ReadModel[Any, Any] = generation.model
        self._tables: Tables = database.open(generation)
        self._parked = {p.aggregate_id: p for p in Parking(database, generation).all()}
        self._feed = feed
        self._decode = decode
        self._seen: dict[UUID, int] = {}
        self._places: set[int] = set()
        self.found = Verified()

    def compare(self, versions: Mapping[UUID, int]) -> None:
        """Compare some aggregates; what differs is compared once more."""
        for id_, version in versions.items():
            if self._seen.get(id_, 0) >= version > 0:
                continue  # a log has an aggregate on many pages, and the first look saw it all
            guard = self._guard(id_)
            if not self._differences(id_, guard):
                continue
            guard = self._guard(id_)
            self.found.differences += self._differences(id_, guard)
        self.found.aggregates = len(self._seen)

    def look_for_others(self, table: Table[Any]) -> Generator[Verified, None, None]:
        """Look for rows that no state asks for."""
        chunk: list[object] = []
        for row in self._tables.all_rows(table):
            self.found.rows += 1
            if hash((table.name, table.key(row))) not in self._places:
                chunk.append(row)
            if len(chunk) == ROWS_AT_ONCE:
                self._tell_others(table, chunk)
                chunk = []
                yield self.found
        self._tell_others(table, chunk)

    def compare_counts(self) -> None:
        """Compare what is counted with who counts, if nothing changes meanwhile."""
        if self._model.counts is None:
            return
        before = self._numbers()
        ids = list(self._seen)
        expected: Counter[str] = Counter()
        for start in range(0, len(ids), ROWS_AT_ONCE):
            guards = self._tables.guards(ids[start : start + ROWS_AT_ONCE])
            for guard in guards.values():
                expected.update(self._model.counted(self._model.from_json(guard.state)))
        if before != self._numbers():
            return
        for name in before.keys() | expected.keys():
            if before.get(name, 0) != expected[name]:
                details = f"{name}: expected {expected[name]}, found {before.get(name, 0)}"
                self.found.differences.append(Difference("wrong count", None, details))

    def _numbers(self) -> Mapping[str, int]:
        return {name: number for name, number in self._tables.counts().items() if number}

    def _guard(self, id_: UUID) -> Guard | None:
        return self._tables.guards([id_]).get(id_)

    def _differences(self, id_: UUID, guard: Guard | None) -> Sequence[Difference]:
        events = self._feed.stream(id_, after=0)
        last = events[-1].originator_version if events else 0
        self._seen[id_] = last
        if guard is not None and guard.is_erased:
            return []
        shown = guard.version if guard else 0
        if shown > last:
            return [Difference("ahead", id_, f"expected version {last} at most, found {shown}")]
        states, _ = states_after(self._model, self._decode, None, events[:shown])
        if len(states) < shown:
            return [Difference("wrong state", id_, f"version {shown} cannot be folded")]
        differences = self._different_rows(id_, expected_rows(self._model, states))
        if guard and self._model.to_json(states[-1] if states else None) != guard.state:
            differences.append(Difference("wrong state", id_, f"at version {shown}"))
        if shown < last:
            differences.append(self._behind(id_, shown, last))
        return differences

    def _behind(self, id_: UUID, shown: int, last: int) -> Difference:
        parked = self._parked.get(id_)
        if parked:
            return Difference("parked", id_, f"version {parked.version}: {parked.error}")
        return Difference("behind", id_, f"expected version {last}, found {shown}")

    def _different_rows(self, id_: UUID, expected: Rows) -> list[Difference]:
        differences = []
        for place, row in expected.items():
            self._places.add(_hash(place))
            table, key = place
            found = self._tables.get(table, key)
            if found is None:
                owner = None if table.aggregate is None else id_
                differences.append(Difference("missing row", owner, f"{table.name} {_shown(key)}"))
            elif found != row:
                differences.append(Difference("wrong row", id_, f"{table.name} {_shown(key)}"))
        return differences

    def _tell_others(self, table: Table[Any], rows: Sequence[object]) -> None:
        for row in rows:
            id_, key = table.aggregate_of(row), table.key(row)
            if id_ is None or self._tables.get(table, key) is None:
                continue
            guard = self._guard(id_)
            events = self._feed.stream(id_, after=0)[: guard.version if guard else 0]
            states, _ = states_after(self._model, self._decode, None, events)
            if (table, key) not in expected_rows(self._model, states):
                what = Difference("row too many", id_, f"{table.name} {_shown(key)}")
                self.found.differences.append(what)


def _hash(place: Place) -> int:
    table, key = place
    return hash((table.name, key))


def _shown(key: tuple[Any, ...]) -> str:
    """Return a key without the texts in it, which may be names of people."""
    return ", ".join(str(part) for part in key if isinstance(part, UUID | int))
