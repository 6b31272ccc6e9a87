"""The read models in Cassandra tables, written so that every order of writes ends in the same rows.

A patient stands in ``patients``, in ``patient_list`` and on one ward of ``ward_board``. No write
here reads first and none takes a lock. Instead:

- **Each write carries its version as its timestamp**, where Cassandra expects a time. Of two writes
  to a cell the higher timestamp wins, whichever came last. So an older row never overwrites a newer
  one, and a row that is written twice stays the same, since it is a function of the same events.
- **A departure is a deletion with the timestamp of the version that follows.** Its tombstone hides
  what was or will be written there with a lower timestamp: a delayed "on ward A at version 2" stays
  hidden behind "left ward A at version 3", and "back on ward A at version 4" is seen.
- **A change clears every place that it passes**, not only the first. One worker may have written
  version 2 while another goes from 1 to 3; the second one's tombstones cover the ward of version 2.
- **A change is one logged batch, and the row in ``patients`` comes after it.** The batch is applied
  as a whole, even when the worker or the coordinator dies, so that nobody stays on no ward. The
  version in ``patients`` promises that all up to it stands in the other tables: a page may wait
  for it, and a worker begins behind it, so that no version's clearing is ever left out. After a
  crash in between, the change is made again.

- **An erased patient** gets a tombstone with the largest version there is in every place where the
  patient ever stood, and a row without contents in ``patients``, with the same timestamp. Workers
  that have events of the patient in memory find that all is shown already; what they are about to
  write has a lower timestamp, in one of those places, and stays hidden. Only the events tell the
  places: they must be erased after this, not before.

The rows converge; there is no isolation. A reader may for a moment see a patient on two wards, of
which the newer one counts, or on none.

Tombstones may be purged after ``gc_grace_seconds``. A lower write that arrives later would be seen
again, but none does: batch log and hints are not replayed after that time either, and a worker that
begins again skips what ``patients`` already shows.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from itertools import zip_longest
from typing import Any
from uuid import UUID

from cassandra.cluster import Session
from cassandra.concurrent import execute_concurrent, execute_concurrent_with_args
from cassandra.query import BatchStatement, BatchType, PreparedStatement

from projections.cassandra_errors import availability
from projections.cassandra_statements import Statements
from projections.patient_list import name_key, page, page_start, rows_to_read, vacated_keys
from projections.read_models import (
    ERASED_VERSION,
    PatientPage,
    PatientRow,
    RowChange,
    WardRow,
)
from projections.ward_board import vacated_wards, ward_board

CONCURRENCY = 32
"""Requests in flight from one call; more gain nothing on one node and crowd out the appends."""
ROWS_IN_A_BATCH = 8
"""Versions in one logged batch: even with the longest texts it stays below the 50 KiB at which
Cassandra refuses a batch by default."""
TABLES = ("patients", "patient_list", "ward_board", "wards", "projection_checkpoints")
"""All of them, as ``cassandra.cql`` makes them."""
DDL_TIMEOUT = 60.0
"""Seconds; a schema change waits until all nodes agree."""
_PROJECTION = "patients"


def create_tables(session: Session, keyspace: str) -> None:
    """Create the tables that are missing. For an operator's command, not for workers or pages.

    :raises ReadModelsUnavailableError: when Cassandra cannot be reached or has no such keyspace.
    :raises ValueError: when ``keyspace`` is no name of a keyspace.
    """
    schema = files("projections").joinpath("cassandra.cql").read_text(encoding="utf-8")
    statements = re.sub(r"--.*", "", schema.replace("{keyspace}", _quoted(keyspace)))
    with availability(keyspace):
        for statement in filter(None, map(str.strip, statements.split(";"))):
            session.execute(statement, timeout=DDL_TIMEOUT)


def empty_tables(session: Session, keyspace: str) -> None:
    """Empty the tables, so that a worker fills them from the first event.

    No worker may run meanwhile, or it would go on from what it remembers.

    :raises ReadModelsUnavailableError: when Cassandra cannot be reached, or a node of it is away.
    :raises ValueError: when ``keyspace`` is no name of a keyspace.
    """
    with availability(keyspace):
        for table in TABLES:
            session.execute(f"TRUNCATE {_quoted(keyspace)}.{table}", timeout=DDL_TIMEOUT)


class CassandraReadModels:
    """A :class:`~projections.read_models.ReadModelStore` in the tables of ``keyspace``.

    The session stays the caller's; its default execution profile must read and write at
    LOCAL_QUORUM (or QUORUM), so that a worker finds the rows that another one has written.

    :raises ReadModelsUnavailableError: when Cassandra cannot be reached, or the tables are missing;
        as from every method.
    :raises ValueError: when ``keyspace`` is no name of a keyspace.
    """

    def __init__(self, session: Session, keyspace: str) -> None:
        self._session = session
        self._keyspace = keyspace
        quoted = _quoted(keyspace)
        with availability(keyspace):
            self._statements = Statements(session.prepare, quoted)

    def wards(self) -> Sequence[WardRow]:
        """Return the ward board: every ward with at least one patient, by ward name."""
        with availability(self._keyspace):
            wards = self._session.execute(self._statements.select_wards).all()
        return ward_board(self._concurrently(self._statements.select_ward, wards))

    def patients(self, *, limit: int = 50, after: str | None = None) -> PatientPage:
        """Return one page of all patients ever admitted, by name.

        :raises ValueError: when ``after`` is not from an earlier page, or ``limit`` is below 1.
        """
        number = rows_to_read(limit)
        query = self._statements.select_first_page
        parameters: list[object] = [number]
        if after is not None:
            start = page_start(after, self.patient)
            query = self._statements.select_next_page
            parameters = [name_key(start.name), start.patient_id, number]
        with availability(self._keyspace):
            records = self._session.execute(query, parameters).all()
        return page([_row(record) for record in records], limit)

    def patient(self, patient_id: UUID) -> PatientRow | None:
        """Return one patient's row; None when no event of theirs has arrived here, or erased."""
        row = self.rows([patient_id]).get(patient_id)
        return None if row is None or row.is_erased else row

    def rows(self, patient_ids: Sequence[UUID]) -> Mapping[UUID, PatientRow]:
        """Return the present rows of those of the patients who have one."""
        keys = [(patient_id,) for patient_id in patient_ids]
        return {
            row.patient_id: row for row in self._concurrently(self._statements.select_patient, keys)
        }

    def replace(self, before: PatientRow | None, after: PatientRow) -> None:
        """Show ``after`` instead of ``before``, unless a newer row stands there."""
        self.replace_all([RowChange([before, after] if before else [after])])

    def replace_all(self, changes: Sequence[RowChange]) -> None:
        """Carry out the changes, several patients at a time, each patient's batches in order."""
        insert = self._statements.insert_patient
        guards = [(*_record(change.after), change.after.version) for change in changes]
        with availability(self._keyspace):
            for wave in zip_longest(*map(_portions, changes)):
                batches = [(self._batch(portion), None) for portion in wave if portion]
                execute_concurrent(self._session, batches, concurrency=CONCURRENCY)
            execute_concurrent_with_args(self._session, insert, guards, concurrency=CONCURRENCY)

    def erase(self, patient_id: UUID, *, names: Set[str], wards: Set[str]) -> None:
        """Hide the patient everywhere, for good."""
        keys = {(ERASED_VERSION, name_key(name), patient_id) for name in names}
        boards = {(ERASED_VERSION, ward, patient_id) for ward in wards}
        guard = [*_record(PatientRow.erased(patient_id)), ERASED_VERSION]
        with availability(self._keyspace):
            for statement, places in (
                (self._statements.delete_name, keys),
                (self._statements.delete_from_board, boards),
                (self._statements.insert_patient, [guard]),
            ):
                execute_concurrent_with_args(
                    self._session, statement, places, concurrency=CONCURRENCY
                )

    def checkpoint(self) -> str | None:
        """Return the saved position in the feed; None before the first."""
        with availability(self._keyspace):
            found = self._session.execute(self._statements.select_checkpoint, [_PROJECTION]).one()
        return str(found[0]) if found else None

    def save_checkpoint(self, checkpoint: str) -> None:
        """Save the position. Of two workers' the last one counts; both begin at a right place."""
        with availability(self._keyspace):
            self._session.execute(self._statements.insert_checkpoint, [_PROJECTION, checkpoint])

    def _concurrently(
        self, query: PreparedStatement, keys: Iterable[Sequence[object]]
    ) -> Iterator[PatientRow]:
        with availability(self._keyspace):
            results = execute_concurrent_with_args(
                self._session, query, keys, concurrency=CONCURRENCY
            )
            for result in results:
                yield from map(_row, result.result_or_exc)

    def _batch(self, change: RowChange) -> BatchStatement:
        row, key = change.after, name_key(change.after.name)
        batch = BatchStatement(BatchType.LOGGED)
        batch.is_idempotent = True
        for passed in vacated_keys(change):
            batch.add(self._statements.delete_name, [row.version, passed, row.patient_id])
        for ward in vacated_wards(change):
            batch.add(self._statements.delete_from_board, [row.version, ward, row.patient_id])
        batch.add(self._statements.insert_name, [*_record(row), key, row.version])
        if row.ward is not None:
            batch.add(self._statements.insert_on_board, [*_record(row), row.version])
            batch.add(self._statements.insert_ward, [row.ward, row.version])
        return batch


