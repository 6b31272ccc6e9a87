"""What the environment says, with this system's defaults, and what a running application uses.

* ``PERSISTENCE_MODULE``: ``eventsourcing.sqlite`` (the default here), ``eventstore_cassandra``, or
  ``eventstore_grpc`` for a store that is reached through its server.
* ``PATIENTMGMT_DATA``: the folder of everything that is kept in files, ``var`` by default.
* ``SQLITE_DBNAME``: the file of events on SQLite, ``patients.sqlite`` in that folder by default.
* ``PATIENTMGMT_FEED``: what workers follow on Cassandra, ``type_view`` (default) or ``log``.
* ``PATIENTMGMT_SWEEP_SECONDS``: from one sweep of the read models to the next, 3600 by default.
* ``PATIENTMGMT_READY_LAG_SECONDS``: how old a read model may be for the application to be ready, 60
  by default.
* ``CASSANDRA_*``: see :class:`eventstore_cassandra.Settings`.
* ``STOREGRPC_*``: see :mod:`eventstore_grpc.remote.settings`.

A variable that is empty counts as one that is not set. Where ``PERSISTENCE_MODULE`` is not set and
``patientmgmt run`` is running on the same folder, its store is meant: commands beside it, demo data
for one, go where the board looks.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

SQLITE = "eventsourcing.sqlite"
CASSANDRA = "eventstore_cassandra"
GRPC = "eventstore_grpc"

_DEFAULT_DATA = "var"
_RECORD = "running.json"
_RECORDED = (
    "PERSISTENCE_MODULE",
    "SQLITE_DBNAME",
    "CASSANDRA_CONTACT_POINTS",
    "CASSANDRA_PORT",
    "CASSANDRA_KEYSPACE",
    "STOREGRPC_ADDRESS",
    "STOREGRPC_AUTHORITIES",
    "STOREGRPC_CERTIFICATE",
    "STOREGRPC_KEY",
    "ORIGINATOR_ID_TYPE",
)


def environment(given: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the given environment with this system's defaults filled in."""
    env = {name: value for name, value in given.items() if value}
    data = Path(env.setdefault("PATIENTMGMT_DATA", _DEFAULT_DATA))
    env.setdefault("PERSISTENCE_MODULE", SQLITE)
    env.setdefault("SQLITE_DBNAME", str(data / "patients.sqlite"))
    return env


def environment_beside() -> dict[str, str]:
    """Return the environment for a command that may run beside the application.

    Where no ``PERSISTENCE_MODULE`` is set, the store is that of the running application, if any.
    """
    env = environment()
    if not os.environ.get("PERSISTENCE_MODULE"):
        env |= _recorded(Path(env["PATIENTMGMT_DATA"]) / _RECORD)
    return env


@contextmanager
def announced(env: Mapping[str, str]) -> Iterator[None]:
    """Record in the data folder, while the block runs, which store this process uses."""
    record = Path(env["PATIENTMGMT_DATA"]) / _RECORD
    store = {name: env[name] for name in _RECORDED if name in env}
    record.write_text(json.dumps({"pid": os.getpid(), "store": store}), encoding="utf-8")
    try:
        yield
    finally:
        record.unlink(missing_ok=True)


def _recorded(record: Path) -> dict[str, str]:
    try:
        found = json.loads(record.read_text(encoding="utf-8"))
        os.kill(found["pid"], 0)
        return dict(found["store"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}  # nothing is running, or it was killed and has left its record
