"""How an operation tells how far it is."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeVar

Result = TypeVar("Result")


@dataclass(frozen=True)
class Progress:
    """A step was taken: so many of a stage's steps are done."""

    stage: str
    done: int
    total: int


def finish(operation: Generator[Progress, None, Result]) -> Result:
    """Run an operation to its end, and return its result."""
    while True:
        try:
            next(operation)
        except StopIteration as stop:
            result: Result = stop.value
            return result
