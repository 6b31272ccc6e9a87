"""Looking again at what seemed wrong, since it may only be younger than the copy of the truth."""

from collections.abc import Callable, Generator, Sequence
from typing import Any
from uuid import UUID

from eventstore_cassandra.datastore import CassandraDatastore
from eventstore_cassandra.errors import library_errors
from eventstore_cassandra.operations.inventory import Inventory, from_key
from eventstore_cassandra.operations.progress import Progress
from eventstore_cassandra.operations.scan import Row
from eventstore_cassandra.profiles import LOOK_READ, SERIAL_READ

CONCURRENT = 32
"""Looks in flight; less than a reader of the log has, to leave room for live readers."""

_LAST = (
    "SELECT version, current_version, erased FROM {keyspace}.events WHERE id = ?"
    " ORDER BY version DESC LIMIT 1"
)
_EVENT = (
    "SELECT append_id, type, toUnixTimestamp(savetime) AS savetime FROM {keyspace}.events"
    " WHERE id = ? AND version = ?"
)
_VIEW = (
    "SELECT id FROM {keyspace}.events_by_type"
    " WHERE type = ? AND savetime = ? AND version = ? AND id = ?"
)


class SecondLooks:
    """Corrects an inventory, by reading rows that look wrong once more."""

    def __init__(self, datastore: CassandraDatastore, inventory: Inventory) -> None:
        self._datastore = datastore
        self._inventory = inventory
        self._database = inventory.database
        self._last = datastore.prepare(_LAST)
        self._event = datastore.prepare(_EVENT)
        self._view = datastore.prepare(_VIEW)

    def at_aggregates(self) -> Generator[Progress, None, None]:
        """Look at aggregates of another version than that of their last event, or than in the view.

        A quorum may show one of the two from a replica that has more than the other replicas; and
        an aggregate may have been erased between two copies.
        """

        def correct(suspect: Sequence[Any], rows: list[Row]) -> None:
            for row in rows:
                self._database.execute(
                    "INSERT INTO aggregate VALUES (?, ?, ?, 1, ?) ON CONFLICT (id) DO UPDATE SET"
                    " current_version = excluded.current_version,"
                    " last_version = excluded.last_version, erased = excluded.erased",
                    (*suspect, row["current_version"], row["version"], row["erased"] is not None),
                )

        yield from self._look(
            "SELECT id FROM wrong_current_version UNION SELECT id FROM not_in_view"
            " UNION SELECT id FROM only_in_view",
            self._last,
            lambda suspect: [from_key(suspect[0])],
            correct,
        )

    def at_the_view(self) -> Generator[Progress, None, None]:
        """Look for events that the view did not have yet, or had before the copy of the truth."""

        def add(suspect: Sequence[Any], rows: list[Row]) -> None:
            if rows:
                self._database.execute("INSERT INTO type_view VALUES (?, ?, ?, ?)", suspect)

        def remove(suspect: Sequence[Any], rows: list[Row]) -> None:
            if any((row["savetime"], row["type"]) == suspect[2:] for row in rows):
                self._database.execute(
                    "DELETE FROM type_view WHERE (id, version, savetime, type) = (?, ?, ?, ?)",
                    suspect,
                )

        yield from self._look("SELECT * FROM only_in_view", self._event, _event_of, remove)
        yield from self._look(
            "SELECT id, version, savetime, type FROM not_in_view",
            self._view,
            lambda suspect: [suspect[3], suspect[2], suspect[1], from_key(suspect[0])],
            add,
            profile=LOOK_READ,
        )

    def at_names(self) -> Generator[Progress, None, None]:
        """Look at events that had no append_id: a rebuild of the log may have given them one."""

        def name(suspect: Sequence[Any], rows: list[Row]) -> None:
            for row in rows:
                if row["append_id"] and row["savetime"] == suspect[2]:
                    self._database.execute(
                        "UPDATE truth SET append_id = ? WHERE (id, version, savetime) = (?, ?, ?)",
                        (row["append_id"].bytes, *suspect),
                    )

        yield from self._look(
            "SELECT id, version, savetime FROM truth WHERE append_id IS NULL",
            self._event,
            _event_of,
            name,
        )

    def at_unfounded(self) -> Generator[Progress, None, None]:
        """Look for events of the log that were written after the copy of the truth."""

        def confirm(suspect: Sequence[Any], rows: list[Row]) -> None:
            if any(row["append_id"] == UUID(bytes=suspect[2]) for row in rows):
                self._database.execute("INSERT INTO confirmed VALUES (?, ?, ?)", suspect)

        yield from self._look(
            "SELECT id, version, append_id FROM unfounded", self._event, _event_of, confirm
        )

    def _look(
        self,
        query: str,
        statement: Any,
        arguments: Callable[[Sequence[Any]], list[Any]],
        correct: Callable[[Sequence[Any], list[Row]], None],
        *,
        profile: str = SERIAL_READ,
    ) -> Generator[Progress, None, None]:
        done = 0
        for suspects in self._inventory.chunks(query):
            with library_errors("Cannot look at events again"):
                found = self._datastore.read_concurrently(
                    statement,
                    [arguments(suspect) for suspect in suspects],
                    profile,
                    concurrency=CONCURRENT,
                )
            for suspect, rows in zip(suspects, found, strict=True):
                correct(suspect, rows)
            done += len(suspects)
            yield Progress("Looking again", done, self._inventory.count("chosen"))


def _event_of(suspect: Sequence[Any]) -> list[Any]:
    return [from_key(suspect[0]), suspect[1]]
