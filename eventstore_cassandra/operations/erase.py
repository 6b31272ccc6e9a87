"""Erasing an aggregate: its contents go, its places stay, and nothing brings the contents back.

Theory of operation
===================
Rows that are deleted come back: the next reader of the log decides an append that it finds without
an outcome, by writing its events. And positions and versions that vanish look like losses. So an
erasure deletes no event. It first makes the aggregate one that can never change again, and then
takes out, one after the other, whatever is told of it.

1. *The tombstone* is one conditional write on the aggregate's partition, ``IF erased = null``. It
   sets ``erased``, which hides the aggregate from everybody who loads it, and ``current_version``,
   to :data:`~eventstore_cassandra.append.ERASED_AT`, the largest there is. An append expects
   another version, so that none is applied from then on, ours or another program's. All that are
   under way come to an end by the usual rules: applied before, they find their own rows; else they
   are overtaken, and aborted for good. The write needs no version to expect, so that it cannot lose
   to appends over and over.
2. *Elsewhere*: whoever erases is called with the events, since only they tell where read models
   have shown them. It is done with before the first event is blanked, so that a crash in between
   leaves the events to tell it again.
3. *Events* are blanked in their rows: the type of :class:`~eventstore_cassandra.erased.Erased`, and
   no state. ``append_id`` and version stay, so that the outcomes that the log tells stay true and
   an append whose answer was lost recognises itself. The type view follows by itself.
4. *Snapshots* are deleted, each by a conditional write, as they are written.
5. *The log* is read from its beginning to its end, and the aggregate's events in it are blanked,
   whatever became of their appends. Then groups of appends that have something of the aggregate are
   taken out of the lobbies (``notification_log/combine_steps.py``), where they may wait, or still
   stand after they were served. A writer who knew the aggregate from before may reserve a position
   even now: so the log is read on, until an end is found with nothing of the aggregate before it,
   and a serial read behind it shows that no reservation was under way. One who comes later still is
   refused, and takes back what it has announced and reserved itself (``notification_log/log.py``).
   What is left in the log when it dies before that, ``verify`` finds, and erasing again takes it;
   what is left in a lobby vanishes by itself, after ten minutes.

Each step looks for what has contents and may be taken again, so that an erasure that was cut short
is completed by running it again, and two at once do no harm. All writes are conditional, as all
writes to these partitions: a plain one could be overtaken by what Paxos has under way. (But for
those to lobbies, in whose places nobody writes by conditions.)
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cassandra.query import BatchStatement
from eventsourcing.persistence import OperationalError, StoredEvent

from eventstore_cassandra.append import ERASED_AT, AggregateId
from eventstore_cassandra.datastore import CassandraDatastore
from eventstore_cassandra.erased import ERASED_STATE, ERASED_TOPIC
from eventstore_cassandra.errors import library_errors
from eventstore_cassandra.event_types import EventTypes
from eventstore_cassandra.notification_log.blanking import Blanking
from eventstore_cassandra.operations.lobbies import Lobbies
from eventstore_cassandra.operations.progress import Progress
from eventstore_cassandra.operations.remains import Remains
from eventstore_cassandra.operations.scan import LogScan, Row
from eventstore_cassandra.repeatable import write_repeatedly
from eventstore_cassandra.schema_version import checked_schema
from eventstore_cassandra.snapshots import DELETE
from eventstore_cassandra.stream import to_state

MAX_ROWS = 100
"""Events that are blanked in one batch; each of them updates the type view, too."""

_TOMBSTONE = (
    "UPDATE {keyspace}.events SET current_version = ?, erased = ? WHERE id = ? IF erased = null"
)
_STILL_ERASED = "UPDATE {keyspace}.events SET erased = ? WHERE id = ? IF current_version = ?"
_BLANK = (
    "UPDATE {keyspace}.events SET type = ?, payload = ?, payload_bytes = null"
    " WHERE id = ? AND version = ? AND savetime = ?"
)

Elsewhere = Callable[[Sequence[StoredEvent]], None]
"""Erases what was made of these events outside of the store; may be called again, and with less."""


@dataclass(frozen=True)
class Erasure:
    """What had contents of an aggregate, and has none any more if it was to be erased."""

    is_known: bool
    """Whether there was anything of the aggregate; nothing is written where there was not."""
    erased: datetime | None
    """Since when it is erased (UTC); None where it is not."""
    events: int = 0
    logged: int = 0
    """Events in the log, those of appends that came to nothing included."""
    snapshots: int = 0


def erase(
    datastore: CassandraDatastore,
    aggregate_id: AggregateId,
    *,
    write: bool,
    elsewhere: Elsewhere = lambda _events: None,
) -> Generator[Progress, None, Erasure]:
    """Erase an aggregate; only count what would be erased unless ``write``.

    It may be stopped at any time and run again, beside live readers and writers.

    :param elsewhere: is called with the events that are not blanked yet, those of types that the
        registry does not have left out.
    :raises ProgrammingError: when the tables are not those that this program needs, or the id
        is not of their type.
    :raises OperationalError: when the store cannot be reached. Run it again then.
    """
    checked_schema(datastore)
    eraser = _Eraser(datastore, aggregate_id)
    head = eraser.remains.head(aggregate_id)
    if not write or not head.exists:
        found = yield from eraser.count()
        if not write or not found.is_known:
            return found
    erased = eraser.set_tombstone()
    yield Progress("Setting the tombstone", 1, 1)
    events = eraser.remains.events(aggregate_id)
    elsewhere(eraser.stored(events))
    yield from eraser.blank(events, erased)
    snapshots = yield from eraser.delete_snapshots()
    logged = yield from eraser.blank_log()
    return Erasure(
        is_known=True, erased=erased, events=len(events), logged=logged, snapshots=snapshots
    )


class _Eraser:
    def __init__(self, datastore: CassandraDatastore, aggregate_id: AggregateId) -> None:
        self._event_types = EventTypes(datastore, attempts=datastore.settings.append_attempts)
        self.remains = Remains(datastore, self._event_types)
        self._datastore = datastore
        self._id = aggregate_id
        self._doing = f"Cannot erase aggregate {aggregate_id}"
        self._blanking = Blanking(datastore, self._event_types)

    def count(self) -> Generator[Progress, None, Erasure]:
        head = self.remains.head(self._id)
        events = len(self.remains.events(self._id))
        snapshots = len(self.remains.snapshots(self._id))
        yield Progress("Reading the aggregate", 1, 1)
        log = LogScan(self._datastore, self._event_types)
        rows, logged = yield from self._pass_log(log, self._blanking.contents)
        announced = yield from Lobbies(self._datastore, log).count(self._id)
        is_known = head.exists or bool(snapshots or rows or announced)
        return Erasure(
            is_known=is_known,
            erased=head.erased,
            events=events,
            logged=logged,
            snapshots=snapshots,
        )

    def set_tombstone(self) -> datetime:
        """Return since when the aggregate is erased, which may be earlier than now."""
        statement = self._datastore.prepare(_TOMBSTONE)
        values = [ERASED_AT, datetime.now(UTC), self._id]
        write_repeatedly(self._datastore, statement.bind(values), self._doing)
        erased = self.remains.head(self._id).erased
        if erased is None:
            raise OperationalError(
                f"{self._doing}: expected its tombstone after it was written, found none. "
                "Run the command again."
            )
        return erased

    def stored(self, rows: Sequence[Row]) -> Sequence[StoredEvent]:
        return [
            StoredEvent(
                originator_id=self._id,
                originator_version=row["version"],
                topic=topic,
                state=to_state(row["payload"], row["payload_bytes"]),
            )
            for row in rows
            if row["type"] is not None and (topic := self._event_types.known_topic_of(row["type"]))
        ]

    def blank(self, rows: Sequence[Row], erased: datetime) -> Generator[Progress, None, None]:
        still_erased = self._datastore.prepare(_STILL_ERASED)
        blank = self._datastore.prepare(_BLANK)
        erased_type = self._event_types.type_of(ERASED_TOPIC)
        for done in range(0, len(rows), MAX_ROWS):
            batch = BatchStatement()
            batch.add(still_erased, [erased, self._id, ERASED_AT])
            for row in rows[done : done + MAX_ROWS]:
                key = [self._id, row["version"], row["savetime"]]
                batch.add(blank, [erased_type, ERASED_STATE, *key])
            if not write_repeatedly(self._datastore, batch, self._doing)["[applied]"]:
                raise OperationalError(
                    f"{self._doing}: expected current_version {ERASED_AT} behind the tombstone, "
                    "found another. Somebody writes to the table events without its conditions, or "
                    "restores it: wait for that to end, and run the command again."
                )
            yield Progress("Blanking events", min(done + MAX_ROWS, len(rows)), len(rows))

    def delete_snapshots(self) -> Generator[Progress, None, int]:
        versions = self.remains.snapshots(self._id)
        statement = self._datastore.prepare(DELETE)
        for done, version in enumerate(versions, 1):
            write_repeatedly(self._datastore, statement.bind([self._id, version]), self._doing)
            yield Progress("Deleting snapshots", done, len(versions))
        return len(versions)

    def blank_log(self) -> Generator[Progress, None, int]:
        log = LogScan(self._datastore, self._event_types)
        _, total = yield from self._pass_log(log, self._blanking.blank)
        yield from Lobbies(self._datastore, log).wipe(self._id)
        while True:
            rows, logged = yield from self._pass_log(log, self._blanking.blank)
            total += logged
            with library_errors("Cannot read the notification log"):
                goes_on = log.table.owner(log.end) is not None
            if not rows and not goes_on:
                return total

    def _pass_log(
        self, log: LogScan, handle: Callable[[int, int, AggregateId], int]
    ) -> Generator[Progress, None, tuple[int, int]]:
        """Read the log on to its end, and handle the rows that have appends of the aggregate.

        Returns how many rows that were, and the sum of what handling them returned.
        """
        found: list[int] = []
        for stretch in log.proceed():
            rows = {(a.bucket, a.row) for a in stretch.appends if a.aggregate_id == self._id}
            found += (handle(bucket, row, self._id) for bucket, row in sorted(rows))
            yield Progress("Reading the notification log", stretch.up_to, log.end.first - 1)
        return len(found), sum(found)
