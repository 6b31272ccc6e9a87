"""What one worker has to do now: which generations, for which shards.

It is looked up again every second, so that a worker follows a switch to another generation, a
pause, and a new division of the work without being started again.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from projections import freshness
from projections.crew import RENEWAL, Crew, shard_count
from projections.database import Database, Generation
from projections.feeds.feed import Feed
from projections.feeds.shared import SharedFeed
from projections.folding import Decode
from projections.generations import REFRESH, Generations, NotMadeError, OutdatedError
from projections.projection import Projection, Step
from projections.read_model import ReadModel
from projections.shards import Shard
from projections.sweeping import PERIOD, Sweeper
from projections.truth import Truth

logger = logging.getLogger(__name__)

TELLING = 1.0
"""Seconds between two notes on how current the read models are, and two pages of a sweep while
events keep coming."""


class Assignments:
    """The :class:`~projections.worker.Duties` of a worker.

    Without a crew they are all shards, whoever else works on them. Without a truth nothing is
    swept.
    """

    def __init__(
        self,
        database: Database,
        models: Iterable[ReadModel[Any, Any]],
        feed: Feed,
        decode: Decode,
        *,
        truth: Truth | None = None,
        sweep_period: timedelta = PERIOD,
        crew: Crew | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._database = database
        self._generations = Generations(database)
        self._models = list(models)
        self._feed = SharedFeed(feed)
        self._decode = decode
        self._truth = truth
        self._sweep_period = sweep_period
        self._crew = crew
        self._clock = clock
        self._shards: Sequence[Shard] = []
        self._projections: dict[tuple[Generation, Shard], Projection] = {}
        self._sweepers: dict[Projection, Sweeper] = {}
        self._current: dict[Shard, dict[str, datetime]] = {}
        self._assign_at = self._renew_at = self._tell_at = 0.0
        self._left_alone: set[str] = set()

    def projections(self) -> Sequence[Projection]:
        """Return the projections to step once each, and begin a round.

        :raises ReadModelsUnavailableError: when the records cannot be reached.
        """
        self._feed.next_round()
        now = self._clock()
        if now >= self._renew_at:
            self._shards = self._take_part()
            self._renew_at = now + RENEWAL
            self._assign_at = now
        if now >= self._assign_at:
            self._assign()
            self._assign_at = now + REFRESH
        return list(self._projections.values())

    def done(self, began: datetime, steps: Sequence[tuple[Projection, Step]]) -> None:
        """Say as of when what has been read to its end is current, and sweep it a little.

        :raises ReadModelsUnavailableError: when the records cannot be reached.
        """
        now = self._clock()
        is_time = now >= self._tell_at
        for projection, step in steps:
            if step.is_current:
                current = self._current.setdefault(projection.shard, {})
                current[str(projection.generation)] = began
                if is_time or not step.applied:  # events that never cease must not put it off
                    self._sweep(projection)
        if not is_time:
            return
        self._tell_at = now + TELLING
        for shard in self._shards:
            if shard in self._current:
                freshness.tell(self._database.records, shard, self._current[shard])
        self._current.clear()

    def leave(self) -> None:
        """Let others have the shards."""
        if self._crew:
            self._crew.leave()

    def _sweep(self, projection: Projection) -> None:
        if self._truth is None:
            return
        if projection not in self._sweepers:
            self._sweepers[projection] = Sweeper(
                projection, self._database, self._truth, period=self._sweep_period
            )
        self._sweepers[projection].step()

    def _take_part(self) -> Sequence[Shard]:
        if self._crew:
            return self._crew.take_part()
        return Shard.every(shard_count(self._database.records))

    def _assign(self) -> None:
        followed = self._followed()
        wanted = [(generation, shard) for generation in followed for shard in self._shards]
        for gone in self._projections.keys() - set(wanted):
            self._sweepers.pop(self._projections.pop(gone), None)
        for generation, shard in wanted:
            if (generation, shard) not in self._projections:
                self._projections[generation, shard] = Projection(
                    generation, self._feed, self._database, self._decode, shard=shard
                )

    def _followed(self) -> Sequence[Generation]:
        followed = []
        for model in self._models:
            try:
                generation = self._generations.to_follow(model)
            except (OutdatedError, NotMadeError) as e:
                if model.name not in self._left_alone:
                    self._left_alone.add(model.name)
                    logger.warning("%s Until then it stands still; others go on.", e)
                continue
            self._left_alone.discard(model.name)
            if generation is not None:
                followed.append(generation)
        return followed
