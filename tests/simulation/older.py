"""A writer of the version before, which knows neither announcements nor those of others."""

from collections.abc import Callable
from typing import Any

from cassandra.query import BatchStatement

from eventstore_cassandra.application_recorder import CassandraApplicationRecorder
from eventstore_cassandra.notification_log.reserve_steps import Place
from eventstore_cassandra.notification_log.table import LogTable


def make_older(recorder: CassandraApplicationRecorder) -> None:
    """Have a process reserve for itself only, whoever has announced, and never announce."""
    table, combining = recorder._log._table, recorder._log._reservations._combining
    table.quiet_batch = _quiet_batch(table)  # type: ignore[method-assign]
    combining.lost = lambda: None  # type: ignore[method-assign]


def _quiet_batch(table: LogTable) -> Callable[..., BatchStatement]:
    def batch(place: Place, entries: Any, marks: Any, announced: Any) -> BatchStatement:
        return table.batch(place, entries, marks)

    return batch
