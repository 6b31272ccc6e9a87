"""The recorder of snapshots: one row for each snapshot, in a partition of the aggregate.

Rows are inserted only where there are none, as the library expects of a recorder. After an
uncertain outcome the insert is tried again; when it is then refused, rows that hold just what was
to be written are one's own (or a twin's, which is as good).
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from cassandra.query import BatchStatement
from eventsourcing.persistence import AggregateRecorder, IntegrityError, StoredEvent

from eventstore_cassandra.append import Append
from eventstore_cassandra.datastore import APPEND, CassandraDatastore
from eventstore_cassandra.errors import DRIVER_ERRORS, is_certain, library_error
from eventstore_cassandra.schema_version import checked_schema
from eventstore_cassandra.stream import Streams, to_columns

_INSERT = (
    "INSERT INTO {keyspace}.snapshots (id, version, topic, payload, payload_bytes)"
    " VALUES (?, ?, ?, ?, ?) IF NOT EXISTS"
)
_EVENTS = "The aggregate's events are not concerned: those that were saved before are saved."


class CassandraSnapshotRecorder(AggregateRecorder):
    """Writes and reads snapshots. Share it between threads.

    :raises ProgrammingError: when the tables are missing, older or newer than this program.
    """

    def __init__(self, datastore: CassandraDatastore) -> None:
        self.datastore = datastore
        self._id_type = checked_schema(datastore).id_type
        self._streams = Streams(datastore, table="snapshots", kind="topic", topic_of=str)
        self._insert = datastore.prepare(_INSERT)

    def insert_events(
        self, stored_events: Sequence[StoredEvent], **kwargs: Any
    ) -> Sequence[int] | None:
        """Write snapshots of one aggregate, all of them or none; returns None.

        :raises IntegrityError: when there is a snapshot of one of the versions already.
        :raises OperationalError: when the store cannot be reached, or does not answer.
        """
        if not stored_events:
            return None
        settings = self.datastore.settings
        append = Append.of(
            stored_events, id_type=self._id_type, max_bytes=settings.max_append_bytes
        )
        doing = f"Cannot write a snapshot of aggregate {append.aggregate_id}"
        tries = 0
        while True:
            tries += 1
            try:
                row = self.datastore.execute(self._batch(append), APPEND).one()
            except DRIVER_ERRORS as e:
                if is_certain(e) or tries == settings.append_attempts:
                    raise library_error(e, doing, outcome=_EVENTS) from e
                continue
            if row["[applied]"] or (tries > 1 and self._is_written(append)):
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
        """Return the aggregate's snapshots above ``gt``, up to ``lte``, in order or reversed."""
        return self._streams.select(originator_id, gt=gt, lte=lte, desc=desc, limit=limit)

    def _batch(self, append: Append) -> BatchStatement:
        batch = BatchStatement()
        for snapshot in append.events:
            batch.add(
                self._insert,
                [
                    append.aggregate_id,
                    snapshot.originator_version,
                    snapshot.topic,
                    *to_columns(snapshot.state),
                ],
            )
        return batch

    def _is_written(self, append: Append) -> bool:
        present = self.select_events(
            append.aggregate_id, gt=append.first_version - 1, lte=append.last_version
        )
        return list(present) == list(append.events)
