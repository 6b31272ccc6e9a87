"""Reading an aggregate's partition: versions in order, of its events or of its snapshots.

A batch that was decided may so far be on one replica only. A read of some columns there repairs
these on the others, and these alone; if that replica is then away, a quorum shows a row without its
type, or without its state. So a row that is not whole is not believed: it is read again at serial
consistency, which first completes what was decided. A row that is returned is whole.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from cassandra.query import UNSET_VALUE, BoundStatement, PreparedStatement
from eventsourcing.persistence import OperationalError, ProgrammingError, StoredEvent

from eventstore_cassandra.datastore import CassandraDatastore
from eventstore_cassandra.errors import UNFIT_VALUES, library_errors
from eventstore_cassandra.profiles import PLAIN_READ, SERIAL_READ
from eventstore_cassandra.whole_numbers import check_bounds

MIN_VERSION, MAX_VERSION = -(2**31), 2**31 - 1
"""What the column holds at the least and at the most."""
_LONGEST_ID = 65_535
"""Bytes of the longest id that a server takes."""

_ID_NAMES = {"uuid": "UUID", "varchar": "text"}
_SELECT = (
    "SELECT version, {kind}, payload, payload_bytes, append_id{more} FROM {keyspace}.{table}"
    " WHERE id = ? AND version > ? AND version <= ? ORDER BY version {order} LIMIT ?"
)

_EVENTS_ALSO = ", toUnixTimestamp(savetime), erased"

Row = Sequence[Any]


@dataclass(frozen=True)
class StoredRow:
    """A row, and what stands beside it."""

    event: StoredEvent
    append_id: UUID | None
    """The name of the append that it is of; None where some other program has written it."""
    kind: int | str
    """The integer of its type; of a snapshot, the topic."""
    savetime: int | None
    """When it was saved, in milliseconds since the epoch; None for a snapshot."""


def to_version(number: int | None, *, default: int) -> int:
    """Return the version nearest to a number, which is a bound and may be beyond all versions."""
    return default if number is None else min(max(number, MIN_VERSION), MAX_VERSION)


def to_limit(limit: int | None) -> int:
    """Return how many rows to read at the most; as in SQLite, a negative limit is none."""
    return MAX_VERSION if limit is None or limit < 0 else min(limit, MAX_VERSION)


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


def bound_to_id(
    statement: PreparedStatement, originator_id: UUID | str, *values: object
) -> BoundStatement:
    """Return a statement with its values, of which an aggregate's id is the first.

    :raises ProgrammingError: when that is not of the keyspace's type.
    """
    try:
        bound = statement.bind([originator_id, *values])
    except UNFIT_VALUES:
        bound = None
    if bound is None or bound.values[0] is None:
        wanted = _ID_NAMES[statement.column_metadata[0].type.typename]
        raise ProgrammingError(
            f"Expected the aggregate's id as a {wanted}, found {originator_id!a}. "
            "ORIGINATOR_ID_TYPE says it when a keyspace is created."
        )
    return bound


def can_be_there(originator_id: UUID | str) -> bool:
    """Tell whether there can be anything under an id of the keyspace's type."""
    return isinstance(originator_id, UUID) or 0 < len(originator_id.encode()) <= _LONGEST_ID


class Streams:
    """The partitions of one table, which is keyed by id and version.

    :param kind: the column that says what a row is.
    :param topic_of: what turns that column's value into a topic.
    :param are_events: whether the table has the columns ``savetime`` and ``erased``; partitions in
        which the latter is set are read as if they were empty.
    """

    def __init__(
        self,
        datastore: CassandraDatastore,
        *,
        table: str,
        kind: str,
        topic_of: Callable[..., str],
        are_events: bool = False,
    ) -> None:
        self._datastore = datastore
        self._topic_of = topic_of
        query = _SELECT.replace("{table}", table).replace("{kind}", kind)
        query = query.replace("{more}", _EVENTS_ALSO if are_events else "")
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
        """Return the rows above ``gt``, up to ``lte``; at most ``limit``, unless it is negative.

        :raises ProgrammingError: for an id of another type than the keyspace's, and for bounds that
            are no whole numbers.
        :raises OperationalError: when the store cannot be reached.
        """
        rows = self.select_rows(originator_id, gt=gt, lte=lte, desc=desc, limit=limit)
        return [row.event for row in rows]

    def select_rows(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None,
        lte: int | None,
        desc: bool,
        limit: int | None,
    ) -> Sequence[StoredRow]:
        """Return the same, with what stands beside the events."""
        check_bounds(gt=gt, lte=lte, limit=limit)
        if limit == 0:
            return []
        statement = self._descending if desc else self._ascending
        above, up_to = to_version(gt, default=-1), to_version(lte, default=MAX_VERSION)
        bound = bound_to_id(statement, originator_id, above, up_to, to_limit(limit))
        if not can_be_there(originator_id):
            return []
        rows = self._whole_rows(bound, originator_id)
        return [
            StoredRow(
                StoredEvent(
                    originator_id=originator_id,
                    originator_version=version,
                    topic=self._topic_of(kind),
                    state=to_state(payload, payload_bytes),
                ),
                append_id,
                kind,
                more[0] if more else None,
            )
            for version, kind, payload, payload_bytes, append_id, *more in rows
        ]

    def _whole_rows(self, bound: BoundStatement, originator_id: UUID | str) -> list[Row]:
        with library_errors(f"Cannot read aggregate {originator_id}"):
            rows = list(self._datastore.execute(bound, PLAIN_READ))
            # What was read of earlier pages may be older than the erasure, hence any of the rows.
            if any(any(row[6:]) for row in rows):
                return []
            if any(_is_in_part(*row[1:4]) for row in rows):
                rows = [tuple(row.values()) for row in self._datastore.execute(bound, SERIAL_READ)]
        for version, kind, *state in rows:
            if _is_in_part(kind, *state[:2]):
                lacks = "no type" if kind is None else "no state"
                raise OperationalError(
                    f"Expected version {version} of {originator_id} with its type and its state, "
                    f"found {lacks}, also by a serial read. Some other program has written it, or "
                    "data was lost: run a full repair, or restore it from a backup."
                )
        return rows


def _is_in_part(kind: object, payload: str | None, payload_bytes: bytes | None) -> bool:
    return kind is None or (payload is None and payload_bytes is None)
