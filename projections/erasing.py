"""Erasing an aggregate from read models, by what its events tell of where it stood."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from eventsourcing.persistence import StoredEvent

from projections.change import places
from projections.database import Database, Generation
from projections.errors import ReadModelsUnavailableError
from projections.folding import Decode, after
from projections.generations import Generations, OutdatedError
from projections.parking import Parking
from projections.read_model import ReadModel
from projections.stamps import leave_stamp


class NotErasedError(ReadModelsUnavailableError):
    """Nothing could be erased from read models; the message says what to do."""


def erase_aggregate(
    database: Database,
    models: Iterable[ReadModel[Any, Any]],
    aggregate_id: UUID,
    events: Sequence[StoredEvent],
    decode: Decode,
) -> None:
    """Erase an aggregate. It may be done again, and with none of the events left.

    Tables that are left of earlier makings, and of rebuilds that were given up, are dropped first.
    Events that cannot be read have never been shown, and are passed over.

    :param events: all events of the aggregate that have their contents still.
    :raises NotErasedError: when another version of the code has made tables of a read model: only
        that version knows what is where in them. It is erased from no read model then.
    :raises ReadModelsUnavailableError: when the read models cannot be reached.
    """
    for model, generations in _remaining(database, models):
        states = _states(model, events, decode)
        for generation in generations:
            tables = database.open(generation)
            guard = tables.guards([aggregate_id]).get(aggregate_id)
            shown = [] if guard is None else [_shown(model, guard.state)]
            tables.erase(aggregate_id, places(model, [*states, *shown]))
            Parking(database, generation).forget_shown()
            leave_stamp(database.records, generation)


def check_erasable(database: Database, models: Iterable[ReadModel[Any, Any]]) -> None:
    """Check that an aggregate can be erased from the read models.

    :raises NotErasedError: when it cannot, as :func:`erase_aggregate`.
    :raises ReadModelsUnavailableError: when the read models cannot be reached.
    """
    _remaining(database, models)


def _remaining(
    database: Database, models: Iterable[ReadModel[Any, Any]]
) -> Sequence[tuple[ReadModel[Any, Any], Sequence[Generation]]]:
    try:
        return [(model, Generations(database).remaining(model)) for model in models]
    except OutdatedError as e:
        raise NotErasedError(f"{e} Then erase again: nothing is erased from read models.") from e


def _states(
    model: ReadModel[Any, Any], events: Sequence[StoredEvent], decode: Decode
) -> Sequence[Any]:
    state, states = None, []
    for event in events:
        try:
            state = after(model, decode, state, event)
            model.place_rows(state)
        except Exception:  # noqa: BLE001, S112  (whatever a read model's code raises)
            continue
        states.append(state)
    return states


def _shown(model: ReadModel[Any, Any], state: str) -> Any:
    try:
        return model.from_json(state)
    except ValueError:
        return None
