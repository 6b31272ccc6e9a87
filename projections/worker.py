"""The loop that keeps read models up to date: one projection after the other, round and round.

Projections that are equally far share each read of the feed.
"""

import logging
import queue
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol

from eventsourcing.persistence import PersistenceError

from projections.errors import ReadModelsUnavailableError, TablesMissingError
from projections.projection import Projection, Step

logger = logging.getLogger(__name__)

SHORTEST_WAIT = 0.02
"""Seconds until the next poll after one that found something; a page seems to be live."""
LONGEST_WAIT = 0.25
"""Seconds between polls when nothing happens; waits double up to here."""
SHORTEST_BACK_OFF = 0.25
"""Seconds until the next attempt after a store has failed."""
LONGEST_BACK_OFF = 5.0
"""Seconds between attempts while a store stays away; they double up to here."""


class Duties(Protocol):
    """What a worker has to do, from one round to the next."""

    def projections(self) -> Sequence[Projection]:
        """Return the projections to step once each, and begin a round."""
        ...

    def done(self, began: datetime, steps: Sequence[tuple[Projection, Step]]) -> None:
        """Take note of what came of a round, and do what is to be done beside it."""
        ...

    def leave(self) -> None:
        """Let others have the work."""
        ...


class Worker:
    """Keeps read models up to date until it is stopped.

    Several workers may run on the same database at once. One object is for one thread, but for
    :meth:`stop`.
    """

    def __init__(self, duties: Duties) -> None:
        self._duties = duties
        self._stopping = False
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()

    def run(self) -> None:
        """Work until :meth:`stop`; wait out failures of the stores.

        :raises InvalidCheckpointError: when a saved checkpoint is not one of the feed's.
        """
        wait, back_off = SHORTEST_WAIT, SHORTEST_BACK_OFF
        while not self._stopping:
            try:
                step = self._round()
            except (PersistenceError, ReadModelsUnavailableError) as e:
                logger.warning(
                    "The read models stand still. Trying again in %.2g s, and so on until the "
                    "database answers; nothing is lost. Reason: %s",
                    back_off,
                    e,
                )
                self._pause(back_off)
                back_off = min(2 * back_off, LONGEST_BACK_OFF)
                continue
            if back_off > SHORTEST_BACK_OFF:
                logger.info("The read models go on.")
                back_off = SHORTEST_BACK_OFF
            wait = SHORTEST_WAIT if step.applied else min(2 * wait, LONGEST_WAIT)
            if not step.more:
                self._pause(wait)
        self._leave()

    def stop(self) -> None:
        """Let :meth:`run` return after the step under way; from any thread or signal handler."""
        self._stopping = True
        self._wake.put(None)  # Safe in a signal handler, which setting a threading.Event is not.

    def catch_up(self) -> int:
        """Work until nothing new is found, and return how many events were shown.

        One that several read models show counts once, as far as they are side by side.

        :raises PersistenceError: when the events cannot be read.
        :raises ReadModelsUnavailableError: when the read models cannot be read or written.
        :raises InvalidCheckpointError: when a saved checkpoint is not one of the feed's.
        """
        applied = 0
        while True:
            step = self._round()
            applied += step.applied
            if not step.applied and not step.more:
                return applied

    def _pause(self, seconds: float) -> None:
        try:
            self._wake.get(timeout=seconds)
        except queue.Empty:
            return

    def _round(self) -> Step:
        began = datetime.now(UTC)
        steps: list[tuple[Projection, Step]] = []
        missing: TablesMissingError | None = None
        for projection in self._duties.projections():
            if self._stopping:
                break
            try:
                steps.append((projection, projection.step()))
            except TablesMissingError as e:  # those of one read model; others go on
                missing = e
        self._duties.done(began, steps)
        if missing is not None:
            raise missing
        applied = max((step.applied for _, step in steps), default=0)
        return Step(applied, any(step.more for _, step in steps))

    def _leave(self) -> None:
        try:
            self._duties.leave()
        except ReadModelsUnavailableError as e:
            logger.info("The shards of this worker are free in some seconds: %s", e)
