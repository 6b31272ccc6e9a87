"""Looking into the tables themselves for contents of aggregates that are erased."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from uuid import UUID

from eventstore_cassandra import CassandraDatastore
from eventstore_cassandra.errors import library_errors
from tests.faults.erased import ERASED


def left_over(datastore: CassandraDatastore, erased: frozenset[UUID]) -> Sequence[str]:
    """Return a sentence for each place that has any.

    :raises OperationalError: when the store cannot be reached.
    """
    if not erased:
        return []
    with library_errors("Cannot look for contents"):
        return [
            f"{aggregate} is erased, but {table} has {payload!r} of it."
            for table, aggregate, payload in _contents(datastore)
            if aggregate in erased and payload != ERASED
        ]


def combined_rows(datastore: CassandraDatastore) -> int:
    """Return how many rows of the log have appends of more than one writing process.

    :raises OperationalError: when the store cannot be reached.
    """
    log = f"SELECT events FROM {datastore.settings.keyspace}.notification_log"
    with library_errors("Cannot look for combined rows"):
        rows = [events or () for (events,) in _all(datastore, log)]
    return sum(len({_writer(payload) for _type, payload, _bytes in row}) > 1 for row in rows)


def _writer(token: str) -> str:
    """Return the process that has written an event, by its token."""
    return "-".join(token.split("-")[:2])


def _contents(datastore: CassandraDatastore) -> Iterator[tuple[str, UUID, str | None]]:
    keyspace = datastore.settings.keyspace
    for table in ("events", "events_by_type"):
        for id_, payload in _all(datastore, f"SELECT id, payload FROM {keyspace}.{table}"):
            yield table, id_, payload
    log = f"SELECT appends, events FROM {keyspace}.notification_log"
    for appends, events in _all(datastore, log):
        yield from _logged("notification_log", appends or (), events or ())
    announced = f"SELECT DISTINCT bucket, lobby FROM {keyspace}.notification_log"
    for _bucket, lobby in _all(datastore, announced):
        for _number, appends, events in (lobby or {}).values():
            yield from _logged("a lobby of the notification log", appends, events)


def _logged(
    where: str, appends: Iterable[Any], events: Iterable[Any]
) -> Iterator[tuple[str, UUID, str | None]]:
    payloads = iter(payload for _type, payload, _bytes in events)
    for _append_id, id_, _version, size in appends:
        for _ in range(size):
            yield where, id_, next(payloads)


def _all(datastore: CassandraDatastore, query: str) -> Iterable[Any]:
    rows: Iterable[Any] = datastore.session.execute(query)
    return rows
