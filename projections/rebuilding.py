"""Making a read model's tables anew, beside those that pages go on reading.

A rebuild can be interrupted at any time: the generation that is being built has a checkpoint of its
own, and whoever rebuilds next goes on with it. Pages change over when it has caught up, by one
conditional write. The tables of before are dropped some seconds later, when nobody reads them.
"""

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic, sleep
from typing import Any

from projections import freshness
from projections.checkpoints import Checkpoints
from projections.crew import shard_count
from projections.database import Database, Generation
from projections.errors import ReadModelsUnavailableError
from projections.feeds.feed import Feed, InvalidCheckpointError
from projections.folding import Decode
from projections.generations import REFRESH, Generations
from projections.projection import Projection, Step
from projections.read_model import ReadModel
from projections.shards import Shard
from projections.sweeping import show_rest
from projections.truth import Truth

HANDOVER = 3 * REFRESH
"""Seconds after the switch, until every worker and every page has noticed it."""
SHORT_PAGES = 10
"""One after the other without a full one: it has caught up, though events never cease."""


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
    truth: Truth | None = None,
    clock: Callable[[], float] = monotonic,
    pause: Callable[[float], None] = sleep,
) -> Generator[Rebuilding, None, Rebuilt]:
    """Build a new generation, or go on with one, and let pages read it once it has caught up.

    :param truth: what the feed has lost is found with it before pages change over: the tables of
        before may have it from a sweep.
    :raises PersistenceError: when the events cannot be read; run it again, and it goes on.
    :raises ReadModelsUnavailableError: the same for the read models.
    """
    began, events = clock(), 0
    generations = Generations(database)
    generation = _begin(database, generations, model, feed)
    projection = Projection(generation, feed, database, decode)
    current: datetime | None = None
    for asked, step in _build(projection, database, truth):
        events += step.applied
        current = asked - feed.lateness if step.is_current else current
        yield Rebuilding(events, clock() - began)
    _hand_over(database, generation, feed, current)
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


def _begin(
    database: Database, generations: Generations, model: ReadModel[Any, Any], feed: Feed
) -> Generation:
    """Return the generation to build: that of before, unless nobody can go on with it."""
    generation = generations.begin(model)
    place = Checkpoints(database.records, generation).load(feed.name)
    try:
        if place is not None:
            feed.poll(place)
    except InvalidCheckpointError:
        return generations.begin(model, anew=True)
    return generation


def _build(
    projection: Projection, database: Database, truth: Truth | None
) -> Iterator[tuple[datetime, Step]]:
    """Fill the generation, and yield each step with when it began."""
    yield from _follow(projection)
    if truth is not None:
        for shown in show_rest(projection, database, truth):
            yield datetime.now(UTC), Step(shown, more=True)
        yield from _follow(projection)


def _follow(projection: Projection) -> Iterator[tuple[datetime, Step]]:
    """Step until nothing is new, or hardly anything for as long as commands go on and on."""
    short = 0
    while True:
        asked = datetime.now(UTC)
        step = projection.step()
        yield asked, step
        short = 0 if step.more else short + 1
        if short == SHORT_PAGES or not (step.applied or step.more):
            return


def _hand_over(
    database: Database, generation: Generation, feed: Feed, current: datetime | None
) -> None:
    """Let workers of all shards begin where the rebuild is, and pages know how current it is."""
    checkpoints, count = Checkpoints(database.records, generation), shard_count(database.records)
    place = checkpoints.load(feed.name)
    if place is not None:
        for shard in Shard.every(count):
            checkpoints.save(feed.name, place, shard)
    if current is not None:
        freshness.tell_all(database.records, generation, count, current)
