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
from projections.feeds.feed import aggregate_id as id_of
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
    try:
        return _folded(model, aggregate_id, before, pending, states, failure)
    except Exception as e:  # noqa: BLE001  (whatever a read model's code raises)
        cannot = _first_that_cannot_be_placed(model, pending, states) or Failure(pending[0], e)
    states = states[: pending.index(cannot.event)]
    try:
        return _folded(model, aggregate_id, before, pending, states, cannot)
    except Exception as e:  # noqa: BLE001  (the same)
        return Folded(pending[0], None, 0, Failure(pending[0], e))


def _folded(
    model: ReadModel[Any, Any],
    aggregate_id: UUID,
    before: Any,
    pending: Sequence[StoredEvent],
    states: Sequence[Any],
    failure: Failure | None,
) -> Folded:
    if not states:
        return Folded(pending[0], None, 0, failure)
    version = pending[len(states) - 1].originator_version
    made = change(model, aggregate_id, before, states, version)
    return Folded(pending[0], made, len(states), failure)


def _first_that_cannot_be_placed(
    model: ReadModel[Any, Any], pending: Sequence[StoredEvent], states: Sequence[Any]
) -> Failure | None:
    for event, state in zip(pending, states, strict=False):
        try:
            change(model, id_of(event), None, [state], event.originator_version)
        except Exception as e:  # noqa: BLE001  (whatever a read model's code raises)
            return Failure(event, e)
    return None


def states_after(
    model: ReadModel[Any, Any],
    decode: Decode,
    before: Any,
    events: Sequence[StoredEvent],
) -> tuple[Sequence[Any], Failure | None]:
    """Return the state after each event, up to the first event that cannot be folded, and that."""
    states: list[Any] = []
    state = before
    for event in events:
        try:
            state = after(model, decode, state, event)
        except Exception as e:  # noqa: BLE001  (whatever a read model's code raises)
            return states, Failure(event, e)
        states.append(state)
    return states, None


def after(model: ReadModel[Any, Any], decode: Decode, state: Any, event: StoredEvent) -> Any:
    """Return the state after an event.

    :raises ValueError: when the event cannot be read, or does not fit the state.
    """
    return model.fold(state, model.read(event, decode(event)))
