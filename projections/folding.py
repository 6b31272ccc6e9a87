"""Folding an aggregate's pending events into its state, up to one that cannot be shown.

What a read model's functions raise is a fault of the event or of their own, never of the database:
it concerns one aggregate, and must not keep others from being shown.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from eventsourcing.persistence import StoredEvent

from projections.change import Change, Guard, change
from projections.read_model import ReadModel

Decode = Callable[[StoredEvent], Mapping[str, Any]]
"""Returns the JSON payload of a stored event; raises a ``ValueError`` when it cannot."""


@dataclass(frozen=True)
class Failure:
    """An event that cannot be shown, and why."""

    event: StoredEvent
    error: Exception


@dataclass(frozen=True)
class Folded:
    """What came of an aggregate's pending events."""

    first: StoredEvent
    """The first of them."""
    change: Change | None
    """None when not even the first of them can be shown."""
    applied: int
    failure: Failure | None


def fold_events(
    model: ReadModel[Any, Any],
    decode: Decode,
    aggregate_id: UUID,
    guard: Guard | None,
    pending: Sequence[StoredEvent],
) -> Folded:
    """Fold the events that follow the guard's version, which must not have gaps."""
    try:
        before = model.from_json(guard.state) if guard else None
    except ValueError as e:
        return Folded(pending[0], None, 0, Failure(pending[0], e))
    states, failure = states_after(model, decode, before, pending)
    if not states:
        return Folded(pending[0], None, 0, failure)
    version = pending[len(states) - 1].originator_version
    try:
        made = change(model, aggregate_id, before, states, version)
    except Exception as e:  # noqa: BLE001  (whatever a read model's code raises)
        return Folded(pending[0], None, 0, Failure(pending[0], e))
    return Folded(pending[0], made, len(states), failure)


def states_after(
    model: ReadModel[Any, Any],
    decode: Decode,
    before: Any,
    events: Sequence[StoredEvent],
) -> tuple[Sequence[Any], Failure | None]:
    """Return the state after each event, and the first event that cannot be folded or shown."""
    states: list[Any] = []
    state = before
    for event in events:
        try:
            state = after(model, decode, state, event)
            model.place_rows(state)
            model.counted(state)
        except Exception as e:  # noqa: BLE001  (whatever a read model's code raises)
            return states, Failure(event, e)
        states.append(state)
    return states, None


def after(model: ReadModel[Any, Any], decode: Decode, state: Any, event: StoredEvent) -> Any:
    """Return the state after an event.

    :raises ValueError: when the event cannot be read, or does not fit the state.
    """
    return model.fold(state, model.read(event, decode(event)))
