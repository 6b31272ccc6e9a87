"""One node: its folder, its server process, and whether it answers."""

import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from patientmgmt.local_cassandra.configuration import (
    cassandra_yaml,
    java_command,
    nodetool_command,
    storage_argument,
)
from patientmgmt.local_cassandra.cql import release_version
from patientmgmt.local_cassandra.errors import LocalCassandraError
from patientmgmt.local_cassandra.ports import require_free
from patientmgmt.local_cassandra.process import ServerProcess
from patientmgmt.local_cassandra.settings import SETTINGS_FILE, NodeSettings

_POLL_SECONDS = 0.25
_SHOWN_LOG_LINES = 15
_SHOWN_LINE_LENGTH = 300


class Node:
    """A node that may run or not; the same folder is the same node."""

    def __init__(self, settings: NodeSettings) -> None:
        self._process = ServerProcess(
            settings.folder / "pid", marker=storage_argument(settings.folder)
        )
        running = self.pid() is not None
        self.settings = NodeSettings.load(settings.folder) if running else settings
        """As it runs; when it does not, as it will be started."""

    @property
    def name(self) -> str:
        """The name of its folder, such as node1."""
        return self.settings.folder.name

    @property
    def endpoint(self) -> str:
        """Where it answers CQL, as address:port."""
        return f"{self.settings.address}:{self.settings.port}"

    def pid(self) -> int | None:
        """Return the id of its server process, or None when it does not run."""
        return self._process.pid()

    def release_version(self) -> str | None:
        """Return the server's version, asked over CQL, or None when it does not answer."""
        return release_version(self.settings)

    def require_free_ports(self) -> None:
        """Check that the node can listen on its ports.

        :raises LocalCassandraError: when a port is taken or the address is not there.
        """
        node = self.settings
        require_free(node.address, node.port, option="--port")
        require_free(node.address, node.storage_port, option="--storage-port")
        require_free("127.0.0.1", node.jmx_port, option="--jmx-port")

    def launch(self, *, java: Path, jars: Path) -> None:
        """Start the server process and return at once.

        :raises LocalCassandraError: when the folder cannot be written.
        """
        folder = self.settings.folder
        try:
            for name in ("conf", "data", "logs", "tmp"):
                (folder / name).mkdir(parents=True, exist_ok=True)
            self.settings.store()
            yaml = folder / "conf" / "cassandra.yaml"
            yaml.write_text(cassandra_yaml(self.settings), encoding="utf-8")
            self._process.launch(
                java_command(self.settings, java=java, jars=jars),
                folder=folder,
                output=folder / "logs" / "output.log",
            )
        except OSError as e:
            raise LocalCassandraError(
                f"{self.name} needs a folder of its own to write to, but {e.filename or folder} "
                f"cannot be written ({e.strerror}). Choose another folder with --data."
            ) from e

    def wait_until_it_answers(self, *, timeout: float) -> None:
        """Return as soon as the node answers CQL.

        :raises LocalCassandraError: when the server ends before, with the end of its log, or when
            it does not answer within ``timeout`` seconds.
        """
        deadline = time.monotonic() + timeout
        while self.release_version() is None:
            if self.pid() is None:
                raise LocalCassandraError(
                    f"{self.name} ended while it was starting. Its logs are in "
                    f"{self.settings.folder / 'logs'}; they end with:\n{self._end_of_logs()}"
                )
            if time.monotonic() > deadline:
                raise LocalCassandraError(
                    f"{self.name} did not answer CQL at {self.endpoint} within {timeout:g} "
                    "seconds. Allow more time with --timeout, or look into "
                    f"{self.settings.folder / 'logs'}."
                )
            time.sleep(_POLL_SECONDS)

    def stop(self, *, timeout: float) -> bool:
        """End the server process, and kill it when it still runs after ``timeout`` seconds.

        Return whether it had to be killed. A process that does not run is no error.
        """
        return self._process.terminate(timeout=timeout)

    def nodetool(
        self, arguments: Sequence[str], *, java: Path, jars: Path
    ) -> subprocess.CompletedProcess[bytes]:
        """Run the server's own nodetool on the node, and return how it ended and what it wrote.

        :raises LocalCassandraError: when the node does not run.
        """
        if self.pid() is None:
            raise LocalCassandraError(
                f"{self.name} is not running, so that nodetool has nobody to ask. Start it with "
                "`patientmgmt cassandra start`."
            )
        command = nodetool_command(self.settings, arguments, java=java, jars=jars)
        return subprocess.run(command, capture_output=True, check=False)

    def _end_of_logs(self) -> str:
        lines: list[str] = []
        for name in ("system.log", "output.log"):
            log = self.settings.folder / "logs" / name
            if log.exists():
                lines += log.read_text(encoding="utf-8", errors="replace").splitlines()
        telling = [line[:_SHOWN_LINE_LENGTH] for line in lines if not _is_stack_frame(line)]
        return "\n".join(telling[-_SHOWN_LOG_LINES:])


def nodes_in(data: Path) -> list[Node]:
    """Return the nodes that were ever started in the folder, in order.

    :raises LocalCassandraError: when a node's settings cannot be read.
    """
    folders = sorted(path.parent for path in data.resolve().glob(f"node*/{SETTINGS_FILE}"))
    return [Node(NodeSettings.load(folder)) for folder in folders]


def _is_stack_frame(line: str) -> bool:
    return line.startswith(("\tat ", "\t... "))
