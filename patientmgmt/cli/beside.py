"""Tasks that run in threads of their own, beside what a command does in its main thread."""

import logging
from _thread import interrupt_main
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Protocol

import click

from projections.feeds.feed import InvalidCheckpointError

logger = logging.getLogger(__name__)


class Task(Protocol):
    """Something that goes on until it is stopped."""

    def run(self) -> None:
        """Work until :meth:`stop`."""
        ...

    def stop(self) -> None:
        """Let :meth:`run` return soon; from any thread."""
        ...


@contextmanager
def beside(task: Task | None, name: str) -> Iterator[None]:
    """Run a task, if there is one, beside the block, which is interrupted if the task fails.

    :param name: what the task is called, in lower case.
    :raises click.ClickException: when the task has failed.
    """
    if task is None:
        yield
        return
    failures: list[Exception] = []

    def work() -> None:
        try:
            task.run()
        except InvalidCheckpointError as e:
            failures.append(e)
            interrupt_main()
        except Exception as e:
            logger.exception("The %s has failed, so everything stops.", name)
            failures.append(e)
            interrupt_main()

    thread = Thread(target=work, name=name.replace(" ", "-"))
    thread.start()
    try:
        yield
    finally:
        task.stop()
        thread.join()
        if failures:
            raise click.ClickException(f"The {name} has failed: {failures[0]}")
