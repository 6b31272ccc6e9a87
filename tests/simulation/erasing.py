"""Somebody erases an aggregate while others append to it and read it, or dies of it."""

from itertools import combinations
from typing import Any
from uuid import UUID

from eventsourcing.persistence import PersistenceError

from eventstore_cassandra.operations import erase, finish
from tests.simulation.connection import Connection
from tests.simulation.history import History, Promise
from tests.simulation.replicas import REPLICAS, Key, Replicas
from tests.simulation.statements import Server


def erase_once(connection: Connection, aggregate_id: UUID) -> bool:
    """Erase an aggregate; return whether that came to its end."""
    try:
        return finish(erase(connection, aggregate_id, write=True)).is_known
    except PersistenceError:
        return False


def is_erased(server: Server, aggregate_id: UUID | str) -> bool:
    """Tell whether the tombstone is set."""
    cells = server.replicas.decided["events", aggregate_id].static
    return cells.get(("erased", None), (0, None))[1] is not None


def check_contents(server: Server, history: History, aggregate_id: UUID, *, in_log: bool) -> None:
    """Look for what callers wanted to append to an aggregate that is erased.

    :param in_log: also in the log, into which those who come late may have written once more.
    """
    replicas = server.replicas
    told = [*history.acknowledged, *history.refused, *history.unknown]
    states = {
        state.decode()
        for append in told
        if append.aggregate_id == aggregate_id
        for state in append.states
    }
    rows = replicas.decided["events", aggregate_id].rows
    left = {cells["payload", None][1] for cells in rows.values()} & states
    if in_log:
        for key in replicas.keys("notification_log"):
            for cells in replicas.decided[key].rows.values():
                events = cells["events", None][1]
                assert isinstance(events, tuple)
                left |= {payload for _, payload, _ in events} & states
            left |= _announced(replicas, key) & states
    history.check(Promise.ERASED, f"{aggregate_id}: {left}", kept=not left)


def _announced(replicas: Replicas, key: Key) -> set[object]:
    """Return the states in what is announced in a bucket, and known to be.

    What has got to one replica, unanswered, nobody need find: it vanishes by itself.
    """
    found = [replicas.shown(key, asks) for asks in combinations(REPLICAS, 2)]
    known = set.intersection(*({*each.static.items()} for each in found))
    groups: list[Any] = [group for (column, _), (_, group) in known if column == "lobby" and group]
    return {payload for _, _, events in groups for _, payload, _ in events}
