"""Comparing what is shown with a fold of the truth, row for row.

What differs is looked at again some time later, and told if it differs at each look, so that a
verify may run beside everything else. Of every expected row eight bytes are kept in memory.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from time import sleep
from typing import Any
from uuid import UUID

from projections.change import Guard, Place, expected_rows
from projections.database import Database, Generation, Tables
from projections.feeds.feed import Feed
from projections.folding import Decode, states_after
from projections.parking import Parking
from projections.read_model import ReadModel, Rows
from projections.table import Key, Table
from projections.truth import Truth

ROWS_AT_ONCE = 500
LOOKS = 3
PATIENCE = 1.0
"""Seconds between two looks: a worker may be in the midst of writing what differs."""


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
    generation: Generation,
    database: Database,
    feed: Feed,
    truth: Truth,
    decode: Decode,
    *,
    pause: Callable[[float], None] = sleep,
) -> Generator[Verified, None, Verified]:
    """Compare a generation with the truth, and yield what is known so far; change nothing.

    :raises PersistenceError: when the events cannot be read.
    :raises ReadModelsUnavailableError: when the read models cannot be read.
    """
    comparison = _Comparison(generation, database, feed, decode)
    for versions in _pages(truth):
        comparison.compare(versions)
        yield comparison.found
    for table in generation.model.tables:
        if table.aggregate is not None:
            yield from comparison.look_for_others(table)
    comparison.look_again(pause)
    comparison.compare_counts(truth, pause)
    return comparison.found


def _pages(truth: Truth) -> Iterator[Mapping[UUID, int]]:
    after = None
    while True:
        page = truth.page(after)
        yield page.versions
        if page.next is None:
            return
        after = page.next


class _Comparison:
    def __init__(
        self, generation: Generation, database: Database, feed: Feed, decode: Decode
    ) -> None:
        self._model: ReadModel[Any, Any] = generation.model
        self._tables: Tables = database.open(generation)
        self._parking = Parking(database, generation)
        self._parked = {p.aggregate_id: p for p in self._parking.all()}
        self._feed = feed
        self._decode = decode
        self._seen: dict[UUID, int] = {}
        """The last version of each, as it was at the first look: later ones may be on their way."""
        self._places: set[int] = set()
        self._suspects: dict[UUID, Sequence[Difference]] = {}
        self._strays: list[tuple[Table[Any], Key, UUID | None]] = []
        self.found = Verified()

    def compare(self, versions: Mapping[UUID, int]) -> None:
        """Compare some aggregates; those that differ are suspects."""
        for id_, version in versions.items():
            if self._seen.get(id_, 0) >= version > 0:
                continue  # a log has an aggregate on many pages, and the first look saw it all
            if differences := self._differences(id_):
                self._suspects[id_] = differences
        self.found.aggregates = len(self._seen)

    def look_again(self, pause: Callable[[float], None]) -> None:
        """Compare all suspects and strays a few times, and tell what differs at each look."""
        for _ in range(LOOKS - 1):
            if not self._suspects and not self._strays:
                return
            pause(PATIENCE)
            self._parked = {p.aggregate_id: p for p in self._parking.all()}
            self._suspects = {id_: d for id_ in self._suspects if (d := self._differences(id_))}
            self._strays = [stray for stray in self._strays if self._is_stray(*stray)]
        self.found.differences += chain.from_iterable(self._suspects.values())
        self.found.differences += [
            Difference("row too many", id_, f"{table.name} {_shown(key)}")
            for table, key, id_ in self._strays
        ]

    def look_for_others(self, table: Table[Any]) -> Generator[Verified, None, None]:
        """Look for rows that no state asks for."""
        chunk: list[object] = []
        for row in self._tables.all_rows(table):
            self.found.rows += 1
            if _hash((table, table.key(row))) not in self._places:
                chunk.append(row)
            if len(chunk) == ROWS_AT_ONCE:
                self._suspect_others(table, chunk)
                chunk = []
                yield self.found
        self._suspect_others(table, chunk)

    def compare_counts(self, truth: Truth, pause: Callable[[float], None]) -> None:
        """Compare what is counted with who counts, and tell what differs at each look.

        What changes during a look is not told: it cannot be compared.
        """
        if not self._model.counts:
            return
        wrong = self._wrong_counts(truth)
        for _ in range(LOOKS - 1):
            if not wrong:
                return
            pause(PATIENCE)
            again = self._wrong_counts(truth)
            wrong = {name: again[name] for name in wrong if name in again}
        self.found.differences += wrong.values()

    def _wrong_counts(self, truth: Truth) -> Mapping[str, Difference]:
        found = self._tables.counts()
        expected = self._expected_counts(truth)
        later = self._tables.counts()
        return {
            name: Difference("wrong count", None, f"{name}: expected {expected[name]}, found {n}")
            for name in sorted(found.keys() | expected)
            if expected[name] != (n := found.get(name, 0)) == later.get(name, 0)
        }

    def _expected_counts(self, truth: Truth) -> Counter[str]:
        """Count all that there are now, also those who came while others were compared."""
        counted: set[UUID] = set()
        expected: Counter[str] = Counter()
        for versions in _pages(truth):
            ids = versions.keys() - counted
            counted |= ids
            for guard in self._tables.guards(list(ids)).values():
                expected.update(self._counted(guard))
        return expected

    def _counted(self, guard: Guard) -> Collection[str]:
        try:
            return self._model.counted(self._model.from_json(guard.state))
        except ValueError:
            return []  # a wrong state, which is told as such

    def _guard(self, id_: UUID) -> Guard | None:
        return self._tables.guards([id_]).get(id_)

    def _differences(self, id_: UUID) -> Sequence[Difference]:
        guard = self._guard(id_)
        events = self._feed.stream(id_, after=0)
        last = events[-1].originator_version if events else 0
        first = self._seen.setdefault(id_, last)
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
        if shown < first:
            differences.append(self._behind(id_, shown, first))
        return differences

    def _behind(self, id_: UUID, shown: int, first: int) -> Difference:
        parked = self._parked.get(id_)
        if parked:
            return Difference("parked", id_, f"version {parked.version}: {parked.error}")
        return Difference("behind", id_, f"expected version {first}, found {shown}")

    def _different_rows(self, id_: UUID, expected: Rows) -> list[Difference]:
        differences = []
        standing = self._standing(expected)
        for place, row in expected.items():
            self._places.add(_hash(place))
            table, key = place
            found = standing.get(place)
            if found is None:
                owner = None if table.aggregate is None else id_
                differences.append(Difference("missing row", owner, f"{table.name} {_shown(key)}"))
            elif found != row:
                differences.append(Difference("wrong row", id_, f"{table.name} {_shown(key)}"))
        return differences

    def _standing(self, expected: Rows) -> Rows:
        keys: dict[Table[Any], list[Key]] = defaultdict(list)
        for table, key in expected:
            keys[table].append(key)
        return {
            (table, table.key(row)): row
            for table, some in keys.items()
            for row in self._tables.get_all(table, some)
        }

    def _suspect_others(self, table: Table[Any], rows: Sequence[object]) -> None:
        strays = ((table, table.key(row), table.aggregate_of(row)) for row in rows)
        self._strays += [stray for stray in strays if self._is_stray(*stray)]

    def _is_stray(self, table: Table[Any], key: Key, id_: UUID | None) -> bool:
        if id_ is None or self._tables.get(table, key) is None:
            return False
        guard = self._guard(id_)
        events = self._feed.stream(id_, after=0)[: guard.version if guard else 0]
        states, _ = states_after(self._model, self._decode, None, events)
        return (table, key) not in expected_rows(self._model, states)


def _hash(place: Place) -> int:
    table, key = place
    return hash((table.name, key))


def _shown(key: tuple[Any, ...]) -> str:
    """Return a key without the texts in it, which may be names of people."""
    return ", ".join(str(part) for part in key if isinstance(part, UUID | int))
