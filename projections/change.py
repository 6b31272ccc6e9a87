"""From events of one aggregate to what has to be written of it, and what to be taken away.

Pure: no database is known here. A *guard* is what a store keeps beside the rows of each aggregate:
the version that its rows show, and the state that the next event is folded into.

Several workers may write rows of one aggregate at once, each from another version to another one,
and their writes may arrive in any order. Stores let the higher version win, row by row. Rows end as
they should because a change clears *every* place that the aggregate has passed through since the
guard's version, not only the last one: another worker may have written any of them.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from projections.read_model import EventT, ReadModel, Rows, StateT
from projections.table import Key, Table

ERASED_VERSION = 2**31 - 1
"""The version that an erased aggregate is at: no event has it, or a higher one."""

Place = tuple[Table[Any], Key]


@dataclass(frozen=True)
class Guard:
    """What is kept beside an aggregate's rows."""

    version: int
    """All rows of this version stand, or those of a later one."""
    state: str
    """JSON; empty when the aggregate is erased."""

    @property
    def is_erased(self) -> bool:
        """Whether the guard only says that the aggregate is erased."""
        return self.version == ERASED_VERSION


@dataclass(frozen=True)
class Change:
    """What brings one aggregate's rows to a version; to be carried out in the order of fields."""

    aggregate_id: UUID
    put: Sequence[tuple[Table[Any], object]]
    delete: Collection[Place]
    counted: frozenset[str] | None
    """What the aggregate counts as from now on; None if that was so all the time."""
    guard: Guard


def change(
    model: ReadModel[StateT, EventT],
    aggregate_id: UUID,
    before: StateT | None,
    states: Sequence[StateT | None],
    version: int,
) -> Change:
    """Return what leads from the state before through all the given states to the last of them.

    :param before: None before the first event that the read model wants; so are states.
    :param version: that of the last state.
    """
    shown = model.place_rows(before)
    passed = [shown, *(model.place_rows(state) for state in states)]
    last = passed[-1]
    wanted: dict[Place, object] = {}
    for rows in passed:
        wanted |= {place: row for place, row in rows.items() if _stays(place[0])}
    wanted |= last
    return Change(
        aggregate_id,
        put=[(place[0], row) for place, row in wanted.items() if _news(place, row, shown, passed)],
        delete={place for rows in passed for place in rows} - wanted.keys(),
        counted=_counted([model.counted(before), *map(model.counted, states)]),
        guard=Guard(version, model.to_json(states[-1])),
    )


def places(model: ReadModel[StateT, EventT], states: Iterable[StateT | None]) -> Collection[Place]:
    """Return everywhere that an aggregate with the given states has ever stood, to erase it."""
    passed = (model.place_rows(state) for state in states)
    return {place for rows in passed for place in rows if place[0].aggregate is not None}


def expected_rows(model: ReadModel[StateT, EventT], states: Sequence[StateT | None]) -> Rows:
    """Return all rows that stand once an aggregate has had the given states, from the first on."""
    rows: dict[Place, object] = {}
    for state in states[:-1]:
        placed = model.place_rows(state)
        rows |= {place: row for place, row in placed.items() if _stays(place[0])}
    return {**rows, **model.place_rows(states[-1])} if states else {}


def _stays(table: Table[Any]) -> bool:
    return table.lasting or table.aggregate is None


def _counted(passed: Sequence[frozenset[str]]) -> frozenset[str] | None:
    return None if len(set(passed)) == 1 else passed[-1]


def _news(place: Place, row: object, shown: Rows, passed: Iterable[Rows]) -> bool:
    """Return whether a row has to be written: it need not if it stood, unchanged, all the time."""
    if shown.get(place) != row:
        return True
    if _stays(place[0]):
        return any(rows.get(place, row) != row for rows in passed)
    return any(rows.get(place) != row for rows in passed)
