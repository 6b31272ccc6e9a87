"""Reading an aggregate's partition: versions in order, of its events or of its snapshots.

A batch that was decided may so far be on one replica only. A read of some columns there repairs
these on the others, and these alone; if that replica is then away, a quorum shows a row without its
type, or without its state. So a row that is not whole is not believed: it is read again at serial
consistency, which first completes what was decided. A row that is returned is whole.
"""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from cassandra.query import UNSET_VALUE, BoundStatement
from eventsourcing.persistence import OperationalError, StoredEvent

from eventstore_cassandra.datastore import SERIAL_READ, CassandraDatastore
from eventstore_cassandra.errors import library_errors

MAX_VERSION = 2**31 - 1
"""What the column holds at the most."""

_SELECT = (
    "SELECT version, {kind}, payload, payload_bytes FROM {keyspace}.{table}"
    " WHERE id = ? AND version > ? AND version <= ? ORDER BY version {order} LIMIT ?"
)

Row = Sequence[Any]


def to_text_or_bytes(state: bytes) -> tuple[str, None] | tuple[None, bytes]:
    """Return ``payload`` and ``payload_bytes``: text where the state is UTF-8, for cqlsh's sake."""
    try:
        return state.decode("utf-8"), None
    except UnicodeDecodeError:
        return None, state


def to_columns(state: bytes) -> tuple[object, object]:
    """Return what to write into two columns of a new row: nothing at all into one of them."""
    payload, payload_bytes = to_text_or_bytes(state)
    return (UNSET_VALUE, payload_bytes) if payload is None else (payload, UNSET_VALUE)


def to_state(payload: str | None, payload_bytes: bytes | None) -> bytes:
    """Return the state that the two columns hold."""
    return payload.encode("utf-8") if payload is not None else payload_bytes or b""


class Streams:
    """The partitions of one table, which is keyed by id and version.

    :param kind: the column that says what a row is.
    :param topic_of: what turns that column's value into a topic.
    """

    def __init__(
        self,
        datastore: CassandraDatastore,
        *,
        table: str,
        kind: str,
        topic_of: Callable[..., str],
    ) -> None:
        self._datastore = datastore
        self._topic_of = topic_of
        query = _SELECT.replace("{table}", table).replace("{kind}", kind)
        self._ascending = datastore.prepare(query.replace("{order}", "ASC"))
        self._descending = datastore.prepare(query.replace("{order}", "DESC"))

    def select(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None,
        lte: int | None,
        desc: bool,
        limit: int | None,
    ) -> Sequence[StoredEvent]:
        """Return the rows above ``gt``, up to ``lte``, at most ``limit`` of them.

        :raises OperationalError: when the store cannot be reached.
        """
        if limit is not None and limit < 1:
            return []
        statement = self._descending if desc else self._ascending
        bound = statement.bind(
            [
                originator_id,
                -1 if gt is None else gt,
                MAX_VERSION if lte is None else lte,
                MAX_VERSION if limit is None else limit,
            ]
        )
        rows = self._whole_rows(bound, originator_id)
        return [
            StoredEvent(
                originator_id=originator_id,
                originator_version=version,
                topic=self._topic_of(kind),
                state=to_state(payload, payload_bytes),
            )
            for version, kind, payload, payload_bytes in rows
        ]

    def _whole_rows(self, bound: BoundStatement, originator_id: UUID | str) -> list[Row]:
        with library_errors(f"Cannot read aggregate {originator_id}"):
            rows = list(self._datastore.execute(bound))
            if any(_is_in_part(*row[1:4]) for row in rows):
                rows = [tuple(row.values()) for row in self._datastore.execute(bound, SERIAL_READ)]
        for version, *columns in rows:
            if _is_in_part(*columns[:3]):
                raise OperationalError(
                    f"Expected version {version} of {originator_id} with its type and its state, "
                    f"found {columns}, also by a serial read. Some other program has written it, "
                    "or data was lost: run a full repair, or restore it from a backup."
                )
        return rows


def _is_in_part(kind: object, payload: str | None, payload_bytes: bytes | None) -> bool:
    return kind is None or (payload is None and payload_bytes is None)
