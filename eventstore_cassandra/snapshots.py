"""The recorder of snapshots: one row for each snapshot, in a partition of the aggregate.

Rows are inserted only where there are none, as the library expects of a recorder. After an
uncertain outcome the insert is tried again; when it is then refused, rows that hold just what was
to be written are one's own (or a twin's, which is as good).

A snapshot is derived, and must never win over the events. So its row carries the name of the append
that wrote the event at its version. Events that were restored from a backup end before it, or have
gone on differently: then there is no such event, or one of another append. An event of another
program has no name, and neither has its snapshot; a snapshot of before there were names has none
either. A snapshot of no event has a name that no append has. What is made of this when an aggregate
is loaded is told in ``snapshot_store.py``.

While a snapshot is written, its aggregate may be erased. An eraser sets its tombstone first, and
then deletes the snapshots that it finds; whoever writes one looks for the tombstone afterwards, and
takes it back. So one of the two comes second, and deletes it. (An insert whose answer was lost, and
which arrives after all that, stays. ``verify`` finds it, and erasing again deletes it.)
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from cassandra.query import BatchStatement
from eventsourcing.persistence import (
    AggregateRecorder,
    IntegrityError,
    ProgrammingError,
    StoredEvent,
)

from eventstore_cassandra.append import AggregateId, Append
from eventstore_cassandra.datastore import CassandraDatastore
from eventstore_cassandra.errors import DRIVER_ERRORS, is_certain, library_error, library_errors
from eventstore_cassandra.profiles import APPEND, LOOK_READ, SERIAL_READ
from eventstore_cassandra.repeatable import write_repeatedly
from eventstore_cassandra.shared_settings import claimed_schema
from eventstore_cassandra.stream import Streams, to_columns

_INSERT = (
    "INSERT INTO {keyspace}.snapshots (id, version, topic, payload, payload_bytes, append_id)"
    " VALUES (?, ?, ?, ?, ?, ?) IF NOT EXISTS"
)
DELETE = "DELETE FROM {keyspace}.snapshots WHERE id = ? AND version = ? IF EXISTS"
"""As conditional as the insert: a plain write could be overtaken by what Paxos has under way."""
_ORIGIN = "SELECT append_id, erased FROM {keyspace}.events WHERE id = ? AND version = ?"
_ERASED = "SELECT erased FROM {keyspace}.events WHERE id = ? LIMIT 1"
_OF_NO_EVENT = UUID(int=0)
_IS_ERASED = "it is erased, and nothing of it shall be kept."
_EVENTS = "The aggregate's events are not concerned: those that were saved before are saved."


@dataclass(frozen=True)
class _Origin:
    """The event at a snapshot's version."""

    append_id: UUID | None
    erased: bool


