"""Writing into a store what a plain recorder would not write."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from time import time
from uuid import UUID, uuid4

from eventsourcing.persistence import StoredEvent

from eventstore_cassandra import (
    CassandraAggregateRecorder,
    CassandraApplicationRecorder,
    CassandraDatastore,
    Settings,
    Topology,
    create_keyspace,
)
from eventstore_cassandra.append import Append, Applied
from eventstore_cassandra.event_types import EventTypes
from eventstore_cassandra.notification_log.combine_steps import Announce
from eventstore_cassandra.notification_log.lobby import Group
from eventstore_cassandra.notification_log.lobby_table import LobbyTable
from eventstore_cassandra.notification_log.reserve_steps import Place
from eventstore_cassandra.notification_log.table import Mark
from eventstore_cassandra.operations import Report, finish, verify
from eventstore_cassandra.operations.scan import LogScan

TOPIC = "Happened"


def events(aggregate: UUID, *versions: int) -> list[StoredEvent]:
    return [
        StoredEvent(aggregate, version, TOPIC, b'{"version":%d}' % version) for version in versions
    ]


@contextmanager
def keyspace(settings: Settings, **changes: int | str | None) -> Iterator[CassandraDatastore]:
    """Create an empty keyspace, without tables, and drop it at the end."""
    name = f"ops_{uuid4().hex[:12]}"
    datastore = CassandraDatastore(replace(settings, keyspace=name, **changes))  # type: ignore[arg-type]
    create_keyspace(datastore, Topology.single_node())
    try:
        yield datastore
    finally:
        datastore.session.execute(f"DROP KEYSPACE {name}", timeout=60)
        datastore.close()


class Store:
    """A keyspace, and recorders on it."""

    def __init__(self, datastore: CassandraDatastore) -> None:
        self._milliseconds = count(int(time() * 1000))
        self.datastore = datastore
        self.recorder = CassandraApplicationRecorder(datastore)
        self.without_log = CassandraAggregateRecorder(datastore)
        self.event_types = EventTypes(datastore, attempts=5)

    def cql(self, query: str, *values: object) -> list[tuple[object, ...]]:
        statement = self.datastore.prepare(query)
        return [tuple(row) for row in self.datastore.session.execute(statement, values)]

    def verify(self) -> Report:
        return finish(verify(self.datastore))

    def findings(self) -> dict[str, int]:
        return {finding.check.name: finding.count for finding in self.verify().findings}

    def log(self) -> list[tuple[UUID | str, int]]:
        """Return what readers of the log get, as ids and versions."""
        found = self.recorder.select_notifications(1, 100_000)
        return [(event.originator_id, event.originator_version) for event in found]

    def append_of(self, aggregate: UUID, version: int) -> Append:
        """Return the append of one event that is there, under its name."""
        query = "SELECT append_id FROM {keyspace}.events WHERE id = ? AND version = ?"
        ((name,),) = self.cql(query, aggregate, version)
        assert isinstance(name, UUID)
        return Append(events(aggregate, version), name)

    def reserve(self, append: Append, *, mark: bool | None = None) -> Place:
        """Write an intent at the end of the log, and leave it at that."""
        scan = LogScan(self.datastore, self.event_types)
        place = scan.table.end(scan.end)
        last = place.first + len(append.events) - 1
        marks = [Mark(place.bucket, last, [mark])] if mark is not None else []
        batch = scan.table.batch(place, [scan.table.encode(append)], marks)
        assert scan.table.reserve(batch) == Applied()
        return place

    def group(self, *appends: Append, number: int = 1) -> Group:
        """Return a group of appends, by a process that nobody else is."""
        table = LogScan(self.datastore, self.event_types).table
        entries = [table.encode(append) for append in appends]
        contents = [event for entry in entries for event in entry.events]
        return Group(uuid4(), number, [entry.header() for entry in entries], contents)

    def lobby(self) -> LobbyTable:
        """Return the lobbies of the log."""
        return LobbyTable(self.datastore, LogScan(self.datastore, self.event_types).table)

    def announce(self, *appends: Append, bucket: int = 0, number: int = 1) -> Group:
        """Have a process announce a group of appends, and never look again."""
        group = self.group(*appends, number=number)
        assert self.lobby().announce(Announce(bucket, group), []) == Applied()
        return group

    def insert_like_the_original(self, aggregate: UUID, version: int, *, type_: int) -> None:
        """Insert an event as a client of the original event store does, without its lock."""
        self.cql(
            "INSERT INTO {keyspace}.events (id, version, type, payload, savetime)"
            " VALUES (?, ?, ?, ?, ?)",
            aggregate,
            version,
            type_,
            f'{{"version":{version}}}',
            next(self._milliseconds),
        )
