"""Rebuilding the notification log: what the aggregates have and the log lacks is appended to it.

Theory of operation
===================
An event that is in no intent was written while the log was off, or before there was one, or by a
program that knows no log. It is final already. So its intent needs no decision; it only has to say
what is so: it carries the ``append_id`` of the event, and its mark says "committed".

Three conditional writes make that safe beside live writers, and beside another rebuild:

* *Names.* Events of other programs have no ``append_id``. One is given to them ``IF append_id =
  null``; of two rebuilds one wins, and both go on with the name that is read afterwards.
* *Versions.* An aggregate with events and no ``current_version`` gets one ``IF current_version =
  null``, before the event store appends there and takes it for new.
* *Positions.* The batch is applied only ``IF head = H``, after every row up to H has been read and
  what turned up in them has been left out. If the head has moved, those rows are read first. So
  whatever the answer of a batch was, or if it had none, no event gets a second position. (That is
  why :mod:`..notification_log.reservations` does not do here: it moves on to the next free place.)

Aggregates that are erased are left alone. One that is erased while its events are on their way into
the log is looked at once they are there, and erased again.

Events get their positions in the order of their save times, as far as versions allow. What is not
safe is the order *within an aggregate that is being written*: a live writer's version 4 may get its
position before the rebuild gives one to version 3, and a position that was given stays. Such events
are counted; rebuild while nothing writes, where the order matters.
"""

from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import chain

from eventsourcing.persistence import OperationalError

from eventstore_cassandra.append import Append, Applied
from eventstore_cassandra.datastore import CassandraDatastore
from eventstore_cassandra.errors import DRIVER_ERRORS, is_certain, library_error
from eventstore_cassandra.event_types import EventTypes
from eventstore_cassandra.notification_log.group_commit import MAX_GROUP_BYTES, MAX_GROUP_EVENTS
from eventstore_cassandra.notification_log.reserve_steps import Place, after
from eventstore_cassandra.notification_log.table import Mark
from eventstore_cassandra.operations.backfill import MAX_ROWS, Backfill, Versions
from eventstore_cassandra.operations.erase import erase
from eventstore_cassandra.operations.inventory import Inventory, from_key, open_inventory
from eventstore_cassandra.operations.progress import Progress, finish
from eventstore_cassandra.operations.remains import Remains
from eventstore_cassandra.operations.scan import LogScan
from eventstore_cassandra.schema_version import checked_schema
from eventstore_cassandra.shared_settings import SERIAL_CONSISTENCY, refuse_other

CONCURRENT = 16
"""Aggregates that are read at the same time."""
_PAUSE = 0.1
_BEHIND = (
    "missing WHERE version < (SELECT max(version) FROM delivered WHERE delivered.id = missing.id)"
)
_UNVERSIONED = "aggregate WHERE current_version IS NULL AND last_version IS NOT NULL"


@dataclass(frozen=True)
class Rebuilt:
    """What a rebuild found, and did if it was to write."""

    missing: int
    """Events that are not in the log."""
    without_name: int
    """Those of them that have no ``append_id`` yet."""
    behind: int
    """Those of them whose aggregate has a later version in the log already: readers get them late.
    """
    without_current_version: int
    """Aggregates with events and no ``current_version``."""
    appended: int
    """Events that were appended to the log."""


def rebuild_log(
    datastore: CassandraDatastore, *, write: bool
) -> Generator[Progress, None, Rebuilt]:
    """Append to the log the events that it lacks; only count them unless ``write``.

    What is in the log stays as it is. It may be stopped at any time and run again.

    :raises ProgrammingError: when the tables are not those that this program needs, or the
        keyspace has another serial consistency.
    :raises OperationalError: when the registry lacks a type of the events, or the store cannot be
        reached. Run it again then.
    """
    schema = checked_schema(datastore)
    if write:
        refuse_other(datastore, schema, [SERIAL_CONSISTENCY])
    with open_inventory() as inventory:
        rebuild = _Rebuild(datastore, inventory)
        yield from rebuild.read()
        missing = inventory.count("missing")
        without_name = inventory.count("missing WHERE append_id IS NULL")
        behind = inventory.count(_BEHIND)
        without_current_version = inventory.count(_UNVERSIONED)
        if write:
            yield from rebuild.write_versions(without_current_version)
            yield from rebuild.write_log(missing)
        return Rebuilt(missing, without_name, behind, without_current_version, rebuild.appended)


