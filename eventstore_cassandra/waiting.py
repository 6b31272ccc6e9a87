"""How a process waits: its time, its pauses, and what wakes its threads up."""

from collections.abc import Iterator
from itertools import count
from queue import Empty, SimpleQueue
from random import uniform
from time import monotonic, sleep

_FIRST_PAUSE = 0.02
_LONGEST_PAUSE = 1.0


class Signal:
    """Wakes up one thread.

    An exception that comes from outside in the midst of it, an interrupt, leaves it whole, unlike
    :class:`threading.Event`, which is made in Python of a lock.
    """

    def __init__(self) -> None:
        self._given: SimpleQueue[None] = SimpleQueue()

    def set(self) -> None:
        """Have the thread wake up that waits, or will wait."""
        self._given.put(None)

    def is_set(self) -> bool:
        """Tell whether a thread would wake up at once."""
        return not self._given.empty()

    def wait(self, timeout: float) -> bool:
        """Wait for the signal, which is not set any more then; return False after so long."""
        try:
            self._given.get(timeout=timeout)
        except Empty:
            return False
        return True


class Waiting:
    """The time of the machine. A simulation has one of its own, in which threads take turns."""

    def now(self) -> float:
        """Return seconds since some moment, which never go back."""
        return monotonic()

    def sleep(self, seconds: float) -> None:
        """Pause this thread."""
        sleep(seconds)

    def sleep_between(self, shortest: float, longest: float) -> None:
        """Pause this thread for a time of chance, so that rivals do not meet again in step."""
        self.sleep(uniform(shortest, longest))  # noqa: S311

    def signal(self) -> Signal:
        """Return a signal, not set, for which a thread of this process can wait."""
        return Signal()


WAITING = Waiting()


def pauses() -> Iterator[float]:
    """Yield how long to pause at the most, in seconds, after each failure in a row."""
    return (min(_FIRST_PAUSE * 2**n, _LONGEST_PAUSE) for n in count())
