"""A worker: a thread for each read model, so that one that is slow or fails holds up no other.

Read models that are equally far wake together, and share what is read of the feed. They share the
worker's leases, too.
"""

import logging
from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from datetime import timedelta
from typing import Any

from projections.assignments import Assignments
from projections.crew import Crew
from projections.database import Database
from projections.errors import ReadModelsUnavailableError, TablesMissingError
from projections.feeds.feed import Feed
from projections.feeds.shared import SharedFeed
from projections.folding import Decode
from projections.loop import Loop
from projections.read_model import ReadModel
from projections.shares import Shares
from projections.sweeping import PERIOD
from projections.truth import Truth

logger = logging.getLogger(__name__)


class Worker:
    """Keeps read models up to date until it is stopped.

    Several workers may run on the same database at once. One object is for one thread, but for
    :meth:`stop`.

    Without a crew it works on all shards, whoever else does. Without a truth it sweeps nothing.
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
    ) -> None:
        self._feed = SharedFeed(feed)
        self._shares = Shares(database.records, crew)
        self._loops: Sequence[Loop] = [
            Loop(
                model.name,
                Assignments(
                    database,
                    model,
                    self._feed,
                    decode,
                    shares=self._shares,
                    truth=truth,
                    sweep_period=sweep_period,
                ),
                is_urgent=model.is_urgent,
            )
            for model in models
        ]

    def run(self) -> None:
        """Work until :meth:`stop`; wait out failures of the stores.

        :raises InvalidCheckpointError: when a saved checkpoint is not one of the feed's.
        """
        with ThreadPoolExecutor(len(self._loops), "read-model") as pool:
            running = [pool.submit(loop.run) for loop in self._loops]
            try:
                wait(running, return_when=FIRST_EXCEPTION)
            finally:
                self.stop()
        try:
            self._shares.leave()
        except ReadModelsUnavailableError as e:
            logger.info("The shards of this worker are free in some seconds: %s", e)
        for each in running:
            each.result()

    def stop(self) -> None:
        """Let :meth:`run` return after the steps under way; from any thread or signal handler."""
        for loop in self._loops:
            loop.stop()

    def catch_up(self) -> int:
        """Work until nothing new is found, and return how many events were shown.

        One that several read models show counts once, as far as they are side by side.

        :raises PersistenceError: when the events cannot be read.
        :raises ReadModelsUnavailableError: when the read models cannot be read or written.
        :raises InvalidCheckpointError: when a saved checkpoint is not one of the feed's.
        """
        applied, missing = 0, None
        self._feed.read_anew()
        for loop in self._loops:
            try:
                applied = max(applied, loop.catch_up())
            except TablesMissingError as e:  # those of one read model; others go on
                missing = e
        if missing is not None:
            raise missing
        return applied
