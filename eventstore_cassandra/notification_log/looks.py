"""Looking into aggregates' partitions for the outcome of appends."""

from collections.abc import Sequence
from typing import Any

from cassandra.query import PreparedStatement

from eventstore_cassandra.datastore import CassandraDatastore
from eventstore_cassandra.errors import library_errors
from eventstore_cassandra.notification_log.intents import Intent, Look
from eventstore_cassandra.profiles import LOOK_READ, SERIAL_READ

CONCURRENT = 64
"""Looks in flight from one reader."""

# One read shows both the row and the static column: without a row at the version itself, the one
# before it carries the static column along.
_LOOK = (
    "SELECT version, append_id, current_version, barred[?] AS barred FROM {keyspace}.events"
    " WHERE id = ? AND version <= ? ORDER BY version DESC LIMIT 1"
)
# Where no event is up to the version, the static columns are shown by a read of the whole partition
# only.
_STATICS = "SELECT current_version, barred[?] AS barred FROM {keyspace}.events WHERE id = ? LIMIT 1"


class Looks:
    """Reads one row for each intent, several at a time. Share it between threads."""

    def __init__(self, datastore: CassandraDatastore) -> None:
        self._datastore = datastore
        self._look = datastore.prepare(_LOOK)
        self._statics = datastore.prepare(_STATICS)

    def __call__(self, intents: Sequence[Intent], *, serial: bool) -> list[Look]:
        """Return what stands at the first version of each intent's append.

        Of an append that would be the aggregate's first, and was barred, only a serial look tells.

        :raises OperationalError: when the store cannot be reached.
        """
        profile = SERIAL_READ if serial else LOOK_READ
        names = [(each.append_id, each.aggregate_id, each.first_version) for each in intents]
        rows = self._read(self._look, names, profile)
        found = [_seen(intent, row) for intent, row in zip(intents, rows, strict=True)]
        empty = [
            n
            for n, (intent, row) in enumerate(zip(intents, rows, strict=True))
            if row is None and (serial or intent.first_version == 0)
        ]
        statics = self._read(self._statics, [names[n][:2] for n in empty], profile)
        # The row is read after them: if they show that the aggregate is there, the row is, or
        # never will be.
        again = self._read(self._look, [names[n] for n in empty], profile)
        for n, static, row in zip(empty, statics, again, strict=True):
            if row is None and static is not None:
                found[n] = Look(None, static["current_version"], static["barred"] is not None)
            else:
                found[n] = _seen(intents[n], row)
        return found

    def _read(
        self, statement: PreparedStatement, arguments: Sequence[Sequence[object]], profile: str
    ) -> list[dict[str, Any] | None]:
        with library_errors("Cannot read the outcome of appends"):
            found = self._datastore.read_concurrently(
                statement, arguments, profile, concurrency=CONCURRENT
            )
        return [rows[0] if rows else None for rows in found]


def _seen(intent: Intent, row: dict[str, Any] | None) -> Look:
    if row is None:
        return Look(None, None)
    is_at_version = row["version"] == intent.first_version
    name = row["append_id"] if is_at_version else None
    return Look(name, row["current_version"], row["barred"] is not None)
