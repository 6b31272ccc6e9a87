"""Playing a world of a seed to its end, and checking what everybody was told."""

from collections import defaultdict
from dataclasses import replace
from typing import Any
from uuid import UUID

from eventsourcing.persistence import Notification, PersistenceError

from eventstore_cassandra.notification_log.table import marks_of
from tests.simulation.erasing import is_erased
from tests.simulation.history import History, Promise
from tests.simulation.replicas import REPLICAS
from tests.simulation.statements import TOO_MUCH
from tests.simulation.world import WRITERS, Follower, World


def play(world: World) -> History:
    """Return the history of a world: what was told in it, and which promises were broken.

    :raises AssertionError: when threads of it wait for ever, or go round in circles.
    """
    world.run()
    _check_log(world)
    _check_tables(world)
    _check_loads(world)
    world.check_operations()
    _check_passing(world)
    return world.history


def _check_log(world: World) -> None:
    """Read the log afresh, without a memory, and compare."""
    history = world.history
    fresh = Follower(world.recorder(), [])
    while world.read_on(fresh, limit=10):
        pass
    world.check_last(fresh.recorder)
    final = fresh.seen
    ids = [notification.id for notification in final]
    history.check(Promise.COMPLETE, f"positions {ids}", kept=ids == sorted(set(ids)))
    for aggregate_id in world.aggregates:
        versions = [n.originator_version for n in final if n.originator_id == aggregate_id]
        rows = world.server.replicas.decided["events", aggregate_id].rows
        stored = sorted(version for version, _ in rows)
        history.check(
            Promise.COMPLETE, f"{versions}, stored {stored}", kept=sorted(versions) == stored
        )
        history.check(Promise.ORDER, f"{versions}", kept=versions == sorted(versions))
    positions: dict[bytes, list[int]] = defaultdict(list)
    versions_at: dict[tuple[UUID | str, int], list[int]] = defaultdict(list)
    for notification in final:
        positions[notification.state].append(notification.id)
        event = notification.originator_id, notification.originator_version
        versions_at[event].append(notification.id)
    for append, told in history.acknowledged.items():
        if is_erased(world.server, append.aggregate_id):
            found = [versions_at[e.originator_id, e.originator_version] for e in append.events]
        else:
            found = [positions[state] for state in append.states]
        history.check(
            Promise.ACKNOWLEDGED, f"{append} {told}, {found}", kept=found == [[n] for n in told]
        )
    for append, error in history.refused.items():
        kept = not any(state in positions for state in append.states)
        history.check(Promise.REFUSED, f"{append}: {error}", kept=kept)
    never = [state for state in positions if state.startswith(TOO_MUCH.encode())]
    history.check(Promise.NEVER, f"{never}", kept=not never)
    for follower in world.followers:
        seen = [_as_it_is_left(world, n) for n in follower.seen]
        expected = [_as_it_is_left(world, n) for n in final if n.id <= follower.up_to]
        history.check(Promise.SAME, f"{follower.seen}", kept=seen == expected)


def _as_it_is_left(world: World, notification: Notification) -> Notification:
    """Return it without contents if its aggregate is erased: it may have been seen with them."""
    if not is_erased(world.server, notification.originator_id):
        return notification
    return replace(notification, topic="", state=b"")


def _check_tables(world: World) -> None:
    """Look into the log's rows as all replicas together have them: at names and marks."""
    decided = world.server.replicas.decided
    names: dict[UUID, int] = defaultdict(int)
    for key in world.server.replicas.keys("notification_log"):
        for (last,), cells in world.server.replicas.present(key, REPLICAS).rows.items():
            row: dict[str, Any] = {name: value for (name, _), (_, value) in cells.items()}
            parts: Any = {
                first: value for (name, first), (_, value) in cells.items() if name == "outcomes"
            }
            first = last + 1 - sum(size for *_, size in row["appends"])
            marks = marks_of(row["appends"], first, row.get("committed"), parts)
            for n, (name, aggregate_id, _, _) in enumerate(row["appends"]):
                names[name] += 1
                stored = any(
                    event["append_id", None][1] == name
                    for event in decided["events", aggregate_id].rows.values()
                )
                mark = marks[n] if marks and marks[n] is not None else stored
                world.history.check(Promise.MARKS, f"{last} {mark}", kept=mark is stored)
    for name, times in names.items():
        world.history.check(Promise.ONCE, f"{name}: {times}", kept=times == 1)


def _check_passing(world: World) -> None:
    """Look how long announcements waited, unless there was somebody who takes no part in that."""
    disturbed = world.has_older or world.network.is_forgetful or world.to_be_erased
    most = world.passing.most
    kept = bool(disturbed) or most <= WRITERS
    world.history.check(Promise.PASSED_OVER, f"{most} times", kept=kept)


def _check_loads(world: World) -> None:
    """Load every aggregate, whichever replica is away."""
    recorder = world.recorder()
    for world.network.away in REPLICAS:
        for aggregate_id in world.aggregates:
            try:
                world.load(recorder, aggregate_id)
            except PersistenceError as e:
                world.history.check(Promise.LOADABLE, str(e), kept=False)
