"""What stands in the store, copied without states into a temporary database on disk.

A store may have more events than fit into memory, and its tables are ordered in three ways. So they
are read once each, and SQLite compares them; the file is gone when the inventory is closed.
"""

import sqlite3
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from importlib.resources import files
from itertools import groupby
from operator import itemgetter
from typing import Any
from uuid import UUID

from eventstore_cassandra.append import AggregateId, Append
from eventstore_cassandra.datastore import CassandraDatastore
from eventstore_cassandra.event_types import EventTypes
from eventstore_cassandra.notification_log.reserve_steps import Place
from eventstore_cassandra.operations.progress import Progress
from eventstore_cassandra.operations.scan import (
    RANGES,
    LogScan,
    Row,
    Stretch,
    truth_ranges,
    view_ranges,
)

CHUNK = 1_000


class Inventory:
    """The copies; what they show is told by the views of ``inventory.sql``."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self.database = database
        database.executescript(
            files(__package__).joinpath("inventory.sql").read_text(encoding="utf-8")
        )

    def read_truth(self, datastore: CassandraDatastore) -> Generator[Progress, None, None]:
        """Copy the aggregates' partitions.

        What is compared with them must be read after them: an event is in the log before it is in
        its aggregate, so that events which are younger than this copy are not found missing.
        """
        for done, rows in enumerate(truth_ranges(datastore), 1):
            for id_, partition in groupby(rows, itemgetter("id")):
                self._add_aggregate(id_, partition)
            yield Progress("Reading the aggregates", done, RANGES)

    def read_view(self, datastore: CassandraDatastore) -> Generator[Progress, None, None]:
        """Copy the type view."""
        for done, rows in enumerate(view_ranges(datastore), 1):
            self.database.executemany(
                "INSERT INTO type_view VALUES (?, ?, ?, ?)",
                ((to_key(r["id"]), r["version"], r["savetime"], r["type"]) for r in rows),
            )
            yield Progress("Reading the type view", done, RANGES)

    def look_up_types(self, event_types: EventTypes) -> list[int]:
        """Look in the registry for the types of the events; note, and return, what it lacks."""
        found = self.database.execute("SELECT DISTINCT type FROM truth WHERE type IS NOT NULL")
        lacks = [type_ for (type_,) in found if event_types.known_topic_of(type_) is None]
        self.database.executemany(
            "INSERT INTO unregistered VALUES (?)", ((type_,) for type_ in lacks)
        )
        return lacks

    def read_log(self, log: LogScan, end: Place | None = None) -> Generator[Progress, None, None]:
        """Copy what the scan has not read yet, up to this end of the log, or the present one."""
        for stretch in log.proceed(end):
            self.add_log(stretch)
            yield Progress("Reading the notification log", stretch.up_to, log.end.first - 1)

    def add_log(self, stretch: Stretch) -> None:
        """Copy rows of the log."""
        self.database.executemany(
            "INSERT INTO log VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (
                    each.first + n,
                    to_key(each.aggregate_id),
                    each.first_version + n,
                    each.first_version,
                    each.append_id.bytes,
                    each.committed,
                    each.bucket,
                    each.row,
                )
                for each in stretch.appends
                for n in range(each.size)
            ),
        )
        self.database.execute("INSERT INTO log_read VALUES (?)", (stretch.up_to,))

    def is_logged(self, append: Append) -> bool:
        """Tell whether the log has any of the append's events, by intents not marked as aborted."""
        query = (
            "SELECT 1 FROM log WHERE id = ? AND version BETWEEN ? AND ? AND append_id = ?"
            " AND committed IS NOT 0 LIMIT 1"
        )
        versions = (append.first_version, append.last_version)
        key = (to_key(append.aggregate_id), *versions, append.append_id.bytes)
        return self.database.execute(query, key).fetchone() is not None

    def count(self, table: str, what: str = "count(*)") -> int:
        """Return a number that is made of all rows of a table or view."""
        found: int | None = self.database.execute(f"SELECT {what} FROM {table}").fetchone()[0]
        return found or 0

    def chunks(self, query: str) -> Iterator[list[tuple[Any, ...]]]:
        """Yield what a query gives, a thousand rows at a time; tables may be changed meanwhile."""
        self.database.execute("DROP TABLE IF EXISTS chosen")
        self.database.execute(f"CREATE TEMP TABLE chosen AS {query}")
        cursor = self.database.execute("SELECT * FROM chosen ORDER BY rowid")
        while chunk := cursor.fetchmany(CHUNK):
            yield chunk

    def _add_aggregate(self, id_: AggregateId, partition: Iterable[Row]) -> None:
        current: int | None = None
        is_erased = False
        last: int | None = None
        follow_on = True
        barred: dict[UUID, str] = {}
        for row, moment in _with_moments(partition):
            current = row["current_version"]
            barred = row["barred"] or {}
            is_erased = row["erased"] is not None
            version = row["version"]
            if version is None:
                continue
            follow_on = follow_on and (version in (0, 1) if last is None else version == last + 1)
            last = version
            self.database.execute(
                "INSERT INTO truth VALUES (?, ?, ?, ?, ?, ?)",
                (
                    to_key(id_),
                    version,
                    row["savetime"],
                    row["type"],
                    row["append_id"].bytes if row["append_id"] else None,
                    moment,
                ),
            )
        self.database.executemany(
            "INSERT INTO barred VALUES (?)", ((name.bytes,) for name in barred)
        )
        if current is not None or last is not None:
            self.database.execute(
                "INSERT INTO aggregate VALUES (?, ?, ?, ?, ?)",
                (to_key(id_), current, last, follow_on, is_erased),
            )


def to_key(aggregate_id: AggregateId) -> bytes | str:
    """Return an id as it stands in the inventory."""
    return aggregate_id.bytes if isinstance(aggregate_id, UUID) else aggregate_id


def from_key(key: bytes | str) -> AggregateId:
    """Return the id that stands in the inventory as this key."""
    return UUID(bytes=key) if isinstance(key, bytes) else key


@contextmanager
def open_inventory() -> Iterator[Inventory]:
    """Open an empty inventory, whose file is in the system's folder for temporary files."""
    with closing(sqlite3.connect("")) as database:
        yield Inventory(database)


def _with_moments(partition: Iterable[Row]) -> Iterator[tuple[Row, int]]:
    moment = -(2**63)
    name: UUID | None = None
    for row in partition:
        if row["version"] is not None and (row["append_id"] is None or row["append_id"] != name):
            moment = max(moment, row["savetime"])
        name = row["append_id"]
        yield row, moment
