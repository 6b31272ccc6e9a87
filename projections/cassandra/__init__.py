"""Read models in tables of a Cassandra keyspace, beside the events or in one of their own."""

import re
from collections.abc import Iterable
from typing import Any

from cassandra.cluster import Session

from projections.cassandra.keyspace import Keyspace
from projections.cassandra.records import TABLE, CassandraRecords, definition
from projections.cassandra.tables import CassandraTables, all_names, definitions
from projections.database import Generation, Tables
from projections.read_model import ReadModel


class CassandraDatabase:
    """A :class:`~projections.database.Database` in ``keyspace``, over a session of the caller's.

    The session's default execution profile must read and write at LOCAL_QUORUM (or QUORUM).

    :raises ReadModelsUnavailableError: from every method, when Cassandra cannot be reached.
    :raises ValueError: when ``keyspace`` is no name of a keyspace.
    """

    def __init__(self, session: Session, keyspace: str) -> None:
        self._keyspace = Keyspace(session, keyspace)
        self.records = CassandraRecords(self._keyspace)

    @staticmethod
    def tables_of(models: Iterable[ReadModel[Any, Any]]) -> re.Pattern[str]:
        """Return what the names of all tables match that are made here for the read models."""
        names = "|".join(model.name for model in models)
        return re.compile(rf"{TABLE}|({names})_\d+_[a-z_]+")

    def create_records(self) -> None:
        """Make the table of records if it is missing. For an operator's command."""
        self._keyspace.define([definition(self._keyspace)])

    def open(self, generation: Generation) -> Tables:
        """Return a generation's tables."""
        return CassandraTables(self._keyspace, generation)

    def create(self, generation: Generation) -> None:
        """Make the tables that are missing."""
        self._keyspace.define(definitions(self._keyspace, generation))

    def empty(self, generation: Generation) -> None:
        """Remove all rows and guards.

        A DELETE would not do: without a timestamp of its own it hides whatever is written there
        later, since rows carry their version as their timestamp and a DELETE carries the time.
        """
        self._keyspace.define(f"TRUNCATE {name}" for name in all_names(self._keyspace, generation))

    def drop(self, generation: Generation) -> None:
        """Remove the tables that there are, also those that the read model no longer has."""
        found = self._keyspace.select(
            "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?",
            [self._keyspace.quoted.strip('"')],
        )
        self._keyspace.define(
            f"DROP TABLE IF EXISTS {self._keyspace.quoted}.{name}"
            for (name,) in found
            if name.startswith(f"{generation}_")
        )
