"""A store the original's way to compare with: the one in ``go_store``, built and run for it."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copytree, which
from subprocess import PIPE, Popen, run
from tempfile import TemporaryDirectory

import grpc

from benchmarks.nodes import ONE_COPY
from eventstore_cassandra import CassandraDatastore
from eventstore_cassandra.datastore import quoted
from eventstore_grpc import protocol

PLUGINS = (
    "google.golang.org/protobuf/cmd/protoc-gen-go@v1.33.0",
    "google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.4.0",
)
"""Of the Protocol Buffers compiler."""
_TABLE = (
    "CREATE TABLE {keyspace}.events (id uuid, version int, type int, payload text,"
    " savetime timestamp, current_version int STATIC, PRIMARY KEY (id, version, savetime))"
)
_VIEW = (
    "CREATE MATERIALIZED VIEW {keyspace}.events_by_type AS"
    " SELECT id, version, type, payload, savetime FROM {keyspace}.events"
    " WHERE id IS NOT NULL AND type IS NOT NULL AND version IS NOT NULL AND savetime IS NOT NULL"
    " PRIMARY KEY (type, savetime, version, id)"
)


class GoStoreError(Exception):
    """The store cannot be built, or does not start; the message says why, and what to do."""


@contextmanager
def serving(datastore: CassandraDatastore) -> Iterator[grpc.Channel]:
    """Run the store on a keyspace of its own, which is dropped at the end; yield a channel to it.

    :raises GoStoreError: when it cannot be built here, or does not start.
    """
    with TemporaryDirectory() as folder:
        program = _built(Path(folder))
        name = f"{datastore.settings.keyspace}_original"
        host, port = datastore.settings.contact_points[0], str(datastore.settings.port)
        create = f"CREATE KEYSPACE {quoted(name)} WITH replication = {ONE_COPY.replication()}"
        _define(datastore, create)
        try:
            for statement in (_TABLE, _VIEW):
                _define(datastore, statement.format(keyspace=quoted(name)))
            with Popen([program, host, port, name], stdout=PIPE, text=True) as server:
                try:
                    address = server.stdout.readline().strip() if server.stdout else ""
                    if not address:
                        raise GoStoreError("it has ended at its start; above is what it said.")
                    with grpc.insecure_channel(address) as channel:
                        yield channel
                finally:
                    server.terminate()
        finally:
            _define(datastore, f"DROP KEYSPACE {quoted(name)}")


def _define(datastore: CassandraDatastore, statement: str) -> None:
    datastore.session.execute(statement, timeout=60)


def _built(folder: Path) -> Path:
    go = which("go")
    if go is None:
        raise GoStoreError("there is no go on PATH. Install Go, from 1.22 on.")
    source, program = folder / "store", folder / "program"
    copytree(Path(__file__).with_name("go_store"), source)
    env = {**os.environ, "GOBIN": str(folder), "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    of_messages = [sys.executable, "-m", "grpc_tools.protoc", f"-I{protocol.__path__[0]}"]
    for kind in ("go", "go-grpc"):
        of_messages += [f"--{kind}_out=.", f"--{kind}_opt=Mstoregrpc.proto=./storegrpc"]
    commands = [
        *([go, "install", plugin] for plugin in PLUGINS),
        [*of_messages, "storegrpc.proto"],
        [go, "build", "-o", str(program), "."],
    ]
    for command in commands:
        done = run(command, cwd=source, env=env, capture_output=True, text=True)
        if done.returncode:
            raise GoStoreError(f"it cannot be built: {done.stderr.strip()[-500:]}")
    return program
