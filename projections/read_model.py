"""What a read model is: the events it wants, and pure functions from them to rows.

It knows nothing of feeds, checkpoints, repetitions, crashes or databases. For each aggregate it
keeps a *state*, which one event after the other is folded into, in the order of versions; and it
says which *rows* show that state. What has to be written, and what has to be taken away, follows.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

from eventsourcing.persistence import StoredEvent
from pydantic import TypeAdapter, ValidationError

from projections.table import Key, Table

StateT = TypeVar("StateT")
EventT = TypeVar("EventT")

_NAME = re.compile("[a-z][a-z_]{0,19}")

Rows = Mapping[tuple[Table[Any], Key], object]
"""Rows by where they stand."""


@dataclass(frozen=True, eq=False)
class ReadModel(Generic[StateT, EventT]):
    """A read model of aggregates whose state is a ``StateT``, a dataclass that JSON can hold.

    :raises ValueError: when the name is not of its form, or two tables are of one row class.
    """

    name: str
    topics: Sequence[str]
    """The stored names of the events that it is made of."""
    read: Callable[[StoredEvent, Mapping[str, Any]], EventT]
    """Returns what a stored event with the given JSON payload tells; ``ValueError`` if nothing."""
    state: type[StateT]
    fold: Callable[[StateT | None, EventT], StateT]
    """Returns the state after the event; before the first there is none. ``ValueError`` if the
    event cannot follow."""
    tables: Sequence[Table[Any]]
    rows: Callable[[StateT], Iterable[object]]
    """Returns the rows that show a state, of the classes of the tables."""
    counts: Callable[[StateT], Iterable[str]] | None = None
    """Returns the names under which an aggregate in a state counts, once each; None counts nothing.
    How many count under each name is kept, so that nobody has to read them to know."""
    is_urgent: bool = False
    """Whether somebody waits for each change. All follow at once while little happens; when much
    does, those that are not urgent go on in larger steps, which cost less, a second apart at most.
    """
    version: int = 1
    """Raise it when ``fold`` or ``rows`` give other results than before, or the tables change:
    the tables that there are were made by the old code, and have to be rebuilt."""

    def __post_init__(self) -> None:
        """Check what can be checked without events."""
        if not _NAME.fullmatch(self.name):
            raise ValueError(
                f"Read model {self.name!r}: expected a name of up to 20 small letters and _."
            )
        if len(self._table_of) != len(self.tables) or len(self.by_name) != len(self.tables):
            raise ValueError(
                f"Read model {self.name}: expected each table with its own name and row class."
            )

    @cached_property
    def by_name(self) -> Mapping[str, Table[Any]]:
        """The tables by name."""
        return {table.name: table for table in self.tables}

    @cached_property
    def _table_of(self) -> Mapping[type[Any], Table[Any]]:
        return {table.row: table for table in self.tables}

    @cached_property
    def _json(self) -> TypeAdapter[StateT]:
        return TypeAdapter(self.state)

    def place_rows(self, state: StateT | None) -> Rows:
        """Return the rows that show the state, by where they stand."""
        if state is None:
            return {}
        placed = ((self._table_of[type(row)], row) for row in self.rows(state))
        return {(table, table.key(row)): row for table, row in placed}

    def counted(self, state: StateT | None) -> frozenset[str]:
        """Return the names under which an aggregate in the state counts."""
        return (
            frozenset() if state is None or self.counts is None else frozenset(self.counts(state))
        )

    def to_json(self, state: StateT | None) -> str:
        """Return the state as it is kept; nothing before the first event."""
        return "" if state is None else self._json.dump_json(state).decode()

    def from_json(self, text: str) -> StateT | None:
        """Return the state that was kept.

        :raises ValueError: when it was kept by another version of the read model.
        """
        try:
            return self._json.validate_json(text) if text else None
        except ValidationError as e:
            raise ValueError(
                f"The state that is kept was made by another version of {self.name}: {told(e)}. "
                f"Run `patientmgmt projections rebuild {self.name}`."
            ) from None


def told(error: ValidationError) -> str:
    """Return what does not fit, without the values: they are a patient's."""
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults)
