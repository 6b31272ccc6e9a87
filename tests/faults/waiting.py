"""Waiting for what is bound to come, however busy the machine is."""

import time
from collections.abc import Callable
from threading import Event
from typing import TypeVar

from eventsourcing.persistence import OperationalError

T = TypeVar("T")

PATIENCE = 240.0
"""Seconds after which a run is given up: far more than any of it takes, on a busy machine too."""
_POLL = 0.02
_RETRY = 0.5


def patiently(operation: Callable[[], T]) -> T:
    """Carry an operation out that needs all replicas, again while one of them is not back yet.

    :raises OperationalError: when patience is at its end.
    """
    deadline = time.monotonic() + PATIENCE
    pause = Event()
    while True:
        try:
            return operation()
        except OperationalError:
            if time.monotonic() > deadline:
                raise
        pause.wait(_RETRY)


def until(condition: Callable[[], bool], what: str) -> None:
    """Return once the condition holds.

    :raises AssertionError: when patience is at its end.
    """
    deadline = time.monotonic() + PATIENCE
    pause = Event()
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"Expected within {PATIENCE:g} s: {what}.")
        pause.wait(_POLL)
