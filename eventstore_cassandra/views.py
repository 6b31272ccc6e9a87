"""Materialised views that process each event exactly once.

Theory of operation
===================
A projection reads on from the last notification that its view has recorded. If a view's rows and
its tracking were written one after the other, a crash in between would leave an event processed and
not tracked, or tracked and not processed. Cassandra writes in one step what is in one partition. So
the rows of such a view share a partition with its tracking, which is in two static columns:

- ``positions``: for each projection and upstream application, the largest notification id that was
  processed;
- ``revision``: the name of the last write, and the optimistic lock of the partition.

A write is one conditional batch: the user's rows, the new position and a new revision, *if the
revision is still the one that was there before the user's rows were read*. Hence:

1. What was read is what is changed. Of two writers, one is refused, and reads again. That is what
   makes it safe to read a number and write it back incremented; Cassandra's own counters cannot be
   in a conditional batch.
2. A revision never comes back. A batch whose answer was lost is sent again as it was or, where the
   revision has meanwhile become its own name, is known to be applied.
3. A notification at or below the position is refused before anything is written.

A recorder remembers the lock that it saw last. With one writer that is the one that its own last
write left, so that an event costs one conditional batch. A memory that is out of date is refused by
the condition.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar
from uuid import UUID, uuid4

from cassandra.query import BatchStatement, BoundStatement
from eventsourcing.persistence import DataError, Tracking

from eventstore_cassandra.datastore import CassandraDatastore, quoted
from eventstore_cassandra.errors import (
    DRIVER_ERRORS,
    UNFIT_VALUES,
    StoreUnreachableError,
    library_errors,
)
from eventstore_cassandra.keys import check_key
from eventstore_cassandra.profiles import APPEND, LOOK_READ, SCHEMA, SERIAL_READ
from eventstore_cassandra.tracking import (
    CassandraTrackingRecorder,
    Tries,
    already_processed,
    check_notification_id,
)
from eventstore_cassandra.view_statements import checked, own_condition

_CREATE_TABLE = (
    "CREATE TABLE IF NOT EXISTS {table} (view_name text, revision uuid STATIC,"
    " positions map<text, bigint> STATIC, {columns}, PRIMARY KEY (view_name, {key}))"
)
_READ_LOCK = "SELECT revision, positions FROM {table} WHERE view_name = ? LIMIT 1"
_COLUMNS = "SELECT table_name, column_name, kind FROM system_schema.columns WHERE keyspace_name = ?"
_TAKE_LOCK = "UPDATE {table} SET revision = ?, positions[?] = ? WHERE view_name = ? IF revision = ?"
_FORGET = "DELETE positions[?] FROM {table} WHERE view_name = ?"


@dataclass(frozen=True)
class _Lock:
    revision: UUID | None = None
    positions: Mapping[str, int] = field(default_factory=dict)


class CassandraViewRecorder(CassandraTrackingRecorder):
    """A materialised view in one partition. Share it between threads.

    A subclass names its table, the columns of its rows and those of their key. All its rows are in
    the partition ``view_name``, which should stay below some 100 MB; each part of a row's key may
    have 4,096 bytes. A view that grows with the
    number of aggregates belongs in many partitions (see :class:`CassandraTrackingRecorder`).

    To build a view anew, give it another ``view_name`` and run it beside the old one: a partition
    that is written by conditional batches must not be deleted and written again in other ways.
    """

    table: ClassVar[str]
    """Name of the table, in the keyspace of the settings."""
    columns: ClassVar[str]
    """Definitions of the rows' columns, those of the key included, as in CREATE TABLE."""
    key: ClassVar[str]
    """The columns that tell rows apart, separated by commas."""

    def __init__(self, datastore: CassandraDatastore) -> None:
        super().__init__(datastore)
        self._last_seen: _Lock | None = None

    @property
    def view_name(self) -> str:
        """The partition, which tells the views in a table apart: the table's name."""
        return self.table

    def create_table(self) -> None:
        """Create the table if it is not there; run it from one process, before anything else."""
        query = _CREATE_TABLE.format(table=self._table, columns=self.columns, key=self.key)
        with library_errors(f"Cannot create table {self.table}"):
            self.datastore.execute(query, SCHEMA)

    def statement(self, query: str, values: Sequence[object]) -> BoundStatement:
        """Return a statement with its values; ``{table}`` in the query is filled in.

        :raises DataError: for values that the columns cannot hold.
        """
        try:
            return self.datastore.prepare(query.replace("{table}", self._table)).bind(values)
        except UNFIT_VALUES as e:
            raise DataError(
                f"Expected values for {query!r} that are of its columns' types: {e}. Nothing was "
                "sent."
            ) from e

    def select(self, query: str, values: Sequence[object]) -> list[dict[str, Any]]:
        """Return the rows, as dictionaries, of a query in which ``{table}`` is filled in.

        :raises OperationalError: when the store cannot be reached.
        """
        bound = self.statement(query, values)
        with library_errors(f"Cannot read table {self.table}"):
            return list(self.datastore.execute(bound, LOOK_READ))

    def write(self, tracking: Tracking, change: Callable[[], Iterable[BoundStatement]]) -> None:
        """Process a notification: write rows and its tracking, all or nothing, exactly once.

        :param change: reads what it needs with :meth:`select` and returns the statements that
            write rows of the partition. It is called again when somebody else wrote in between,
            so it should have no other effect. What it reads must be up to date: leave
            CASSANDRA_APPEND_CONSISTENCY and CASSANDRA_READ_CONSISTENCY at a quorum.
        :raises IntegrityError: when the notification is processed already.
        :raises ProgrammingError: for statements that are not of this partition, or have conditions.
        :raises DataError: for values that cannot be keys, or that columns cannot hold, or too much
            of them.
        :raises OperationalError: when the store cannot be reached, or does not answer.
        """
        check_key("the name of an application", tracking.application_name)
        check_notification_id(tracking)
        key, position = self._position_key(tracking.application_name), tracking.notification_id
        name = uuid4()
        tries = self._tries(tracking)
        lock = self._last_seen
        while True:
            try:
                if lock is None or key not in lock.positions:
                    lock = self._lock_continued(tracking.application_name)
                if lock.revision == name:
                    return
                present = lock.positions.get(key)
                if present is not None and present >= position:
                    raise already_processed(tracking, present)
                values = [name, key, position, self.view_name, lock.revision]
                batch = BatchStatement()
                batch.add(self.statement(_TAKE_LOCK, values))
                statements = self._checked(change())
                for statement in statements:
                    batch.add(statement)
                if self.datastore.execute(batch, APPEND).one()["[applied]"]:
                    self._last_seen = _Lock(name, {**lock.positions, key: position})
                    return
                before, lock = lock, self._read_lock()
                if lock.revision == before.revision:
                    raise own_condition(statements)
            except (*DRIVER_ERRORS, StoreUnreachableError) as e:
                tries.pause_or_raise(e)
                lock = None

    def insert_tracking(self, tracking: Tracking) -> None:
        """Process a notification that changes no row; the errors are those of :meth:`write`."""
        self.write(tracking, list)

    def max_tracking_id(self, application_name: str) -> int | None:
        """Return the largest notification id processed of the application, None before the first.

        :raises OperationalError: when the store cannot be reached.
        """
        lock = self._lock_continued(application_name)
        return lock.positions.get(self._position_key(application_name))

    def _checked(self, change: Iterable[BoundStatement]) -> Sequence[BoundStatement]:
        return checked(
            change,
            columns=self._columns,
            max_bytes=self.datastore.settings.max_append_bytes,
        )

    def _position_key(self, application_name: str) -> str:
        projection = self.projection_name.lower()
        return f"{projection}/{application_name}" if projection else application_name

    def _lock_continued(self, application_name: str) -> _Lock:
        """Return the lock after a position of before is moved under this projection's name.

        Positions had the application's name alone. The first projection that asks goes on from
        there, in one step with the removal, so that no other does.
        """
        key = self._position_key(application_name)
        tries: Tries | None = None
        while True:
            lock = self._read_lock()
            position = lock.positions.get(application_name)
            if position is None or key in lock.positions:
                return lock
            values = [uuid4(), key, position, self.view_name, lock.revision]
            batch = BatchStatement()
            batch.add(self.statement(_TAKE_LOCK, values))
            batch.add(self.statement(_FORGET, [application_name, self.view_name]))
            try:
                self.datastore.execute(batch, APPEND)
            except DRIVER_ERRORS as e:
                tracking = Tracking(application_name, position)
                tries = tries or self._tries(tracking)
                tries.pause_or_raise(e)

    def _read_lock(self) -> _Lock:
        check_key("the name of a view", self.view_name)
        bound = self.statement(_READ_LOCK, [self.view_name])
        with library_errors(f"Cannot read the tracking in table {self.table}"):
            row = self.datastore.execute(bound, SERIAL_READ).one()
        lock = _Lock(row["revision"], dict(row["positions"] or {})) if row else _Lock()
        self._last_seen = lock
        return lock

    @cached_property
    def _columns(self) -> Mapping[str, str]:
        """The table's columns, by the names that the driver tells, and what kind they are."""
        bound = self.datastore.prepare(_COLUMNS).bind([self.datastore.settings.keyspace])
        with library_errors(f"Cannot read the columns of table {self.table}"):
            rows = list(self.datastore.execute(bound, LOOK_READ))
        table = quoted(self.table)[1:-1].replace('""', '"')
        return {row["column_name"]: row["kind"] for row in rows if row["table_name"] == table}

    @property
    def _table(self) -> str:
        return self.datastore.in_keyspace(f"{{keyspace}}.{quoted(self.table)}")
