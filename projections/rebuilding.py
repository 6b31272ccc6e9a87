"""Making a read model's tables anew, beside those that pages go on reading.

A rebuild can be interrupted at any time: the generation that is being built has a checkpoint of its
own, and whoever rebuilds next goes on with it. Pages change over when it has caught up, by one
conditional write. The tables of before are dropped some seconds later, when nobody reads them.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Any

from projections.checkpoints import Checkpoints
from projections.crew import shard_count
from projections.database import Database, Generation
from projections.errors import ReadModelsUnavailableError
from projections.feeds.feed import Feed
from projections.folding import Decode
from projections.generations import REFRESH, Generations
from projections.projection import Projection
from projections.read_model import ReadModel
from projections.shards import Shard

HANDOVER = 3 * REFRESH
"""Seconds after the switch, until every worker and every page has noticed it."""


@dataclass(frozen=True)
class Rebuilding:
    """How far a rebuild is."""

    events: int
    """Shown so far, by this run."""
    seconds: float


@dataclass(frozen=True)
class Rebuilt:
    """What a rebuild came to."""

    generation: Generation
    events: int
    seconds: float
    parked: int


class OvertakenError(ReadModelsUnavailableError):
    """Somebody else has finished or begun another rebuild of the same read model."""


def rebuild(
    database: Database,
    model: ReadModel[Any, Any],
    feed: Feed,
    decode: Decode,
    *,
    clock: Callable[[], float] = monotonic,
    pause: Callable[[float], None] = sleep,
) -> Generator[Rebuilding, None, Rebuilt]:
    """Build a new generation, or go on with one, and let pages read it once it has caught up.

    :raises PersistenceError: when the events cannot be read; run it again, and it goes on.
    :raises ReadModelsUnavailableError: the same for the read models.
    """
    began, events = clock(), 0
    generations = Generations(database)
    generation = generations.begin(model)
    projection = Projection(generation, feed, database, decode)
    while True:
        step = projection.step()
        events += step.applied
        yield Rebuilding(events, clock() - began)
        if not step.applied and not step.more:
            break
    _hand_over(database, generation, feed)
    if not generations.switch(generation):
        raise OvertakenError(
            f"Another rebuild of {model.name} has come before: expected generation "
            f"{generation.number} to be the one that is built, found that it is not. See "
            "`patientmgmt projections status`."
        )
    switched = clock()
    while clock() < switched + HANDOVER:  # until the workers go on with it
        events += projection.step().applied
        pause(0.05)
    generations.drop_old(model)
    parked = len(projection.parking.all())
    return Rebuilt(generation, events, clock() - began, parked)


def _hand_over(database: Database, generation: Generation, feed: Feed) -> None:
    """Let the workers of all shards begin where the rebuild is."""
    checkpoints = Checkpoints(database.records, generation)
    place = checkpoints.load(feed.name)
    if place is not None:
        for shard in Shard.every(shard_count(database.records)):
            checkpoints.save(feed.name, place, shard)
