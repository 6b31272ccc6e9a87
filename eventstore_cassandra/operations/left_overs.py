"""Looking for what erased aggregates still have of their contents.

An eraser that was cut short leaves something, as may a writer that died after it had been refused,
a snapshot that was made before and written after, or a view that lost an update. All is read anew
here, since an eraser may have been at work when the inventory was made.
"""

from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from eventstore_cassandra.datastore import CassandraDatastore
from eventstore_cassandra.erased import ERASED_TOPIC
from eventstore_cassandra.errors import library_errors
from eventstore_cassandra.event_types import EventTypes
from eventstore_cassandra.notification_log.blanking import Blanking
from eventstore_cassandra.operations.inventory import Inventory, from_key
from eventstore_cassandra.operations.progress import Progress
from eventstore_cassandra.operations.remains import Remains
from eventstore_cassandra.profiles import LOOK_READ

CONCURRENT = 16
"""Aggregates that are looked at at the same time."""

_VIEW = (
    "SELECT version FROM {keyspace}.events_by_type"
    " WHERE type = ? AND savetime = ? AND version = ? AND id = ?"
)


@dataclass(frozen=True)
class _Places:
    """Where an inventory has seen something of an erased aggregate."""

    key: bytes | str
    in_view: Sequence[tuple[int, int, int]]
    """Type, save time and version of the rows that were not blanked."""
    in_log: Sequence[tuple[int, int, int]]
    """Bucket and row of each append, and the version of its first event."""


class LeftOvers:
    """Adds what it finds to an inventory of the truth, the type view and the log."""

    def __init__(
        self, datastore: CassandraDatastore, event_types: EventTypes, inventory: Inventory
    ) -> None:
        self._datastore = datastore
        self._event_types = event_types
        self._inventory = inventory
        self._remains = Remains(datastore, event_types)
        self._blanking = Blanking(datastore, event_types)
        self._view = datastore.prepare(_VIEW)

    def find(self) -> Generator[Progress, None, None]:
        """Look at all erased aggregates.

        :raises OperationalError: when the store cannot be reached.
        """
        total = self._inventory.count("erased")
        done = 0
        with ThreadPoolExecutor(CONCURRENT) as pool:
            for chunk in self._inventory.chunks("SELECT id FROM erased"):
                places = [self._places(key) for (key,) in chunk]
                for place, versions in zip(places, pool.map(self._look, places), strict=True):
                    self._inventory.database.executemany(
                        "INSERT INTO left_over VALUES (?, ?)",
                        ((place.key, version) for version in versions),
                    )
                done += len(chunk)
                yield Progress("Looking at erased aggregates", done, total)

    def _places(self, key: bytes | str) -> _Places:
        query = self._inventory.database.execute
        erased_type = self._event_types.known_type_of(ERASED_TOPIC)
        return _Places(
            key,
            query(
                "SELECT type, savetime, version FROM type_view WHERE id = ? AND type IS NOT ?",
                (key, erased_type),
            ).fetchall(),
            query(
                "SELECT DISTINCT bucket, row, first_version FROM log WHERE id = ?", (key,)
            ).fetchall(),
        )

    def _look(self, places: _Places) -> set[int]:
        """Return the versions of which some contents were found."""
        aggregate_id = from_key(places.key)
        versions = {row["version"] for row in self._remains.events(aggregate_id)}
        versions.update(self._remains.snapshots(aggregate_id))
        for type_, savetime, version in places.in_view:
            with library_errors("Cannot read the type view"):
                bound = self._view.bind([type_, savetime, version, aggregate_id])
                versions.update(row["version"] for row in self._datastore.execute(bound, LOOK_READ))
        for bucket, row, first_version in places.in_log:
            if self._blanking.contents(bucket, row, aggregate_id):
                versions.add(first_version)
        return versions
