"""Carry out the walk through the event store, and write what it shows: ``python -m docs.by_hand``.

Each block ``sh`` or ``sql`` of the document is a step: commands for a shell, or CQL for ``cqlsh``.
A block ``text`` behind a step shows what came out, and is written by this program. All steps are
carried out one after the other, on a server that the document itself starts, in a folder and on
ports that are nobody else's; but for these, as they stand there.
"""

import os
import re
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from subprocess import PIPE, STDOUT, CompletedProcess, Popen, run
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

from patientmgmt.local_cassandra import free_ports

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "event-store-by-hand.md"
TIMEOUT = 240
"""Seconds for one step; the start of a server is the longest."""

_SECTION = re.compile(r"^(?=## )", re.MULTILINE)
STEP = re.compile(
    r"^```(?P<language>sh|sql)\n(?P<code>.*?)^```\n(?:\n```text\n(?P<shown>.*?)^```\n)?",
    re.MULTILINE | re.DOTALL,
)
"""A step, and directly behind it what is shown of it, if anything."""
_OURS = ("CASSANDRA_", "CQL", "LOCAL_CASSANDRA_", "PATIENTMGMT_", "PERSISTENCE_", "HOST", "PORT")
_FOLDER = "var/by-hand"
_SERVER = "patientmgmt serve"
_SERVES = "The web application is at"

_NOT_FOR_READERS = (
    r"^WARNING: cqlsh was built against .*\n",  # told once, in the text
    r"^<stdin>:\d+:",  # where cqlsh is typed into, it has no lines to tell
    r"^(?:Reading|Looking|Appending) .*\n",  # labels of bars of progress
)
_VOLATILE = (
    (r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d\.\d+(?:\+0000|Z)", "TIME"),
    (r"[0-9a-f]{8}-(?!0000-4000-8000)(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", "ANOTHER UUID"),
    (r"\d+(?:\.\d+)? [KM]iB", "SIZE"),
    (r" {2,}", "  "),  # columns are as wide as what is in them
)
"""What differs from one run to the next. Of the UUIDs, those that the reader types do not."""


def normalised(text: str) -> str:
    """Return the text with a name instead of each time, size and generated UUID."""
    for pattern, name in _VOLATILE:
        text = re.sub(pattern, name, text)
    return text


def walked(text: str, folder: Path) -> str:
    """Carry out the document's steps, and return it with what came out of them.

    What is shown stays as it is where nothing differs but what is volatile. A program that serves
    runs until the end of its section.

    :raises RuntimeError: when a step fails, and the document does not show how.
    """
    with Walk(folder) as walk:
        return "".join(_section_walked(section, walk) for section in _SECTION.split(text))


def _section_walked(section: str, walk: "Walk") -> str:
    with ExitStack() as servers:

        def step(match: re.Match[str]) -> str:
            language, code, shown = match["language"], match["code"], match["shown"]
            if _SERVER in code:
                servers.enter_context(walk.serving(code))
                return match[0]
            done = walk.typed(code) if language == "sql" else walk.commanded(code)
            if done.returncode and (shown is None or language == "sh"):
                raise RuntimeError(f"Expected to be carried out:\n{code}\nfound:\n{done.stdout}")
            seen = walk.seen(done.stdout)
            if shown is None or normalised(seen) == normalised(shown):
                return match[0]
            return f"```{language}\n{code}```\n\n```text\n{seen}```\n"

        return STEP.sub(step, section)


class Walk:
    """A reader's terminals, and what runs in them until the end."""

    def __init__(self, folder: Path) -> None:
        web, cql, storage, jmx = free_ports(4)
        self._data = folder / "by-hand"
        self._exports = folder / "exports.sh"
        self._exports.touch()
        self._home = folder
        self._substitutes = {
            _FOLDER: str(self._data),
            "127.0.0.1:8000": f"127.0.0.1:{web}",
            "127.0.0.1:9042": f"127.0.0.1:{cql}",
        }
        others = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
        self._env = others | {
            "PORT": str(web),
            "CASSANDRA_PORT": str(cql),
            "CQLSH_PORT": str(cql),
            "CQL_HISTORY": str(folder / "cqlsh_history"),
            "LOCAL_CASSANDRA_PORT": str(cql),
            "LOCAL_CASSANDRA_STORAGE_PORT": str(storage),
            "LOCAL_CASSANDRA_JMX_PORT": str(jmx),
            "PYTHONUNBUFFERED": "1",  # what is written to both streams comes in its order
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if self._data.exists():
            self.commanded(f".venv/bin/patientmgmt cassandra stop --data {_FOLDER}/cassandra")

    def commanded(self, code: str) -> CompletedProcess[str]:
        """Run commands; what they export is there for the next ones."""
        return self._run(["bash", "-euo", "pipefail", "-c", self._with_exports(code)], self._env)

    def typed(self, cql: str) -> CompletedProcess[str]:
        """Let ``cqlsh`` read the CQL, with nobody's settings."""
        command = [".venv/bin/cqlsh", f"--request-timeout={TIMEOUT}"]
        return self._run(command, self._env | {"HOME": str(self._home)}, cql)

    @contextmanager
    def serving(self, code: str) -> Iterator[None]:
        """Run commands in another terminal, until Ctrl-C at the end of the block."""
        with Popen(
            ["bash", "-euo", "pipefail", "-c", self._here(code)],
            cwd=ROOT,
            env=self._env,
            stdout=PIPE,
            stderr=STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                told = []
                for line in process.stdout or ():
                    told.append(line)
                    if _SERVES in line:
                        break
                else:
                    raise RuntimeError(f"Expected {_SERVES!r}, found:\n{''.join(told)}")
                yield
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGINT)
                process.communicate(timeout=TIMEOUT)

    def seen(self, output: str) -> str:
        """Return the output as a reader sees it, who has the document's folder and ports."""
        for written, here in self._substitutes.items():
            output = output.replace(here, written)
        for pattern in _NOT_FOR_READERS:
            output = re.sub(pattern, "", output, flags=re.MULTILINE)
        lines = [line.rstrip() for line in output.strip("\n").splitlines()]
        return "".join(f"{line}\n" for line in lines)

    def _run(
        self, command: list[str], env: dict[str, str], given: str = ""
    ) -> CompletedProcess[str]:
        return run(
            command,
            cwd=ROOT,
            env=env,
            input=given,
            stdout=PIPE,
            stderr=STDOUT,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )

    def _with_exports(self, code: str) -> str:
        return f"source '{self._exports}'\n{self._here(code)}\nexport -p > '{self._exports}'\n"

    def _here(self, code: str) -> str:
        for written, here in self._substitutes.items():
            code = code.replace(written, here)
        return code


def main() -> None:
    """Write the document anew."""
    text = DOCUMENT.read_text(encoding="utf-8")
    with TemporaryDirectory() as folder:
        DOCUMENT.write_text(walked(text, Path(folder)), encoding="utf-8")


if __name__ == "__main__":
    main()
