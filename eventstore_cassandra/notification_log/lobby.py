"""The lobby of a bucket: groups of appends that processes have announced, and who was served.

Each process has one place in it, under a name of its own, where nobody else writes. So a process
has one group there at a time, the last one; who was served last is written by conditional batches
only. It is all in static columns of the bucket, so that it is read along with the head, and the
conditions of one batch are about all of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple
from uuid import UUID

from eventstore_cassandra.append import AggregateId
from eventstore_cassandra.notification_log.group_commit import MAX_GROUP_BYTES, MAX_GROUP_EVENTS
from eventstore_cassandra.notification_log.table import Header, LoggedEvent


class Served(NamedTuple):
    """What a process has got last."""

    number: int
    """Of the group."""
    first: int
    """Position of the group's first event; 0 for a group that was withdrawn."""
    last: int
    """Position of the last event of the row, which may have other groups, too."""


@dataclass(frozen=True)
class Group:
    """Appends of one process, as a row of the log would have them."""

    process: UUID
    number: int
    """Rises within a process, and is above the head that it saw: who has a smaller one is older."""
    appends: Sequence[Header]
    events: Sequence[LoggedEvent]

    @cached_property
    def size(self) -> int:
        """Bytes of state."""
        return sum(len(text.encode() if text else blob or b"") for _, text, blob in self.events)

    def has(self, aggregate_id: AggregateId) -> bool:
        """Tell whether any of it is an aggregate's."""
        return any(of == aggregate_id for _, of, _, _ in self.appends)


@dataclass(frozen=True)
class Lobby:
    """The static columns of a bucket, at some moment."""

    head: int | None
    announced: Mapping[UUID, int] = field(default_factory=dict)
    """The number of each process's last group. Those of some minutes ago have vanished."""
    served: Mapping[UUID, Served] = field(default_factory=dict)
    groups: Sequence[Group] = ()
    """The groups, if they were asked for."""

    def is_served(self, process: UUID, number: int) -> bool:
        """Tell whether a process's group has its positions, or was withdrawn."""
        return process in self.served and self.served[process].number >= number

    def rivals(self, own: Group) -> int:
        """Return how many groups of others wait."""
        return sum(process != own.process for process, _ in self._waiting())

    def older_than(self, own: Group) -> int:
        """Return how many of them are older than one's own."""
        return sum((number, process) < _age(own) for process, number in self._waiting())

    def together_with(self, own: Group, *, max_events: int) -> list[Group]:
        """Return whom to serve in one batch: the oldest first, whatever its size.

        Nobody is left out for somebody who is younger.
        """
        waiting = set(self._waiting())
        others = [
            each
            for each in self.groups
            if each.process != own.process and (each.process, each.number) in waiting
        ]
        together: list[Group] = []
        events = size = 0
        for each in sorted([own, *others], key=_age):
            events += len(each.events)
            size += each.size
            if together and (events > min(max_events, MAX_GROUP_EVENTS) or size > MAX_GROUP_BYTES):
                break
            together.append(each)
        return together

    def _waiting(self) -> list[tuple[UUID, int]]:
        return [each for each in self.announced.items() if not self.is_served(*each)]


def _age(group: Group) -> tuple[int, UUID]:
    return group.number, group.process


def positions(groups: Sequence[Group], first: int) -> dict[UUID, Served]:
    """Return what each process gets when the groups are put into one row from a position on."""
    last = first - 1 + sum(len(each.events) for each in groups)
    served = {}
    for each in groups:
        served[each.process] = Served(each.number, first, last)
        first += len(each.events)
    return served
