"""What operators do with a store: look at its state, verify it, rebuild what is derived, erase.

Each operation is a generator that yields its :class:`Progress` and returns its result, so that a
program can show how far it is, or stop it between two steps; :func:`finish` only waits for the
result. All but :func:`restore` may run beside live writers.
"""

from eventstore_cassandra.operations.erase import Elsewhere, Erasure, erase
from eventstore_cassandra.operations.progress import Progress, finish
from eventstore_cassandra.operations.rebuild import Rebuilt, rebuild_log
from eventstore_cassandra.operations.restore import Restored, empty_snapshots, restore
from eventstore_cassandra.operations.status import LargestPartition, Status, status
from eventstore_cassandra.operations.verify import Check, Finding, Report, verify

__all__ = [
    "Check",
    "Elsewhere",
    "Erasure",
    "Finding",
    "LargestPartition",
    "Progress",
    "Rebuilt",
    "Report",
    "Restored",
    "Status",
    "empty_snapshots",
    "erase",
    "finish",
    "rebuild_log",
    "restore",
    "status",
    "verify",
]
