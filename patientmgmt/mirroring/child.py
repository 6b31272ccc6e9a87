"""A ``patientmgmt`` command that runs beside this process until it is told to end."""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from subprocess import DEVNULL, STDOUT, Popen, TimeoutExpired
from types import TracebackType
from typing import Self

from eventstore_grpc.uninterrupted import uninterrupted

_START_SECONDS = 120.0
_STOP_SECONDS = 60.0
_POLL_SECONDS = 0.05
_SHOWN_LINES = 3


class ChildError(OSError):
    """A command has not started as it should."""


class Child:
    """A command, as a context manager.

    :param output: the file for what it says, which is made anew.
    """

    def __init__(self, *arguments: str, env: Mapping[str, str], output: Path) -> None:
        self._arguments = arguments
        self._env = env
        self._output = output
        self._process: Popen[bytes] | None = None

    def said(self) -> str:
        """Return its output so far, with its errors."""
        return self._output.read_text(encoding="utf-8", errors="replace")

    def wait_for(self, text: str) -> str:
        """Return what it says behind a text in one line, once it says so.

        :raises ChildError: when it ends without, or takes too long.
        """
        deadline = time.monotonic() + _START_SECONDS
        while True:
            has_ended = self._process is None or self._process.poll() is not None
            for line in self.said().splitlines(keepends=True):
                if text in line and line.endswith("\n"):
                    return line.split(text, 1)[1].strip()
            if has_ended or time.monotonic() > deadline:
                last = " ".join(self.said().splitlines()[-_SHOWN_LINES:])
                raise ChildError(f"Expected {self} to say {text!a}, found: {last}")
            time.sleep(_POLL_SECONDS)

    def check(self) -> None:
        """Return if it runs.

        :raises ChildError: when it has ended.
        """
        code = None if self._process is None else self._process.poll()
        if code is not None:
            raise ChildError(
                f"Expected {self} to run, found that it has ended with code {code}. What it said "
                f"is in {self._output}."
            )

    def stop(self) -> int:
        """Let it end as SIGTERM does, and return its exit code; it is killed if it does not."""
        if self._process is None:
            return 0
        self._process.terminate()
        try:
            return self._process.wait(_STOP_SECONDS)
        except TimeoutExpired:
            self._process.kill()
            return self._process.wait(_STOP_SECONDS)

    def __str__(self) -> str:
        return f"`patientmgmt {' '.join(self._arguments)}`"

    def __enter__(self) -> Self:
        self.start()
        return self

    def start(self) -> None:
        """Start it; to be ended by :meth:`stop`."""
        with self._output.open("wb") as output, uninterrupted():
            self._process = Popen(
                [sys.executable, "-m", "patientmgmt", *self._arguments],
                env=dict(self._env),
                stdin=DEVNULL,
                stdout=output,
                stderr=STDOUT,
                # Ctrl-C is for who has started it, and ends it in turn.
                start_new_session=True,
            )

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.stop()
