"""Stopping cleanly: SIGTERM ends a command the way Ctrl-C does."""

import signal
from types import FrameType
from typing import NoReturn


def stop_on_sigterm() -> None:
    """Let SIGTERM raise KeyboardInterrupt in the main thread, so that every ``finally`` runs."""
    signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