def _portions(change: RowChange) -> list[RowChange]:
    """Cut a change so that each part begins with the row at which the one before ended."""
    step = ROWS_IN_A_BATCH - 1
    return [
        RowChange(change.rows[start : start + ROWS_IN_A_BATCH])
        for start in range(0, max(1, len(change.rows) - 1), step)
    ]


def _quoted(keyspace: str) -> str:
    """Return the name as CQL takes it without quotes, in quotes: it may be a word of CQL's own."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,47}", keyspace):
        raise ValueError(
            f"{keyspace!r} is no name of a keyspace: expected a letter and then up to 47 letters, "
            "digits or underscores."
        )
    return f'"{keyspace.lower()}"'


def _record(row: PatientRow) -> Sequence[object]:
    return (
        row.patient_id,
        row.version,
        row.name,
        row.age,
        row.ward,
        row.admitted_at,
        row.updated_at,
    )


def _row(record: Any) -> PatientRow:
    patient_id, version, name, age, ward, admitted_at, updated_at = record
    return PatientRow(
        patient_id=patient_id,
        version=version,
        name=name,
        age=age,
        ward=ward,
        admitted_at=_utc(admitted_at),
        updated_at=_utc(updated_at),
    )


def _utc(moment: datetime | None) -> datetime | None:
    """Return the moment to the millisecond, which the driver computes with fractions of seconds."""
    if moment is None:
        return None
    rounded = moment.replace(tzinfo=UTC) + timedelta(microseconds=500)
    return rounded.replace(microsecond=rounded.microsecond // 1000 * 1000)
