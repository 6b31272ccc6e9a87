"""Emptying read models, so that workers fill them again from the first event."""

from collections.abc import Iterable
from typing import Any

from projections import freshness
from projections.checkpoints import Checkpoints
from projections.database import Database
from projections.generations import Generations
from projections.parking import Parking
from projections.read_model import ReadModel
from projections.stamps import leave_stamp


def empty(database: Database, models: Iterable[ReadModel[Any, Any]]) -> None:
    """Empty all tables of the read models. No worker may run meanwhile.

    :raises ReadModelsUnavailableError: when the database, or a node of it, cannot be reached.
    """
    for model in models:
        for generation in Generations(database).all(model):
            Checkpoints(database.records, generation).forget_all()
            database.empty(generation)
            Parking(database, generation).forget()
            freshness.forget(database.records, generation)
            leave_stamp(database.records, generation)
