"""The lobby's columns in memory, beside the heads of a log in memory."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from eventstore_cassandra.append import Applied
from eventstore_cassandra.notification_log.combine_steps import (
    Announce,
    Combine,
    Look,
    Step,
    Withdraw,
)
from eventstore_cassandra.notification_log.lobby import Group, Lobby, Served, positions
from eventstore_cassandra.notification_log.table import Mark
from tests.unit.eventstore.log_in_memory import Batch, LogInMemory, entry


def group_of(process: UUID, number: int, *sizes: int) -> Group:
    """Return a group with appends of so many events; with one of one event, if none is given."""
    entries = [entry(size) for size in sizes or (1,)]
    events = [event for each in entries for event in each.events]
    return Group(process, number, [each.header() for each in entries], events)


@dataclass
class LobbyInMemory:
    """Takes the place of a ``LobbyTable`` for those who reserve."""

    table: LogInMemory
    steps: list[Step] = field(default_factory=list)
    """Those that were asked for."""
    marks: list[Mark] = field(default_factory=list)
    """Those that were written along with announcements."""
    before: Callable[[Step], None] = lambda _: None
    """Is called before a step is taken; what it raises loses the request."""
    after: Callable[[Step], None] = lambda _: None
    """Is called after that; what it raises loses the answer."""
    _groups: dict[int, dict[UUID, Group]] = field(default_factory=lambda: defaultdict(dict))
    _served: dict[int, dict[UUID, Served]] = field(default_factory=lambda: defaultdict(dict))

    def announce(self, step: Announce, marks: Sequence[Mark]) -> Applied:
        self._begin(step)
        group = step.group
        with self.table.lock:
            announced = self.table.announced.setdefault(step.bucket, {})
            # A request that was on the way for long does not take the place of a later one.
            if group.number >= announced.get(group.process, 0):
                announced[group.process] = group.number
                self._groups[step.bucket][group.process] = group
            self.marks.extend(marks)
        self.after(step)
        return Applied()

    def look(self, step: Look) -> Lobby:
        self._begin(step)
        with self.table.lock:
            announced = dict(self.table.announced.get(step.bucket, {}))
            groups = list(self._groups[step.bucket].values()) if step.with_groups else []
            lobby = Lobby(
                self.table.head(step.bucket), announced, dict(self._served[step.bucket]), groups
            )
        self.after(step)
        return lobby

    def combine(self, step: Combine, marks: Sequence[Mark]) -> Applied | Lobby:
        self._begin(step)
        bucket, processes = step.place.bucket, [group.process for group in step.groups]
        served_then = positions(step.groups, step.place.first)
        with self.table.lock:
            served = self._served[bucket]
            is_as_seen = all(served.get(each) == step.served.get(each) for each in processes)
            reply: Applied | Lobby = Applied()
            if is_as_seen and self.table.head(bucket) == step.place.head:
                appends = [append for group in step.groups for append in group.appends]
                self.table.applied.append(Batch(step.place, appends, list(marks)))
                served.update(served_then)
            else:
                reply = Lobby(self.table.head(bucket), {}, dict(served))
        self.after(step)
        return reply

    def withdraw(self, step: Withdraw) -> Applied | Lobby:
        self._begin(step)
        with self.table.lock:
            served = self._served[step.bucket]
            reply: Applied | Lobby = Applied()
            if served.get(step.group.process) == step.served:
                served[step.group.process] = Served(step.group.number, 0, 0)
            else:
                reply = Lobby(None, {}, dict(served))
        self.after(step)
        return reply

    def delete(self, bucket: int, group: Group) -> None:
        with self.table.lock:
            groups = self._groups[bucket]
            if group.process in groups and groups[group.process].number <= group.number:
                del groups[group.process]

    def announce_for_another_process(self, *sizes: int, number: int = 1) -> Group:
        """Have a group of a process that died since wait in the first bucket."""
        group = group_of(uuid4(), number, *sizes)
        self.table.announced.setdefault(0, {})[group.process] = number
        self._groups[0][group.process] = group
        return group

    def _begin(self, step: Step) -> None:
        self.steps.append(step)
        self.before(step)
