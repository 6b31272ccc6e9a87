"""What a follower says of a store that is away, and how long it waits between tries."""

import logging
from collections.abc import Callable
from time import monotonic

logger = logging.getLogger(__name__)

SHORTEST_WAIT = 0.25
"""Seconds until the first try after one that failed."""
LONGEST_WAIT = 5.0
"""Seconds between tries while the store stays away; they double up to here."""
FIRST_REMINDER = 30.0
"""Seconds after which it is said again that the store is away; they double up to an hour."""
_LONGEST_SILENCE = 3600.0


class Outage:
    """Follows one outage after the other; for one thread."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._since: float | None = None
        self._wait = SHORTEST_WAIT
        self._silence = FIRST_REMINDER
        self._silent_until = 0.0

    def goes_on(self, error: BaseException, position: int) -> float:
        """Say that the store is away, unless that was said lately; return how long to wait, in s.

        :param position: up to which the log was read.
        """
        now = self._clock()
        if self._since is None:
            self._since, self._wait = now, SHORTEST_WAIT
            self._silence, self._silent_until = FIRST_REMINDER, now
        if now >= self._silent_until:
            logger.warning(
                "The notification log cannot be read after position %d, for %.0f s now. It is "
                "tried again until the store answers; nothing is lost. Reason: %s",
                position,
                now - self._since,
                error,
            )
            self._silent_until = now + self._silence
            self._silence = min(2 * self._silence, _LONGEST_SILENCE)
        wait = self._wait
        self._wait = min(2 * wait, LONGEST_WAIT)
        return wait

    def is_over(self, position: int) -> None:
        """Say that the store is back, if it was away."""
        if self._since is not None:
            logger.warning(
                "The notification log is read again after position %d, after %.0f s.",
                position,
                self._clock() - self._since,
            )
            self._since = None
