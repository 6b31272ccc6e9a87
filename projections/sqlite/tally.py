"""How many aggregates count under each name, kept in the transaction that changes their rows."""

import json
import sqlite3
from collections.abc import Mapping
from uuid import UUID

from projections.database import Generation
from projections.sqlite.file import File


class Tally:
    """The counts of one generation of a read model; none if it counts nothing."""

    def __init__(self, generation: Generation) -> None:
        self._counts = generation.model.counts is not None
        self._numbers, self._counted = tally_names(generation)

    def counts(self, file: File) -> Mapping[str, int]:
        """Return how many aggregates count under each name."""
        if not self._counts:
            return {}
        return dict(file.select(f"SELECT name, number FROM {self._numbers}"))

    def count(
        self, connection: sqlite3.Connection, aggregate_id: UUID, names: frozenset[str] | None
    ) -> None:
        """Let the aggregate count under the names, and no longer under others."""
        if not self._counts or names is None:
            return
        key = str(aggregate_id)
        found = connection.execute(
            f"SELECT names FROM {self._counted} WHERE aggregate_id = ?", (key,)
        ).fetchone()
        before = frozenset(json.loads(found[0])) if found else frozenset()
        for name in before ^ names:
            connection.execute(
                f"INSERT INTO {self._numbers} VALUES (?, ?)"
                " ON CONFLICT (name) DO UPDATE SET number = number + excluded.number",
                (name, 1 if name in names else -1),
            )
        connection.execute(
            f"INSERT OR REPLACE INTO {self._counted} VALUES (?, ?)",
            (key, json.dumps(sorted(names))),
        )


def tally_names(generation: Generation) -> tuple[str, str]:
    """Return what the tables are called: that of the numbers, and that of who counts as what."""
    return f'"{generation}_numbers"', f'"{generation}_counted"'


def tally_columns(generation: Generation) -> dict[str, str]:
    """Return the columns of the tables, if the read model counts anything."""
    if generation.model.counts is None:
        return {}
    numbers, counted = tally_names(generation)
    return {
        numbers: "name TEXT PRIMARY KEY, number INTEGER NOT NULL",
        counted: "aggregate_id TEXT PRIMARY KEY, names TEXT NOT NULL",
    }
