"""When a process announces, and how long it waits: by how many others it meets, and how it goes."""

from eventstore_cassandra.notification_log.combine_steps import Combined

_CALM_AFTER = 8
"""Groups that meet no rivals, after which a process does not announce any more."""
_MANY = 4
"""Rivals with which it takes the longest pauses."""
_USUAL = 0.005


class Pace:
    """Of one process; for one thread at a time.

    Its measure is the time that an announcement takes. A pause is two to four of these among many
    rivals, and less among few. There is one before a group is taken, so that it grows, and one for
    each rival that is before it.
    """

    def __init__(self) -> None:
        self._contended = 0
        self._rivals = 1
        self._round_trip = _USUAL

    @property
    def is_contended(self) -> bool:
        """Whether others were met lately."""
        return self._contended > 0

    def lost(self) -> None:
        """Take note of a race that was lost."""
        self._contended = _CALM_AFTER

    def announced(self, seconds: float) -> None:
        """Take note of how long an announcement took."""
        self._round_trip += (seconds - self._round_trip) / 5

    def combined(self, result: Combined, *, active: int) -> None:
        """Take note of whom a group met.

        :param active: processes that have announced since the group before.
        """
        self._contended = _CALM_AFTER if result.rivals else self._contended - 1
        self._rivals = max(1, active)

    def pause(self) -> tuple[float, float]:
        """Return how long to pause at least and at the most, in seconds."""
        shortest = 2 * self._round_trip * min(self._rivals, _MANY) / _MANY
        return shortest, 2 * shortest