class CassandraSnapshotRecorder(AggregateRecorder):
    """Writes and reads snapshots. Share it between threads.

    :raises ProgrammingError: when the tables are missing, older or newer than this program.
    """

    def __init__(self, datastore: CassandraDatastore) -> None:
        self.datastore = datastore
        self._id_type = claimed_schema(datastore).id_type
        self._streams = Streams(datastore, table="snapshots", kind="topic", topic_of=str)
        self._insert = datastore.prepare(_INSERT)
        self._delete = datastore.prepare(DELETE)
        self._origin = datastore.prepare(_ORIGIN)
        self._erased = datastore.prepare(_ERASED)

    def insert_events(
        self, stored_events: Sequence[StoredEvent], **kwargs: Any
    ) -> Sequence[int] | None:
        """Write snapshots of one aggregate, all of them or none; returns None.

        :raises IntegrityError: when there is a snapshot of one of the versions already.
        :raises ProgrammingError: when the aggregate is erased.
        :raises OperationalError: when the store cannot be reached, or does not answer.
        """
        if not stored_events:
            return None
        settings = self.datastore.settings
        append = Append.of(
            stored_events, id_type=self._id_type, max_bytes=settings.max_append_bytes
        )
        doing = f"Cannot write a snapshot of aggregate {append.aggregate_id}"
        if self._is_erased(append.aggregate_id, doing):
            raise ProgrammingError(f"{doing}: {_IS_ERASED}")
        batch = self._batch(append, doing)
        tries = 0
        may_be_written = False
        while True:
            tries += 1
            try:
                row = self.datastore.execute(batch, APPEND).one()
            except DRIVER_ERRORS as e:
                may_be_written = may_be_written or not is_certain(e)
                if not is_certain(e) and tries < settings.append_attempts:
                    continue
                if may_be_written:
                    self._take_back_if_erased(append, doing)
                raise library_error(e, doing, outcome=_EVENTS) from e
            if row["[applied]"] or (tries > 1 and self._is_written(append)):
                self._take_back_if_erased(append, doing)
                return None
            raise IntegrityError(
                f"{doing}: expected no snapshot of version {append.first_version} to "
                f"{append.last_version}, found one, and left it. {_EVENTS}"
            )

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """Return the aggregate's snapshots above ``gt``, up to ``lte``, in order or reversed.

        All of them are returned, those too that the events have nothing to do with (any more).
        """
        return self._streams.select(originator_id, gt=gt, lte=lte, desc=desc, limit=limit)

    def select_with_doubts(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Iterator[tuple[StoredEvent, str | None]]:
        """Yield snapshots, each with what speaks against it: None if it is of the present events.

        The event at its version is read when a snapshot is asked for, a row each.

        :raises OperationalError: when the store cannot be reached.
        """
        for row in self._streams.select_rows(originator_id, gt=gt, lte=lte, desc=desc, limit=limit):
            origin = self._read_origin(originator_id, row.event.originator_version)
            yield row.event, _doubt(row.append_id, origin)

    def _read_origin(
        self, aggregate_id: AggregateId, version: int, profile: str = LOOK_READ
    ) -> _Origin | None:
        # The usual consistency will do: a state was taken from events that a quorum has.
        bound = self._origin.bind([aggregate_id, version])
        with library_errors(f"Cannot read version {version} of aggregate {aggregate_id}"):
            row = self.datastore.execute(bound, profile).one()
        return _Origin(row["append_id"], row["erased"] is not None) if row else None

    def _is_erased(self, aggregate_id: AggregateId, doing: str) -> bool:
        try:
            row = self.datastore.execute(self._erased.bind([aggregate_id]), SERIAL_READ).one()
        except DRIVER_ERRORS as e:
            raise library_error(e, doing, outcome=_EVENTS) from e
        return row is not None and row["erased"] is not None

    def _take_back_if_erased(self, append: Append, doing: str) -> None:
        """Delete what was written, or may be, if an eraser may have been past it.

        :raises ProgrammingError: if so.
        """
        if not self._is_erased(append.aggregate_id, doing):
            return
        for snapshot in append.events:
            key = [append.aggregate_id, snapshot.originator_version]
            write_repeatedly(self.datastore, self._delete.bind(key), doing)
        raise ProgrammingError(f"{doing}: {_IS_ERASED}")

    def _batch(self, append: Append, doing: str) -> BatchStatement:
        batch = BatchStatement()
        for snapshot in append.events:
            version = snapshot.originator_version
            origin = self._read_origin(append.aggregate_id, version)
            if origin is None:  # it is said for good
                origin = self._read_origin(append.aggregate_id, version, SERIAL_READ)
            batch.add(
                self._insert,
                [
                    append.aggregate_id,
                    version,
                    snapshot.topic,
                    *to_columns(snapshot.state),
                    origin.append_id if origin else _OF_NO_EVENT,
                ],
            )
        return batch

    def _is_written(self, append: Append) -> bool:
        present = self.select_events(
            append.aggregate_id, gt=append.first_version - 1, lte=append.last_version
        )
        return list(present) == list(append.events)


def _doubt(append_id: UUID | None, origin: _Origin | None) -> str | None:
    if origin is None:
        return "there is no event of that version"
    if origin.erased:
        return "the aggregate is erased"
    if append_id not in (None, origin.append_id):
        return "the event of that version is of another append than the snapshot"
    return None
