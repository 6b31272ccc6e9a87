"""Looking into aggregates' partitions for the outcome of appends."""

from collections.abc import Sequence
from typing import Any

from cassandra.concurrent import execute_concurrent_with_args

from eventstore_cassandra.datastore import LOOK_READ, SERIAL_READ, CassandraDatastore
from eventstore_cassandra.errors import library_errors
from eventstore_cassandra.notification_log.intents import Intent, Look

CONCURRENT = 64
"""Looks in flight from one reader."""

# One read shows both the row and the static column: without a row at the version itself, the one
# before it carries the static column along.
_LOOK = (
    "SELECT version, append_id, current_version FROM {keyspace}.events"
    " WHERE id = ? AND version <= ? ORDER BY version DESC LIMIT 1"
)


class Looks:
    """Reads one row for each intent, several at a time. Share it between threads."""

    def __init__(self, datastore: CassandraDatastore) -> None:
        self._datastore = datastore
        self._look = datastore.prepare(_LOOK)

    def __call__(self, intents: Sequence[Intent], *, serial: bool) -> list[Look]:
        """Return what stands at the first version of each intent's append.

        :raises OperationalError: when the store cannot be reached.
        """
        arguments = [[intent.aggregate_id, intent.first_version] for intent in intents]
        with library_errors("Cannot read the outcome of appends"):
            results = execute_concurrent_with_args(
                self._datastore.session,
                self._look,
                arguments,
                concurrency=CONCURRENT,
                execution_profile=SERIAL_READ if serial else LOOK_READ,
            )
        return [
            _seen(intent, result.result_or_exc.one())
            for intent, result in zip(intents, results, strict=True)
        ]


def _seen(intent: Intent, row: dict[str, Any] | None) -> Look:
    if row is None:
        return Look(None, None)
    is_at_version = row["version"] == intent.first_version
    return Look(row["append_id"] if is_at_version else None, row["current_version"])
