"""Waiting for a condition instead of for a time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from time import monotonic

from projections.worker import Worker

PATIENCE = 20.0
"""Seconds; what is waited for takes milliseconds, on a busy machine perhaps a second."""


def wait_until(condition: Callable[[], bool]) -> None:
    """Return as soon as the condition holds.

    :raises TimeoutError: when it does not come to hold.
    """
    deadline = monotonic() + PATIENCE
    while not condition():
        if monotonic() > deadline:
            raise TimeoutError(f"The condition did not come to hold in {PATIENCE:g} seconds.")
        Event().wait(0.005)


@contextmanager
def running(*workers: Worker) -> Iterator[None]:
    """Run the workers in threads of their own, and stop them at the end."""
    threads = [Thread(target=worker.run) for worker in workers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for worker in workers:
            worker.stop()
        for thread in threads:
            thread.join(PATIENCE)
    assert not any(thread.is_alive() for thread in threads)
