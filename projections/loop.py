"""The loop that keeps one read model up to date, round and round."""

import logging
import queue
from collections.abc import Sequence
from datetime import UTC, datetime
from time import monotonic
from typing import Protocol

from eventsourcing.persistence import PersistenceError

from projections.errors import ReadModelsUnavailableError
from projections.projection import Projection, Step

logger = logging.getLogger(__name__)

SHORTEST_WAIT = 0.005
"""Seconds until the next poll after one that found something; a page seems to be live."""
LONGEST_WAIT = 0.25
"""Seconds between polls when nothing happens; waits double up to here."""
REST = 4
"""Times as long as a round took, until the next one of a read model that is not urgent."""
LONGEST_REST = 1.0
"""Seconds."""
SHORTEST_BACK_OFF = 0.25
"""Seconds until the next attempt after a store has failed."""
LONGEST_BACK_OFF = 5.0
"""Seconds between attempts while a store stays away; they double up to here."""


class Duties(Protocol):
    """What a loop has to do, from one round to the next."""

    def projections(self) -> Sequence[Projection]:
        """Return the projections to step once each, and begin a round."""
        ...

    def done(self, began: datetime, steps: Sequence[tuple[Projection, Step]]) -> None:
        """Take note of what came of a round, and do what is to be done beside it."""
        ...


class Loop:
    """Keeps a read model up to date until it is stopped.

    One object is for one thread, but for :meth:`stop`.

    :param name: the read model's.
    """

    def __init__(self, name: str, duties: Duties, *, is_urgent: bool = True) -> None:
        self._name = name
        self._duties = duties
        self._rest = 0 if is_urgent else REST
        self._stopping = False
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()

    def run(self) -> None:
        """Work until :meth:`stop`; wait out failures of the stores.

        :raises InvalidCheckpointError: when a saved checkpoint is not one of the feed's.
        """
        wait, back_off = SHORTEST_WAIT, SHORTEST_BACK_OFF
        while not self._stopping:
            began = monotonic()
            try:
                step = self._round()
            except (PersistenceError, ReadModelsUnavailableError) as e:
                logger.warning(
                    "The read model %s stands still. Trying again in %.2g s, and so on until the "
                    "database answers; nothing is lost. Reason: %s",
                    self._name,
                    back_off,
                    e,
                )
                self._pause(back_off)
                back_off = min(2 * back_off, LONGEST_BACK_OFF)
                continue
            if back_off > SHORTEST_BACK_OFF:
                logger.info("The read model %s goes on.", self._name)
                back_off = SHORTEST_BACK_OFF
            wait = SHORTEST_WAIT if step.applied else min(2 * wait, LONGEST_WAIT)
            if not step.more:
                rest = min(self._rest * (monotonic() - began), LONGEST_REST) if step.applied else 0
                self._pause(max(rest, wait - monotonic() % wait))  # with the loops beside it

    def stop(self) -> None:
        """Let :meth:`run` return after the step under way; from any thread or signal handler."""
        self._stopping = True
        self._wake.put(None)  # Safe in a signal handler, which setting a threading.Event is not.

    def catch_up(self) -> int:
        """Work until nothing new is found, and return how many events were shown.

        :raises PersistenceError: when the events cannot be read.
        :raises ReadModelsUnavailableError: when the read model cannot be read or written.
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
        for projection in self._duties.projections():
            if self._stopping:
                break
            steps.append((projection, projection.step()))
        self._duties.done(began, steps)
        applied = max((step.applied for _, step in steps), default=0)
        return Step(applied, any(step.more for _, step in steps))
