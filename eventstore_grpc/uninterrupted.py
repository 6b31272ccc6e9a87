"""Starting something so that whoever is interrupted meanwhile knows it, and can end it.

A process that was begun, but is not assigned yet, would be left running. A call of gRPC for which
no thread takes the responses yet would be waited for at the end of its channel, for ever.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let signals that come in the block do at its end what they would do in it.

    To block them would not do, since a process inherits that. Only the main thread is ever
    interrupted.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []

    def keep(number: int, _frame: FrameType | None) -> None:
        came.append(number)

    before = {
        number: signal.signal(number, keep)
        for number in _SIGNALS
        if callable(signal.getsignal(number))
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for kept in dict.fromkeys(came):
            signal.raise_signal(kept)
