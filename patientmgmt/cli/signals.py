"""Stopping cleanly: SIGTERM, or the end of its terminal, ends a command the way Ctrl-C does."""

import signal
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

_SIGNALS = (
    signal.SIGINT,
    signal.SIGTERM,
    # The terminal is closed. Who has set it to be ignored, as nohup does, goes on without one.
    *(each for each in (signal.SIGHUP,) if signal.getsignal(each) != signal.SIG_IGN),
)


def stop_at_first_signal() -> None:
    """Let SIGINT, SIGTERM and SIGHUP raise KeyboardInterrupt in the main thread, once.

    Further ones are ignored, so that an impatient second Ctrl-C does not interrupt the ``finally``
    blocks that stop what was started.
    """
    for number in _SIGNALS:
        signal.signal(number, _interrupt)


def call_at_signals(stop: Callable[[], None]) -> None:
    """Let the same signals call ``stop`` from now on, so that what is under way is finished.

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
