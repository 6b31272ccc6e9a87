"""Stopping by a signal: at once while a store is waited for, after the page while it is printed."""

from collections.abc import Iterator
from contextlib import contextmanager


class Stopping:
    """Call it in a signal handler. One object is for the main thread, where handlers run."""

    def __init__(self) -> None:
        self._is_called = False
        self._waits = False

    def __call__(self) -> None:
        """Stop.

        :raises KeyboardInterrupt: inside of :meth:`waiting`.
        """
        self._is_called = True
        if self._waits:
            self._waits = False  # a second signal must not interrupt what cleans up
            raise KeyboardInterrupt

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Let the block be interrupted, at its beginning if it was to stop before.

        :raises KeyboardInterrupt: when it is to stop.
        """
        self._waits = True
        try:
            if self._is_called:
                raise KeyboardInterrupt
            yield
        finally:
            self._waits = False
