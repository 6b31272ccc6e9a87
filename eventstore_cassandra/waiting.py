"""How a process waits: its time, its pauses, and what wakes its threads up."""

from random import uniform
from threading import Event
from time import monotonic, sleep


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

    def event(self) -> Event:
        """Return an event, not set, for which threads of this process can wait."""
        return Event()


WAITING = Waiting()
