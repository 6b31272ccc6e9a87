"""Driving the steps of a group through orders of replies, and what they are called in tests."""

from collections.abc import Mapping
from uuid import UUID

import pytest
from cassandra import InvalidRequest, OperationTimedOut
from cassandra.cluster import NoHostAvailable
from eventsourcing.persistence import PersistenceError

from eventstore_cassandra.append import Applied, Unanswered
from eventstore_cassandra.errors import UnknownOutcomeError
from eventstore_cassandra.notification_log.buckets import Buckets
from eventstore_cassandra.notification_log.combine_steps import (
    Announce,
    Combine,
    Combined,
    Find,
    Look,
    Reply,
    Step,
    Steps,
    Wait,
    combine_steps,
)
from eventstore_cassandra.notification_log.lobby import Group, Lobby, Served
from eventstore_cassandra.notification_log.reserve_steps import Place
from tests.unit.eventstore.lobby_in_memory import group_of

PLACE = Place(0, 6, 7)
A, MINE, C = (UUID(int=n) for n in (1, 5, 8))
OWN = group_of(MINE, 7, 1, 1)
"""As it is announced; its number is that of the place's first position."""
OLDER, YOUNGER = group_of(A, 3, 3), group_of(C, 8, 1)

LOST = Unanswered(OperationTimedOut("no answer"))
UNREACHABLE = Unanswered(NoHostAvailable("nobody there", {}))
REFUSED = Unanswered(InvalidRequest("Batch too large"))

BEGUN: list[Reply] = [Applied()]
"""The reply to what each group begins with."""

WAIT, LOOK = Wait(), Look(0)
GROUPS = Look(0, with_groups=True)
SERIAL = Look(0, with_groups=True, is_serial=True)
ALONE, TOGETHER = Combine(PLACE, [OWN], {}), Combine(PLACE, [OWN, YOUNGER], {})
ANNOUNCED = [Announce(0, OWN)]
"""What each group begins with."""


def lobby_of(
    *groups: Group, head: int | None = 6, served: Mapping[UUID, Served] | None = None
) -> Lobby:
    """Return a lobby where these groups wait, beside the own one."""
    waiting = [OWN, *groups]
    return Lobby(head, {each.process: each.number for each in waiting}, served or {}, waiting)


def begin(
    place: Place = PLACE, *, attempts: int = 3, above: int = 0, is_eager: bool = True
) -> Steps:
    """Return the steps of the own group, in buckets of ten positions."""
    last = above

    def number(at_least: int) -> int:
        nonlocal last
        last = max(last + 1, at_least)
        return last

    unnumbered = Group(MINE, -1, OWN.appends, OWN.events)
    return combine_steps(
        unnumbered, place, number, Buckets(10), attempts=attempts, is_eager=is_eager
    )


def play(
    *replies: Reply, place: Place = PLACE, attempts: int = 3, above: int = 0
) -> tuple[list[Step], Combined]:
    """Send all replies; return the steps that were asked for, and what it came to."""
    machine = begin(place, attempts=attempts, above=above)
    steps = [next(machine), *(send(machine, reply) for reply in replies[:-1])]
    with pytest.raises(StopIteration) as stop:
        machine.send(replies[-1])
    return steps, stop.value.value


def send(machine: Steps, reply: Reply) -> Step:
    """Send a reply; the log ends in the bucket after one that is closed."""
    step = machine.send(reply)
    return machine.send(step.place) if isinstance(step, Find) else step


def failure(*replies: Reply, place: Place = PLACE, attempts: int = 3) -> PersistenceError:
    """Send all replies; return the error in which the last of them ends it."""
    machine = begin(place, attempts=attempts)
    next(machine)
    for reply in replies[:-1]:
        send(machine, reply)
    with pytest.raises(PersistenceError) as raised:
        machine.send(replies[-1])
    return raised.value


def so_far(
    *replies: Reply, place: Place = PLACE, attempts: int = 3, is_eager: bool = True
) -> list[Step]:
    """Send all replies; return the steps that were asked for, the last of which has no reply."""
    machine = begin(place, attempts=attempts, is_eager=is_eager)
    return [next(machine), *(send(machine, reply) for reply in replies)]


def is_unknown(error: PersistenceError) -> bool:
    """Tell whether the error tells that the outcome is not known, rather than that it is none."""
    told = str(error)
    assert told.startswith("Cannot write to the notification log: ")
    is_unknown = type(error) is UnknownOutcomeError
    assert ("It is not known whether the events are or will be written" in told) == is_unknown
    assert ("Nothing was written" in told) == (not is_unknown)
    return is_unknown
