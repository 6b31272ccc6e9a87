"""The parent's side of a child process: what it has told so far, and signals to it."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from threading import Condition, Thread
from types import TracebackType
from typing import Any, Self

from tests.faults.plan import Plan
from tests.faults.waiting import PATIENCE

_END = 30.0


class Worker:
    """A child that carries out a plan. Leaving the context kills it if it still runs."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._told: list[list[Any]] = []
        self._is_over = False
        self._condition = Condition()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.worker", plan.to_json()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._listener = Thread(target=self._listen)
        self._listener.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            self.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()

    def told(self, kind: str) -> list[list[Any]]:
        """Return everything of a kind that the child has told, in order."""
        with self._condition:
            return [values for told, *values in self._told if told == kind]

    def wait_for(self, kind: str, *, count: int = 1) -> None:
        """Return once the child has told so many things of a kind.

        :raises AssertionError: when it has ended before, or patience is at its end.
        """
        deadline = time.monotonic() + PATIENCE
        with self._condition:
            while (found := sum(told[0] == kind for told in self._told)) < count:
                left = deadline - time.monotonic()
                if self._is_over or left <= 0:
                    state = "it has ended" if self._is_over else f"{PATIENCE:g} s are over"
                    raise AssertionError(
                        f"Expected {self.plan.name} to tell {count} times {kind!r}, found {found} "
                        f"when {state}. Its troubles: {self._troubles()}"
                    )
                self._condition.wait(left)

    def send(self, *words: object) -> None:
        """Give a command."""
        if self._process.stdin is None:
            raise AssertionError(f"Expected a pipe to {self.plan.name}, found none.")
        self._process.stdin.write(" ".join(map(str, words)).encode() + b"\n")
        self._process.stdin.flush()

    def pause(self) -> None:
        """Stop the child's threads where they are."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let the child's threads go on."""
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End the child without notice; what it had told before stands."""
        self._process.kill()
        self._process.wait(_END)
        self._listener.join(_END)

    def wait_until_it_ends(self) -> None:
        """Return once the child has done all of its plan.

        :raises AssertionError: when it fails, or patience is at its end.
        """
        try:
            code = self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(
                f"Expected {self.plan.name} to end within {PATIENCE:g} s, but it still runs. "
                f"Its troubles: {self._troubles()}"
            ) from None
        self._listener.join(_END)
        if code:
            raise AssertionError(f"Expected {self.plan.name} to end well, found exit code {code}.")

    def _troubles(self) -> Sequence[str]:
        return [str(told[1]) for told in self._told if told[0] == "trouble"][-5:]

    def _listen(self) -> None:
        if self._process.stdout is None:
            return
        for line in self._process.stdout:
            if line.endswith(b"\n"):
                with self._condition:
                    self._told.append(json.loads(line))
                    self._condition.notify_all()
        with self._condition:
            self._is_over = True
            self._condition.notify_all()
