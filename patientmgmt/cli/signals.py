"""Stopping cleanly: SIGTERM ends a command the way Ctrl-C does, and the first of them counts."""

import signal
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def stop_at_first_signal() -> None:
    """Let SIGINT and SIGTERM raise KeyboardInterrupt in the main thread, once.

    Further ones are ignored, so that an impatient second Ctrl-C does not interrupt the ``finally``
    blocks that stop what was started.
    """
    for number in _SIGNALS:
        signal.signal(number, _interrupt)


def call_at_signals(stop: Callable[[], None]) -> None:
    """Let SIGINT and SIGTERM call ``stop`` from now on, so that what is under way is finished.

    It is called in the main thread, between any two of its steps, and again with a further signal.
    """
    for number in _SIGNALS:
        signal.signal(number, lambda _signal, _frame: stop())


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    for number in _SIGNALS:
        # Not SIG_IGN, about which Python complains when the other signal has arrived already.
        signal.signal(number, _ignore)
    raise KeyboardInterrupt


def _ignore(_signal: int, _frame: FrameType | None) -> None:
    pass
