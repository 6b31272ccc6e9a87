"""The log as a recorder uses it: record an append under positions, and read them."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from threading import Event
from weakref import WeakSet

from eventsourcing.persistence import DataError, IntegrityError, PersistenceError

from eventstore_cassandra.append import ERASED_AT, AggregateId, Append, BarredError, Reply, refusal
from eventstore_cassandra.counters import Count
from eventstore_cassandra.datastore import CassandraDatastore
from eventstore_cassandra.errors import (
    AggregateErasedError,
    StoreUnreachableError,
    UnknownOutcomeError,
    is_refusal,
    library_errors,
    nothing_written,
)
from eventstore_cassandra.event_types import EventTypes
from eventstore_cassandra.notification_log.blanking import Blanking
from eventstore_cassandra.notification_log.buckets import Buckets
from eventstore_cassandra.notification_log.group_commit import Begin
from eventstore_cassandra.notification_log.intents import Outcome
from eventstore_cassandra.notification_log.known_versions import KnownVersions
from eventstore_cassandra.notification_log.lobby_table import LobbyTable
from eventstore_cassandra.notification_log.looks import Looks
from eventstore_cassandra.notification_log.marks import Reserved
from eventstore_cassandra.notification_log.outcomes import Outcomes
from eventstore_cassandra.notification_log.reader import LogReader
from eventstore_cassandra.notification_log.reservations import Reservations
from eventstore_cassandra.notification_log.table import LogTable
from eventstore_cassandra.profiles import LOOK_READ, SERIAL_READ

logger = logging.getLogger(__name__)

_CURRENT_VERSION = "SELECT current_version FROM {keyspace}.events WHERE id = ? LIMIT 1"
_NAME_BASED = (3, 5)

Decide = Callable[[Append, Reply | None], None]


class NotificationLog:
    """The log of one keyspace. Share it between threads.

    :param decide: carries out the conditional batch on the aggregate, given the reply to its first
        step if that was taken already; raises ``IntegrityError`` or ``BarredError`` when it is not
        and never will be applied.
    :param begin: takes that first step.
    """

    def __init__(
        self,
        datastore: CassandraDatastore,
        event_types: EventTypes,
        buckets: Buckets,
        decide: Decide,
        begin: Begin,
    ) -> None:
        settings = datastore.settings
        self._buckets = buckets
        self._table = LogTable(datastore, event_types, self._buckets)
        self.known_versions = KnownVersions()
        self._datastore = datastore
        self._decide = decide
        self._blanking = Blanking(datastore, event_types)
        self._outcomes = Outcomes()
        self._lobby = LobbyTable(datastore, self._table)
        self._reservations = Reservations(
            self._table,
            self._lobby,
            datastore.counters,
            attempts=settings.append_attempts,
            begin=begin,
            waiting=datastore.waiting,
        )
        self._listeners: WeakSet[Event] = WeakSet()
        self._current_version = datastore.prepare(_CURRENT_VERSION)
        self.reader = LogReader(
            self._table,
            self._outcomes,
            Looks(datastore),
            self._help,
            grace=settings.log_grace,
            clock=datastore.waiting.now,
            pause=datastore.waiting.sleep,
        )

    def record(self, append: Append) -> Sequence[int]:
        """Record an append, and return the positions of its events.

        :raises DataError: when there are more events than a bucket of the log has positions.
        :raises IntegrityError: when the aggregate is not at the version before the first event.
        :raises AggregateErasedError: when it is erased.
        :raises BarredError: when the aggregate's batch is refused for good.
        :raises UnknownOutcomeError: when it is not known whether the events are or will be written;
            the next reader of the log decides it.
        :raises OperationalError: when the store cannot be reached.
        """
        # Before it waits for a thread that leads, which a forked process does not have.
        self._datastore.require_usable()
        self._check_size(append)
        append = self._with_expected_version(append)
        with nothing_written(f"Cannot append to aggregate {append.aggregate_id}"):
            entry = self._table.encode(append)
        reserved = self._reservations.reserve(entry)
        try:
            self._decide(append, reserved.reply)
        except (IntegrityError, BarredError) as e:
            self._outcomes.learn(append.append_id, Outcome.ABORTED)
            self._reservations.mark(reserved, committed=False)
            if isinstance(e, AggregateErasedError):
                self.known_versions.learn(append.aggregate_id, ERASED_AT)
                self._take_back(append, reserved)
            elif self._follows_0_after_all(append):
                return self.record(append.anew())
            raise
        self._outcomes.learn(append.append_id, Outcome.COMMITTED)
        self._reservations.mark(reserved, committed=True)
        self.known_versions.learn(append.aggregate_id, append.last_version)
        for listener in tuple(self._listeners):
            listener.set()
        return list(reserved.positions)

    def listen(self, listener: Event) -> None:
        """Have an event set whenever this process has recorded something, as long as it is held."""
        self._listeners.add(listener)

    def unlisten(self, listener: Event) -> None:
        """Forget about an event."""
        self._listeners.discard(listener)

    def _take_back(self, append: Append, reserved: Reserved) -> None:
        """Blank what was written into the log, maybe after the eraser had been there."""
        bucket, last = reserved.row.bucket, reserved.row.last
        try:
            self._blanking.blank(bucket, last, append.aggregate_id)
            # It may have been announced in the bucket before, which was closed meanwhile.
            for each in range(max(0, bucket - 1), bucket + 1):
                self._lobby.wipe(each, append.aggregate_id)
        except PersistenceError as e:
            logger.warning(
                "The log has contents of aggregate %s, which is erased: erase it again. %s",
                append.aggregate_id,
                e,
                extra={"aggregate_id": str(append.aggregate_id)},
            )

    def _help(self, append: Append) -> None:
        self._datastore.counters.add(Count.HELPS)
        logger.info(
            "Versions %d to %d of aggregate %s were left undecided, and are decided by a reader.",
            append.first_version,
            append.last_version,
            append.aggregate_id,
            extra={"aggregate_id": str(append.aggregate_id), "append_id": str(append.append_id)},
        )
        try:
            self._decide(append, None)
        except UnknownOutcomeError as e:
            if e.__cause__ is None or is_refusal(e.__cause__):
                raise  # whoever reads on would be refused again
            raise StoreUnreachableError(
                f"Cannot read the notification log on: versions {append.first_version} to "
                f"{append.last_version} of aggregate {append.aggregate_id} cannot be decided now."
            ) from e

    def _check_size(self, append: Append) -> None:
        if len(append.events) > self._buckets.size:
            raise DataError(
                f"Expected at most {self._buckets.size} events in one append, as many as a bucket "
                f"of the notification log has positions, found {len(append.events)} of aggregate "
                f"{append.aggregate_id}. Append fewer at a time. Nothing was written."
            )

    def _with_expected_version(self, append: Append) -> Append:
        """Return the append, once its expected version is known to be the committed one.

        A new aggregate is expected by its id: a UUID that is random or made of the time is taken
        for new, without a look; one that is made of a name may well be there, and so may a text.
        """
        aggregate_id = append.aggregate_id
        before = append.first_version - 1
        remembered = known = self.known_versions.get(aggregate_id)
        if known is None and before < 1 and not _may_be_there(aggregate_id):
            return append
        for profile in (LOOK_READ, SERIAL_READ):
            if known is not None and known >= before:
                break
            known = self._read_version(aggregate_id, profile)
            if known is None and before < 1:
                return append
        if known != before:
            if remembered is not None and known == remembered:  # it may have been erased since
                known = max(remembered, self._read_version(aggregate_id, LOOK_READ) or 0)
            self._datastore.counters.add(Count.CONFLICTS)
            raise refusal(append, known)
        self.known_versions.learn(aggregate_id, before)
        return replace(append, follows_0=before == 0)

    def _follows_0_after_all(self, append: Append) -> bool:
        """Tell whether what was taken for a new stream has a version 0, and the append is the next.

        Its place may be before that of version 0, so that it needs another.
        """
        if append.first_version != 1 or not append.is_new:
            return False
        if self._read_version(append.aggregate_id, SERIAL_READ) != 0:
            return False
        self.known_versions.learn(append.aggregate_id, 0)
        return True

    def _read_version(self, aggregate_id: AggregateId, profile: str) -> int | None:
        with library_errors(f"Cannot read the version of aggregate {aggregate_id}"):
            row = self._datastore.execute(self._current_version.bind([aggregate_id]), profile).one()
        return row["current_version"] if row else None


def _may_be_there(new_id: AggregateId) -> bool:
    return isinstance(new_id, str) or new_id.version in _NAME_BASED
