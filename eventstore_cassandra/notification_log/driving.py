"""Carrying out a protocol without I/O, step by step, with pauses after what stays unanswered."""

from collections.abc import Callable, Generator
from typing import TypeVar

from eventstore_cassandra.append import Unanswered
from eventstore_cassandra.waiting import Waiting, pauses

_Step = TypeVar("_Step")
_Reply = TypeVar("_Reply")
_Result = TypeVar("_Result")


def drive(
    steps: Generator[_Step, _Reply, _Result], take: Callable[[_Step], _Reply], waiting: Waiting
) -> _Result:
    """Take the steps until they end, and return what they came to; what they raise passes through.

    :param take: carries out a step, and returns the reply that is sent for it.
    """
    step = next(steps)
    pause = pauses()
    while True:
        reply = take(step)
        try:
            step = steps.send(reply)
        except StopIteration as stop:
            result: _Result = stop.value
            return result
        if isinstance(reply, Unanswered):
            longest = next(pause)
            waiting.sleep_between(longest / 2, longest)
