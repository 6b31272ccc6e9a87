"""Reading an aggregate's partition: versions in order, of its events or of its snapshots."""

from collections.abc import Callable, Sequence
from uuid import UUID

from cassandra.query import UNSET_VALUE
from eventsourcing.persistence import StoredEvent

from eventstore_cassandra.datastore import CassandraDatastore
from eventstore_cassandra.errors import library_errors

MAX_VERSION = 2**31 - 1
"""What the column holds at the most."""

_SELECT = (
    "SELECT version, {kind}, payload, payload_bytes FROM {keyspace}.{table}"
    " WHERE id = ? AND version > ? AND version <= ? ORDER BY version {order} LIMIT ?"
)


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
    if payload is not None:
        return payload.encode("utf-8")
    return payload_bytes or b""


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
        with library_errors(f"Cannot read aggregate {originator_id}"):
            rows = list(self._datastore.execute(bound))
        return [
            StoredEvent(
                originator_id=originator_id,
                originator_version=version,
                topic=self._topic_of(kind),
                state=to_state(payload, payload_bytes),
            )
            for version, kind, payload, payload_bytes in rows
        ]