class _Rebuild:
    def __init__(self, datastore: CassandraDatastore, inventory: Inventory) -> None:
        self._event_types = event_types = EventTypes(
            datastore, attempts=datastore.settings.append_attempts
        )
        self.appended = 0
        self._datastore = datastore
        self._inventory = inventory
        self._backfill = Backfill(datastore, event_types)
        self._remains = Remains(datastore, event_types)
        self._log = LogScan(datastore, event_types)
        # Readers look for what runs over a bucket's edge in the one bucket after it.
        self._most = min(MAX_GROUP_EVENTS, self._log.table.buckets.size)

    def read(self) -> Generator[Progress, None, None]:
        yield from self._inventory.read_truth(self._datastore)
        for number in self._inventory.look_up_types(self._event_types):
            self._event_types.topic_of(number)  # raises what is to be told of it
        yield from self._inventory.read_log(self._log)

    def write_versions(self, total: int) -> Generator[Progress, None, None]:
        done = 0
        for chunk in self._inventory.chunks(f"SELECT id FROM {_UNVERSIONED}"):
            for (id_,) in chunk:
                self._backfill.current_version(from_key(id_))
            done += len(chunk)
            yield Progress("Writing current versions", done, total)

    def write_log(self, total: int) -> Generator[Progress, None, None]:
        done = 0
        with ThreadPoolExecutor(CONCURRENT) as pool:
            for runs in self._groups():
                found = list(pool.map(self._backfill.appends, runs))
                for appends in _batches(chain.from_iterable(found)):
                    self._append(appends)
                done += sum(run.size for run in runs)
                yield Progress("Appending to the notification log", done, total)
                ids = {run.aggregate_id for run in runs}
                for head, aggregate_id in zip(pool.map(self._remains.head, ids), ids, strict=True):
                    if head.erased:
                        yield from erase(self._datastore, aggregate_id, write=True)

    def _runs(self) -> Iterator[Versions]:
        """Yield what is missing, the oldest first.

        Events of one append stay together, as far as they fit into a bucket. The parts of one that
        does not are appends of their own for the log, all of them under its name.
        """
        query = "SELECT id, version, append_id FROM missing ORDER BY moment, id, version"
        run: Versions | None = None
        name: bytes | None = None
        for chunk in self._inventory.chunks(query):
            for id_, version, append_id in chunk:
                aggregate_id = from_key(id_)
                follows = run and run.is_before(aggregate_id, version) and name == append_id
                most = self._most if append_id else min(self._most, MAX_ROWS)
                if run and follows and run.size < most:
                    run = replace(run, last=version)
                    continue
                if run:
                    yield run
                run, name = Versions(aggregate_id, version, version), append_id
        if run:
            yield run

    def _groups(self) -> Iterator[list[Versions]]:
        """Yield runs whose events fill one batch."""
        group: list[Versions] = []
        events = 0
        for run in self._runs():
            if group and events + run.size > self._most:
                yield group
                group, events = [], 0
            group.append(run)
            events += run.size
        if group:
            yield group

    def _append(self, appends: Sequence[Append]) -> None:
        """Append what is not in the log yet.

        A refusal tells the head, so that before the next try only the rows up to there are read:
        the less time that takes, the less often a live writer comes in between again.
        """
        unanswered = 0
        end: Place | None = None
        while True:
            finish(self._inventory.read_log(self._log, end))
            missing = [append for append in appends if not self._inventory.is_logged(append)]
            if not missing:
                return
            try:
                end = self._reserve(self._log.end, missing)
                if end is None:
                    return
            except DRIVER_ERRORS as e:
                unanswered += 1
                if is_certain(e) or unanswered == self._datastore.settings.append_attempts:
                    raise library_error(e, "Cannot append to the notification log") from e
                end = None
                self._datastore.waiting.sleep(_PAUSE)

    def _reserve(self, place: Place, appends: Sequence[Append]) -> Place | None:
        """Return the log's end if it is not where it was thought to be; None if all went well."""
        size = sum(len(append.events) for append in appends)
        mark = Mark(place.bucket, place.first - 1 + size, [True] * len(appends))
        table = self._log.table
        reply = table.reserve(table.batch(place, [table.encode(a) for a in appends], [mark]))
        if isinstance(reply, Applied):
            self.appended += size
            return None
        if reply.head is None:
            raise OperationalError(
                f"Expected bucket {place.bucket} of the notification log to have the head "
                f"{place.head}, found no rows. Positions were lost: verify the log."
            )
        return after(place, reply.head, table.buckets)


def _batches(appends: Iterable[Append]) -> Iterator[list[Append]]:
    """Yield appends whose states fit into one batch, or a single larger one."""
    batch: list[Append] = []
    size = 0
    for append in appends:
        state = sum(len(event.state) for event in append.events)
        if batch and size + state > MAX_GROUP_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(append)
        size += state
    if batch:
        yield batch
