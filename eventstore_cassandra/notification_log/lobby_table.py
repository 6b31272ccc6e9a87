"""The lobby's columns in the log's table: reads and writes them, and knows nothing of their use."""

from collections.abc import Mapping, Sequence
from typing import Any

from cassandra.query import BatchStatement, BatchType

from eventstore_cassandra.append import AggregateId, Applied
from eventstore_cassandra.datastore import CassandraDatastore
from eventstore_cassandra.errors import library_errors
from eventstore_cassandra.notification_log.combine_steps import Announce, Combine, Look, Withdraw
from eventstore_cassandra.notification_log.lobby import Group, Lobby, Served, positions
from eventstore_cassandra.notification_log.table import LogTable, Mark, announced_in
from eventstore_cassandra.profiles import APPEND, LOOK_READ, SERIAL_READ
from eventstore_cassandra.repeatable import write_repeatedly

LASTS = 600
"""Seconds for which an announcement stays: longer than any request is under way."""

# Numbers rise within a process, and nobody else writes into these cells: they are the times of
# writing, so that no clock has a part in which of two announcements is the later one, and whoever
# deletes one deletes no later one.
_ANNOUNCE = (
    "UPDATE {keyspace}.notification_log USING TTL ? AND TIMESTAMP ?"
    " SET announced[?] = ?, lobby[?] = ? WHERE bucket = ?"
)
_DELETE = "DELETE lobby[?] FROM {keyspace}.notification_log USING TIMESTAMP ? WHERE bucket = ?"
_LOOK = (
    "SELECT DISTINCT bucket, head, announced, served FROM {keyspace}.notification_log"
    " WHERE bucket = ?"
)
_GROUPS = (
    "SELECT DISTINCT bucket, head, announced, served, lobby FROM {keyspace}.notification_log"
    " WHERE bucket = ?"
)
_SERVE = "UPDATE {keyspace}.notification_log SET served[?] = ? WHERE bucket = ? IF served[?] = ?"


class LobbyTable:
    """The lobbies of all buckets. Share it between threads. The driver's errors pass through."""

    def __init__(self, datastore: CassandraDatastore, table: LogTable) -> None:
        self._datastore = datastore
        self._table = table
        self._announce = datastore.prepare(_ANNOUNCE)
        self._delete = datastore.prepare(_DELETE)
        self._look = datastore.prepare(_LOOK)
        self._groups = datastore.prepare(_GROUPS)
        self._serve = datastore.prepare(_SERVE)

    def announce(self, step: Announce, marks: Sequence[Mark]) -> Applied:
        """Write a group into the lobby, in the place of the process's last one, and marks."""
        process, number = step.group.process, step.group.number
        group = number, step.group.appends, step.group.events
        batch = BatchStatement(BatchType.UNLOGGED)
        batch.add(self._announce, [LASTS, number, process, number, process, group, step.bucket])
        self._table.add_marks(batch, marks)
        self._datastore.execute(batch, APPEND)
        return Applied()

    def look(self, step: Look) -> Lobby:
        """Read the lobby."""
        statement = self._groups if step.with_groups else self._look
        profile = SERIAL_READ if step.is_serial else LOOK_READ
        row = self._datastore.execute(statement.bind([step.bucket]), profile).one()
        return _lobby(row or {})

    def combine(self, step: Combine, marks: Sequence[Mark]) -> Applied | Lobby:
        """Put the groups into a row, and say so in the lobby; or tell why that is not possible."""
        appends = [append for group in step.groups for append in group.appends]
        events = [event for group in step.groups for event in group.events]
        batch = self._table.row(step.place, appends, events)
        self._table.add_marks(batch, marks)
        for process, served in positions(step.groups, step.place.first).items():
            before = step.served.get(process)
            batch.add(self._serve, [process, served, step.place.bucket, process, before])
        return self._send(batch)

    def withdraw(self, step: Withdraw) -> Applied | Lobby:
        """Say that the group was served, at no position."""
        process, nowhere = step.group.process, Served(step.group.number, 0, 0)
        return self._send(self._serve.bind([process, nowhere, step.bucket, process, step.served]))

    def delete(self, bucket: int, group: Group) -> None:
        """Take a group out of the lobby, and no later one of its process."""
        bound = self._delete.bind([group.process, group.number, bucket])
        self._datastore.execute(bound, APPEND)

    def wipe(self, bucket: int, aggregate_id: AggregateId) -> int:
        """Delete groups that have something of an aggregate; return how many there were.

        Whoever waits for one of them serves it itself.

        :raises OperationalError: when the store cannot be reached. It can be done again then.
        """
        doing = "Cannot take an announcement out of the notification log"
        with library_errors(doing):
            found = self.look(Look(bucket, with_groups=True)).groups
        to_delete = [group for group in found if group.has(aggregate_id)]
        for group in to_delete:
            bound = self._delete.bind([group.process, group.number, bucket])
            write_repeatedly(self._datastore, bound, doing)
        return len(to_delete)

    def _send(self, statement: Any) -> Applied | Lobby:
        row = self._datastore.execute(statement, APPEND).one()
        return Applied() if row["[applied]"] else _lobby(row)


def _lobby(row: Mapping[str, Any]) -> Lobby:
    served = {process: Served(*what) for process, what in (row.get("served") or {}).items()}
    groups = [Group(process, *group) for process, group in (row.get("lobby") or {}).items()]
    return Lobby(row.get("head"), announced_in(row), served, groups)
