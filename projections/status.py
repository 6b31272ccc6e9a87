"""What there is to know about a read model and its workers, for an operator."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from projections.checkpoints import Checkpoints
from projections.crew import Member, members, shard_count
from projections.database import Database, Generation
from projections.feeds.feed import Feed, aggregate_id
from projections.freshness import current_as_of
from projections.generations import Generations, Registered
from projections.parking import Parked, Parking
from projections.read_model import ReadModel
from projections.shards import Shard
from projections.sweeping import Sweep, last_sweep

COUNTED_AT_MOST = 10_000
"""Events that wait are counted up to here: counting them means reading them."""


@dataclass(frozen=True)
class Status:
    """One read model."""

    model: ReadModel[Any, Any]
    registered: Registered | None
    """Its generations; None before its tables were made."""
    checkpoints: Mapping[str, str | None]
    """By shard, in words; None for one that has not begun."""
    waiting: int
    """Events that are not shown, without those that wait behind one that is parked."""
    current_as_of: datetime | None
    """When all that could be seen was shown; None if never."""
    parked: Sequence[Parked]
    sweeps: Mapping[str, Sweep | None]
    """By shard."""

    @property
    def counted_all(self) -> bool:
        """Whether ``waiting`` is all, and not only the first of them."""
        return self.waiting < COUNTED_AT_MOST


@dataclass(frozen=True)
class Overview:
    """All read models, and who works on them."""

    models: Sequence[Status]
    workers: Sequence[Member]
    shards: int


def overview(database: Database, models: Sequence[ReadModel[Any, Any]], feed: Feed) -> Overview:
    """Return the state of the read models.

    :raises PersistenceError: when the events cannot be read.
    :raises ReadModelsUnavailableError: when the read models cannot be read.
    :raises InvalidCheckpointError: when a saved checkpoint is not one of the feed's.
    """
    records = database.records
    count = shard_count(records)
    return Overview(
        [_status(database, model, feed, count) for model in models],
        members(records),
        count,
    )


def _status(
    database: Database,
    model: ReadModel[Any, Any],
    feed: Feed,
    count: int,
) -> Status:
    registered = Generations(database).registered(model)
    if registered is None or registered.live.version != model.version:
        return Status(model, registered, {}, 0, None, [], {})
    generation = Generation(model, registered.live.number)
    checkpoints = Checkpoints(database.records, generation)
    places = {shard: checkpoints.load(feed.name, shard) for shard in Shard.every(count)}
    parked = Parking(database, generation).all()
    return Status(
        model,
        registered,
        {
            str(shard): None if place is None else feed.describe(place)
            for shard, place in places.items()
        },
        _waiting(database, generation, feed, places, {p.aggregate_id for p in parked}),
        current_as_of(database.records, generation, count),
        parked,
        {
            str(shard): last_sweep(database.records, generation, shard)
            for shard in Shard.every(count)
        },
    )


def _waiting(
    database: Database,
    generation: Generation,
    feed: Feed,
    places: Mapping[Shard, str | None],
    parked: set[Any],
) -> int:
    tables, unshown = database.open(generation), set()
    for shard, place in places.items():
        while True:
            batch = feed.poll(place)
            seen = {
                (id_, event.originator_version)
                for event in batch.events
                if shard.has(id_ := aggregate_id(event)) and id_ not in parked
            }
            guards = tables.guards(list({id_ for id_, _ in seen}))
            unshown |= {
                (id_, version)
                for id_, version in seen
                if id_ not in guards or guards[id_].version < version
            }
            place = batch.checkpoint
            if not batch.more or len(unshown) >= COUNTED_AT_MOST:
                break
    return min(len(unshown), COUNTED_AT_MOST)
