"""A PostgreSQL to compare with: the one of the environment, or one that is started for this."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from shutil import chown, which
from subprocess import CalledProcessError, run
from tempfile import TemporaryDirectory
from uuid import uuid4

from eventsourcing.persistence import PersistenceError

from patientmgmt.local_cassandra import free_ports

UNPRIVILEGED = "postgres"
"""Who runs the server when we are root, as which it refuses to run."""
HOW_TO_GIVE_ONE = (
    "Put initdb and pg_ctl on PATH, or name a server with\n"
    "POSTGRES_DBNAME, POSTGRES_HOST, POSTGRES_PORT, POSTGRES_USER and POSTGRES_PASSWORD."
)


class PostgresNotFoundError(Exception):
    """There is no PostgreSQL that can be used; the message says why, and what to do."""


@contextmanager
def postgres(env: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Yield the environment of a schema of its own, which is dropped at the end.

    The server is that of ``POSTGRES_DBNAME`` and the library's other variables. Where that is not
    set, one is started in a temporary folder and stopped at the end.

    :raises PostgresNotFoundError: when there is no driver, or no server that answers.
    """
    _require_driver()
    if env.get("POSTGRES_DBNAME"):
        with _schema(env) as inside:
            yield inside
    else:
        with _server() as server, _schema(dict(env) | server) as inside:
            yield inside


def _require_driver() -> None:
    try:
        import_module("eventsourcing.postgres")
    except ImportError as e:
        raise PostgresNotFoundError(
            f"its driver cannot be imported ({e}).\n"
            "Install it with: pip install 'psycopg[binary]' psycopg-pool"
        ) from e


@contextmanager
def _schema(env: Mapping[str, str]) -> Iterator[dict[str, str]]:
    # Not at the top: this file is imported where the driver is not installed, too.
    from eventsourcing.postgres import PostgresFactory
    from psycopg.sql import SQL, Identifier

    name = f"bench_{uuid4().hex[:12]}"
    try:
        factory = PostgresFactory(dict(env))
    except OSError as e:
        raise PostgresNotFoundError(f"{e}.\n{HOW_TO_GIVE_ONE}") from e
    with factory:
        try:
            with factory.datastore.transaction(commit=True) as cursor:
                cursor.execute(SQL("CREATE SCHEMA {}").format(Identifier(name)))
        except PersistenceError as e:
            raise PostgresNotFoundError(f"it cannot be used: {e}.\n{HOW_TO_GIVE_ONE}") from e
        try:
            yield dict(env) | {
                "PERSISTENCE_MODULE": "eventsourcing.postgres",
                "POSTGRES_SCHEMA": name,
            }
        finally:
            with factory.datastore.transaction(commit=True) as cursor:
                cursor.execute(SQL("DROP SCHEMA {} CASCADE").format(Identifier(name)))


@contextmanager
def _server() -> Iterator[dict[str, str]]:
    initdb, pg_ctl = which("initdb"), which("pg_ctl")
    if initdb is None or pg_ctl is None:
        raise PostgresNotFoundError(f"none was found. {HOW_TO_GIVE_ONE}")
    (port,) = free_ports(1)
    with TemporaryDirectory() as folder:
        data, log = f"{folder}/data", f"{folder}/log"
        _give_away(folder)
        _do(folder, initdb, "-D", data, "-U", "bench", "-A", "trust", "-E", "UTF8", "--no-locale")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=''"
        _do(folder, pg_ctl, "start", "--wait", "-D", data, "-l", log, "-o", options)
        try:
            yield {
                "POSTGRES_DBNAME": "postgres",
                "POSTGRES_HOST": "127.0.0.1",
                "POSTGRES_PORT": str(port),
                "POSTGRES_USER": "bench",
                "POSTGRES_PASSWORD": "",
            }
        finally:
            _do(folder, pg_ctl, "stop", "--wait", "-D", data)


def _give_away(folder: str) -> None:
    if os.geteuid() == 0:
        try:
            chown(Path(folder), UNPRIVILEGED)
        except LookupError as e:
            raise PostgresNotFoundError(
                f"it does not run as root, and there is no user {UNPRIVILEGED}.\n"
                "Run this as another user, or create that one."
            ) from e


def _do(folder: str, *command: str) -> None:
    as_whom = ["runuser", "-u", UNPRIVILEGED, "--"] if os.geteuid() == 0 else []
    try:
        run([*as_whom, *command], cwd=folder, capture_output=True, text=True, check=True)
    except CalledProcessError as e:
        raise PostgresNotFoundError(f"{command[0]} has failed:\n{e.stderr.strip()}") from e
