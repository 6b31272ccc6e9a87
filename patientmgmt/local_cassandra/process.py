"""A server process that outlives the command that started it, found again by its pid file."""

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from patientmgmt.local_cassandra.errors import LocalCassandraError

_POLL_SECONDS = 0.1
_KILL_SECONDS = 10.0
"""How long a killed process may take to be gone; the kernel first frees its memory."""


class ServerProcess:
    """The process whose id stands in the pid file, if it is still the one that was launched.

    A process id is reused after its process has gone. So a process counts only if its command line
    contains the marker, an argument that no other process has.
    """

    def __init__(self, pid_file: Path, *, marker: str) -> None:
        self._pid_file = pid_file
        self._marker = marker
        self._child: subprocess.Popen[bytes] | None = None

    def pid(self) -> int | None:
        """Return the process id, or None when the process does not run."""
        if self._child is not None:
            if self._child.poll() is None:
                return self._child.pid
            self._child = None
        try:
            pid = int(self._pid_file.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None
        return pid if self._marker in _command_line(pid) else None

    def launch(self, command: Sequence[str], *, folder: Path, output: Path) -> None:
        """Start the process in the folder, in a session of its own, with its output in a file."""
        with output.open("wb") as file:
            self._child = subprocess.Popen(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._pid_file.write_text(f"{self._child.pid}\n", encoding="ascii")

    def terminate(self, *, timeout: float) -> bool:
        """Ask the process to end, and kill it when it still runs after ``timeout`` seconds.

        Return whether it had to be killed.

        :raises LocalCassandraError: when it belongs to another user, or survives even that.
        """
        self._send(signal.SIGTERM)
        killed = not self._is_gone_within(timeout)
        if killed:
            self._send(signal.SIGKILL)
            if not self._is_gone_within(_KILL_SECONDS):
                raise LocalCassandraError(
                    f"Process {self.pid()} was killed, but is still there after {_KILL_SECONDS:g} "
                    "seconds: it waits for the disk. Look at the machine, then stop it again."
                )
        self._pid_file.unlink(missing_ok=True)
        return killed

    def _send(self, number: signal.Signals) -> None:
        pid = self.pid()
        if pid is None:
            return
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
        except PermissionError as e:
            raise LocalCassandraError(
                f"Process {pid} belongs to another user and cannot be stopped by this one. "
                "Stop it as the user who has started it."
            ) from e

    def _is_gone_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self.pid() is not None:
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True


def _command_line(pid: int) -> str:
    """Return the command line of a process, empty when there is no such process."""
    if Path("/proc/self/cmdline").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            return ""
    ps = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
    return subprocess.run(ps, capture_output=True, text=True, check=False).stdout
