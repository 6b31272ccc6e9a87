"""How many reservations pass over an append that its process has announced."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from eventstore_cassandra.application_recorder import CassandraApplicationRecorder
from eventstore_cassandra.notification_log.combine_steps import Announce
from eventstore_cassandra.notification_log.lobby import Group
from eventstore_cassandra.notification_log.table import Mark
from tests.simulation.replicas import Key, Partition


@dataclass
class _Waiting:
    bucket: int
    names: set[UUID]
    passed_over: int = 0


class Passing:
    """Looks at announcements that were answered, and at all reservations."""

    def __init__(self) -> None:
        self.most = 0
        """By how many reservations in its bucket a group was passed over at the most."""
        self.combined = 0
        """Rows with appends of more than one process."""
        self._reserved: set[UUID] = set()
        self._waiting: dict[UUID, _Waiting] = {}

    def watch(self, recorder: CassandraApplicationRecorder) -> None:
        """Look at what a process announces."""
        lobby = recorder._log._lobby
        announce = lobby.announce

        def watched(step: Announce, marks: Sequence[Mark]) -> object:
            self._waiting.pop(step.group.process, None)
            reply = announce(step, marks)
            self._announced(step.bucket, step.group)
            return reply

        lobby.announce = watched  # type: ignore[method-assign, assignment]

    def decided(self, key: Key, change: Partition) -> None:
        """Look at a conditional write that was applied."""
        table, bucket = key
        if table != "notification_log":
            return
        served = [name for name in change.static if name[0] == "served"]
        self.combined += len(served) > 1
        for cells in change.rows.values():
            if ("appends", None) in cells:
                appends = cells["appends", None][1]
                assert isinstance(appends, tuple)
                self._row(bucket, {name for name, *_ in appends})

    def _announced(self, bucket: int, group: Group) -> None:
        names = {name for name, *_ in group.appends}
        if not names & self._reserved:
            self._waiting[group.process] = _Waiting(bucket, names)

    def _row(self, bucket: int, names: set[UUID]) -> None:
        self._reserved |= names
        for process, each in list(self._waiting.items()):
            if each.names & names or each.bucket != bucket:
                del self._waiting[process]
            else:
                each.passed_over += 1
                self.most = max(self.most, each.passed_over)
