"""What one loop has to do now: which generation of its read model, for which shards.

It is looked up again every second, so that a loop follows a switch to another generation, a pause,
and a new division of the work without being started again.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from eventsourcing.persistence import PersistenceError

from projections import freshness
from projections.database import Database, Generation
from projections.errors import ReadModelsUnavailableError
from projections.feeds.feed import Feed
from projections.folding import Decode
from projections.generations import REFRESH, Generations, NotMadeError, OutdatedError
from projections.projection import Projection, Step
from projections.read_model import ReadModel
from projections.shards import Shard
from projections.shares import Shares
from projections.sweeping import PERIOD, Sweeper
from projections.truth import Truth

logger = logging.getLogger(__name__)

TELLING = 1.0
"""Seconds between two notes on how current the read model is."""
SWEEPING = 1.0
"""Seconds between two pages of a sweep while events keep coming; they must not put it off."""
FAILED = 30.0
"""Seconds until a sweep that has failed goes on."""


class Assignments:
    """The :class:`~projections.loop.Duties` of a loop. Without a truth nothing is swept."""

    def __init__(
        self,
        database: Database,
        model: ReadModel[Any, Any],
        feed: Feed,
        decode: Decode,
        *,
        shares: Shares,
        truth: Truth | None = None,
        sweep_period: timedelta = PERIOD,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._database = database
        self._generations = Generations(database)
        self._model = model
        self._feed = feed
        self._decode = decode
        self._shares = shares
        self._truth = truth
        self._sweep_period = sweep_period
        self._clock = clock
        self._projections: dict[tuple[Generation, Shard], Projection] = {}
        self._sweepers: dict[Projection, Sweeper] = {}
        self._current: dict[tuple[Generation, Shard], datetime] = {}
        self._assign_at = self._tell_at = self._sweep_at = 0.0
        self._is_left_alone = False

    def projections(self) -> Sequence[Projection]:
        """Return the projections to step once each, and begin a round.

        :raises ReadModelsUnavailableError: when the records cannot be reached.
        """
        now = self._clock()
        if now >= self._assign_at:
            self._assign()
            self._assign_at = now + REFRESH
        return list(self._projections.values())

    def done(self, began: datetime, steps: Sequence[tuple[Projection, Step]]) -> None:
        """Say as of when what has been read to its end is current, and sweep it a little.

        :raises ReadModelsUnavailableError: when the records cannot be reached.
        """
        now = self._clock()
        current = [(projection, step) for projection, step in steps if step.is_current]
        for projection, _ in current:
            moment = began - self._feed.lateness
            self._current[projection.generation, projection.shard] = moment
        if now >= self._tell_at:
            self._tell_at = now + TELLING
            for (generation, shard), moment in self._current.items():
                freshness.tell(self._database.records, generation, shard, moment)
            self._current.clear()
        if self._truth is not None and now >= self._sweep_at:
            self._sweep(self._truth, current, now)

    def _sweep(self, truth: Truth, current: Sequence[tuple[Projection, Step]], now: float) -> None:
        """Look at a page of a sweep in each shard; one that fails stops nothing that is shown."""
        is_busy = any(step.applied for _, step in current)
        self._sweep_at = now + SWEEPING if is_busy else now
        try:
            for projection, _ in current:
                if projection not in self._sweepers:
                    self._sweepers[projection] = Sweeper(
                        projection, self._database, truth, period=self._sweep_period
                    )
                self._sweepers[projection].step()
        except (PersistenceError, ReadModelsUnavailableError) as e:
            self._sweep_at = now + FAILED
            logger.warning(
                "The sweep of %s goes on in %g s; what the feed tells is shown meanwhile. "
                "Reason: %s",
                self._model.name,
                FAILED,
                e,
            )

    def _assign(self) -> None:
        generation = self._followed()
        shards = self._shares.shards(self._model.name)
        wanted = [(generation, shard) for shard in shards] if generation else []
        for gone in self._projections.keys() - set(wanted):
            self._sweepers.pop(self._projections.pop(gone), None)
        for generation, shard in wanted:
            if (generation, shard) not in self._projections:
                self._projections[generation, shard] = Projection(
                    generation, self._feed, self._database, self._decode, shard=shard
                )

    def _followed(self) -> Generation | None:
        try:
            generation = self._generations.to_follow(self._model)
        except (OutdatedError, NotMadeError) as e:
            if not self._is_left_alone:
                logger.warning("%s Until then it stands still; others go on.", e)
            self._is_left_alone = True
            return None
        self._is_left_alone = False
        return generation
