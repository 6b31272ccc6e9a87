"""Containers as buildah runs them.

A container has its own files and its own host name, and the machine's network and process ids.
"""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from time import monotonic, sleep
from typing import Self

from tests.images.buildah import Buildah, Image

LOOPBACK = "127.0.0.1"


class Container:
    """A container of an image, which runs one service at the most.

    :param hosts: names with addresses; a name may lead to several.
    :param arguments: follow the image's entry point, in place of its own.
    """

    def __init__(
        self,
        buildah: Buildah,
        image: Image,
        *,
        hosts: Sequence[tuple[str, str]] = (),
        environment: Mapping[str, str] | None = None,
        arguments: Sequence[str] | None = None,
    ) -> None:
        self.image = image
        self._buildah = buildah
        names = [f"--add-host={name}:{address}" for name, address in hosts]
        self._id = buildah("from", *names, image.name)
        self._environment = environment or {}
        self._command = [
            *image.entrypoint,
            *(image.arguments if arguments is None else arguments),
        ]
        self._output = TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        """Return itself, which is removed at the end."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the container."""
        self.remove()

    def run(self, *command: str) -> tuple[int, str]:
        """Run a command to its end; return its exit code and its output.

        On a busy machine buildah may lose what a command writes at its end: rely on the exit code.
        """
        done = subprocess.run(
            self._run(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        return done.returncode, done.stdout

    def run_service(self) -> tuple[int, str]:
        """Run what the image is for to its end; return its exit code and its output."""
        return self.run(*self._command)

    def start(self) -> None:
        """Start what the image is for."""
        self._process = subprocess.Popen(
            self._run(self._command),
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def is_healthy(self) -> bool:
        """Ask the image's own check."""
        assert self.image.health is not None, f"{self.image.name} has no health check"
        return self.run(*self.image.health)[0] == 0

    def becomes_healthy(self, *, seconds: float) -> bool:
        """Return whether the check succeeds before the time is over and the service has ended."""
        end = monotonic() + seconds
        while not self.is_healthy():
            if monotonic() > end or self._process is None or self._process.poll() is not None:
                return False
        return True

    @property
    def output(self) -> str:
        """What the service has written so far."""
        self._output.seek(0)
        return self._output.read()

    def users(self) -> set[int]:
        """Return the user ids of the service's process: real, effective, saved, of its files."""
        (line,) = [
            line
            for line in Path(f"/proc/{self._main()}/status").read_text().splitlines()
            if line.startswith("Uid:")
        ]
        return set(map(int, line.split()[1:]))

    def stop(self, *, seconds: float) -> int | None:
        """Send SIGTERM to the service; return its exit code, None if it does not end in time."""
        assert self._process is not None
        os.kill(self._main(), signal.SIGTERM)
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def remove(self) -> None:
        """Remove the container, and kill its service if it still runs."""
        if self._process is not None and self._process.poll() is None:
            os.kill(self._main(), signal.SIGKILL)
            self._process.wait(30)
        self._output.close()
        self._buildah("rm", self._id)

    def _run(self, command: Sequence[str]) -> list[str]:
        environment = [f"--env={name}={value}" for name, value in self._environment.items()]
        return [
            *self._buildah.program,
            *["run", "--isolation=chroot", *environment, self._id, "--", *command],
        ]

    def _main(self) -> int:
        """Return the id of the process that would be the first in a container of its own.

        It is the first that runs another program than buildah, which starts it in several steps.
        """
        assert self._process is not None
        end = monotonic() + 30
        while monotonic() < end:
            pid: int | None = self._process.pid
            while pid is not None and _is_of_buildah(pid):
                pid = _child(pid)
            if pid is not None:
                return pid
            sleep(0.05)
        raise TimeoutError(f"{self.image.name}: expected a process, found none.")


def _is_of_buildah(pid: int) -> bool:
    """Return whether a process runs buildah, or the copy of itself that it makes in memory."""
    program = str(Path(f"/proc/{pid}/exe").readlink())
    return program.endswith("/buildah") or "memfd:buildah" in program


def _child(pid: int) -> int | None:
    """Return a process that any thread of the process has started."""
    found = [path.read_text().split() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    return next((int(child) for children in found for child in children), None)
