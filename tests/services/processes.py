"""Processes of the system as an operator starts them: servers that a test may kill, and clients."""

import os
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from subprocess import DEVNULL, STDOUT, Popen
from sys import executable
from threading import Event

from tests.system.test_commands import clean_environment

PATIENCE = 120.0
"""Seconds after which a test is given up: far more than any of it takes, on a busy machine too."""
_POLL = 0.02


def until(condition: Callable[[], bool], what: str) -> None:
    """Return once the condition holds.

    :raises AssertionError: when patience is at its end.
    """
    deadline = time.monotonic() + PATIENCE
    pause = Event()
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"Expected within {PATIENCE:g} s: {what}.")
        pause.wait(_POLL)


class Process:
    """A ``patientmgmt`` command that runs beside the test, with its output in files.

    Output is appended, also by the next process that is given the same files.
    """

    def __init__(
        self, env: Mapping[str, str], *arguments: str, output: Path, errors: Path | None = None
    ) -> None:
        self.output = output
        self._errors = errors or output
        with output.open("ab") as out, self._errors.open("ab") as err:
            self._process = Popen(
                [executable, "-m", "patientmgmt", *arguments],
                env={**clean_environment(), "PYTHONUNBUFFERED": "1", **env},
                stdin=DEVNULL,
                stdout=out,
                stderr=err if errors else STDOUT,
            )

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def said(self) -> str:
        """Return its output so far, with its errors."""
        files = dict.fromkeys((self.output, self._errors))
        return "".join(file.read_text(encoding="utf-8", errors="replace") for file in files)

    def wait_to_say(self, text: str) -> None:
        """Return once its output has the text.

        :raises AssertionError: when it ends without.
        """

        def has_said() -> bool:
            ended = not self.is_running
            if text in self.said():
                return True
            if ended:
                raise AssertionError(f"Expected {text!r} from the process, found: {self.said()}")
            return False

        until(has_said, f"{text!r} in the output of the process")

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def ended(self) -> int:
        """Return its exit code, once it has ended by itself."""
        return self._process.wait(PATIENCE)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it the usual way, and return its exit code."""
        self.send(number)
        return self.ended()

    def kill(self) -> None:
        """End it at once, wherever it is; killing again does nothing."""
        self._process.kill()
        self._process.wait(PATIENCE)


class StoreServer:
    """A store server, which may be started again at the same address."""

    def __init__(self, env: Mapping[str, str], folder: Path) -> None:
        self._env = env
        self._output = folder / f"grpc-store-{os.urandom(4).hex()}.log"
        self._process: Process | None = None
        self.port = 0

    @property
    def address(self) -> str:
        """HOST:PORT, once it was started."""
        return f"127.0.0.1:{self.port}"

    @property
    def process(self) -> Process:
        """The process, once it was started."""
        if self._process is None:
            raise AssertionError("The server was not started.")
        return self._process

    def start(self) -> None:
        """Start it, and return when it serves."""
        self._output.write_text("", encoding="utf-8")
        arguments = ("grpc-store", "--port", str(self.port))
        self._process = Process(self._env, *arguments, output=self._output)
        self._process.wait_to_say("The event store is at ")
        said = self._process.said().split("The event store is at ")[1]
        self.port = int(said.split()[0].rsplit(":", 1)[1])

    def kill(self) -> None:
        """End it at once, wherever it is; killing again does nothing."""
        if self._process is not None:
            self._process.kill()

    def hang(self) -> None:
        """Let it answer nothing more, but keep its connections."""
        self.process.send(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let a server that hangs go on."""
        self.process.send(signal.SIGCONT)
