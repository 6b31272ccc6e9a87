"""An exception from outside, at each point at which there can be one, in turn.

The interpreter looks for signals, whose handlers may raise, where a function begins, after a call,
and where a loop goes back.
"""

import dis
import sys
import threading
from functools import cache
from pathlib import Path
from types import CodeType, FrameType, TracebackType
from typing import Any

import eventstore_cassandra

PACKAGE = str(Path(eventstore_cassandra.__file__).parent)
LOOKS_FOR_SIGNALS = ("CALL", "CALL_KW", "CALL_FUNCTION_EX", "RESUME", "JUMP_BACKWARD")


@cache
def operations(code: CodeType) -> dict[int, str]:
    return {each.offset: each.opname for each in dis.get_instructions(code)}


class InterruptAt:
    """Raises KeyboardInterrupt in this thread at one of the points, counted from 1."""

    def __init__(self, point: int) -> None:
        self.where: str | None = None
        self._left = point
        self._before: dict[FrameType, str] = {}

    def __enter__(self) -> "InterruptAt":
        self._others = sys.gettrace()
        # In Python 3.12, operations are traced only if some frame wants it before tracing is set.
        sys._getframe().f_trace_opcodes = True
        sys.settrace(self._enter)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, at: TracebackType | None
    ) -> bool:
        sys.settrace(self._others)
        self._before.clear()
        return kind is KeyboardInterrupt

    def _enter(self, frame: FrameType, event: str, argument: object) -> Any:
        file = frame.f_code.co_filename
        is_used = file == threading.__file__ and frame.f_back and frame.f_back.f_trace
        if not is_used and not file.startswith(PACKAGE):
            return None
        frame.f_trace = self._step  # in Python 3.13, operations are traced if this comes first
        frame.f_trace_opcodes = True
        self._before[frame] = "RESUME"  # in Python 3.11, that is not traced as an operation
        return self._step

    def _step(self, frame: FrameType, event: str, argument: object) -> Any:
        if event == "opcode":
            before = self._before.get(frame)
            self._before[frame] = operations(frame.f_code)[frame.f_lasti]
            if before in LOOKS_FOR_SIGNALS:
                self._left -= 1
            if self._left == 0 and self.where is None:
                self.where = f"{frame.f_code.co_qualname}, line {frame.f_lineno}"
                raise KeyboardInterrupt
        return self._step
