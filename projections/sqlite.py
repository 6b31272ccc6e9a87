"""The read models in an SQLite file: one table, of which list and board are two queries.

A row is replaced by one of a higher version only. An erased patient's has the highest, and nothing
in it; list and board leave it out.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any
from uuid import UUID

from projections.patient_list import name_key, page, page_start, rows_to_read
from projections.read_models import (
    ERASED_VERSION,
    PatientPage,
    PatientRow,
    ReadModelsUnavailableError,
    RowChange,
    WardRow,
)
from projections.ward_board import ward_board

BUSY_TIMEOUT = 5.0
"""Seconds to wait for another process's write transaction; one of a worker takes milliseconds."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS patients (
    patient_id TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    name TEXT NOT NULL,
    age INTEGER NOT NULL,
    ward TEXT,
    admitted_at TEXT,
    updated_at TEXT,
    name_key TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS patient_list ON patients (name_key, patient_id);
CREATE INDEX IF NOT EXISTS ward_board ON patients (ward) WHERE ward IS NOT NULL;
CREATE TABLE IF NOT EXISTS projection_checkpoints (projection TEXT PRIMARY KEY, place TEXT);
"""
_SELECT_SOME = """
SELECT patient_id, version, name, age, ward, admitted_at, updated_at FROM patients
WHERE patient_id IN (SELECT value FROM json_each(?))
"""
_SELECT_ADMITTED = """
SELECT patient_id, version, name, age, ward, admitted_at, updated_at FROM patients
WHERE ward IS NOT NULL
"""
_SELECT_FIRST_PAGE = f"""
SELECT patient_id, version, name, age, ward, admitted_at, updated_at FROM patients
WHERE version < {ERASED_VERSION}
ORDER BY name_key, patient_id LIMIT ?
"""
_SELECT_NEXT_PAGE = f"""
SELECT patient_id, version, name, age, ward, admitted_at, updated_at FROM patients
WHERE (name_key, patient_id) > (?, ?) AND version < {ERASED_VERSION}
ORDER BY name_key, patient_id LIMIT ?
"""
_SELECT_CHECKPOINT = "SELECT place FROM projection_checkpoints WHERE projection = ?"
_UPSERT = """
INSERT INTO patients (patient_id, version, name, age, ward, admitted_at, updated_at, name_key)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (patient_id) DO UPDATE SET
    version = excluded.version, name = excluded.name, age = excluded.age, ward = excluded.ward,
    admitted_at = excluded.admitted_at, updated_at = excluded.updated_at,
    name_key = excluded.name_key
WHERE excluded.version > patients.version
"""
_PROJECTION = "patients"


class SQLiteReadModels:
    """A :class:`~projections.read_models.ReadModelStore` in the file at ``path``.

    Folder, file and tables are created when they are missing. All threads share one connection and
    take turns; other processes may use the same file. Close it when done.

    :raises ReadModelsUnavailableError: when the file cannot be opened, as from every method.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._lock = Lock()
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as e:
            raise self._unavailable(e) from e
        with self._availability():
            self._connection = sqlite3.connect(
                self._path, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False
            )
        try:
            self._prepare()
        except ReadModelsUnavailableError:
            self._connection.close()
            raise

    def close(self) -> None:
        """Close the file; the object cannot be used afterwards."""
        with self._lock:
            self._connection.close()

    def wards(self) -> Sequence[WardRow]:
        """Return the ward board: every ward with at least one patient, by ward name."""
        return ward_board(self._patients(_SELECT_ADMITTED))

    def patients(self, *, limit: int = 50, after: str | None = None) -> PatientPage:
        """Return one page of all patients ever admitted, by name.

        :raises ValueError: when ``after`` is not from an earlier page, or ``limit`` is below 1.
        """
        number = rows_to_read(limit)
        if after is None:
            return page(self._patients(_SELECT_FIRST_PAGE, number), limit)
        start = page_start(after, self.patient)
        rows = self._patients(
            _SELECT_NEXT_PAGE,
            name_key(start.name),
            str(start.patient_id),
            number,
        )
        return page(rows, limit)

    def patient(self, patient_id: UUID) -> PatientRow | None:
        """Return one patient's row; None when no event of theirs has arrived here, or erased."""
        row = self.rows([patient_id]).get(patient_id)
        return None if row is None or row.is_erased else row

    def rows(self, patient_ids: Sequence[UUID]) -> Mapping[UUID, PatientRow]:
        """Return the present rows of those of the patients who have one."""
        rows = self._patients(
            _SELECT_SOME,
            json.dumps([str(patient_id) for patient_id in patient_ids]),
        )
        return {row.patient_id: row for row in rows}

    def replace(self, before: PatientRow | None, after: PatientRow) -> None:
        """Show ``after`` instead of ``before``, unless a newer row stands there."""
        self.replace_all([RowChange([before, after] if before else [after])])

    def replace_all(self, changes: Sequence[RowChange]) -> None:
        """Carry out the changes in one transaction."""
        with self._transaction() as connection:
            connection.executemany(_UPSERT, [_record(change.after) for change in changes])

    def erase(self, patient_id: UUID, *, names: Set[str], wards: Set[str]) -> None:
        """Hide the patient, for good; names and wards stand in the one row only."""
        with self._transaction() as connection:
            connection.execute(_UPSERT, _record(PatientRow.erased(patient_id)))

    def checkpoint(self) -> str | None:
        """Return the saved position in the feed; None before the first."""
        found = self._select(_SELECT_CHECKPOINT, _PROJECTION)
        return str(found[0][0]) if found else None

    def save_checkpoint(self, checkpoint: str) -> None:
        """Save the position."""
        with self._transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO projection_checkpoints VALUES (?, ?)",
                (_PROJECTION, checkpoint),
            )

    def _prepare(self) -> None:
        with self._availability():
            self._connection.execute("PRAGMA journal_mode = WAL")
            # A power failure may take the last transactions, always together with those after
            # them: the checkpoint is never newer than the rows.
            self._connection.execute("PRAGMA synchronous = NORMAL")
        with self._transaction() as connection:
            for statement in _SCHEMA.split(";"):
                connection.execute(statement)

    def _patients(self, query: str, *parameters: object) -> list[PatientRow]:
        return [_row(record) for record in self._select(query, *parameters)]

    def _select(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        with self._availability(), closing(self._connection.execute(query, parameters)) as cursor:
            return cursor.fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._availability(), self._connection as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection

    @contextmanager
    def _availability(self) -> Iterator[None]:
        with self._lock:
            try:
                yield
            except sqlite3.DatabaseError as e:
                raise self._unavailable(e) from e

    def _unavailable(self, reason: Exception) -> ReadModelsUnavailableError:
        return ReadModelsUnavailableError(
            f"The read models in {self._path} cannot be used: {reason}. Check that the file is an "
            "SQLite database that this process may write, and that the disk has room."
        )


def _record(row: PatientRow) -> tuple[str | int | None, ...]:
    return (
        str(row.patient_id),
        row.version,
        row.name,
        row.age,
        row.ward,
        row.admitted_at.isoformat() if row.admitted_at else None,
        row.updated_at.isoformat() if row.updated_at else None,
        name_key(row.name),
    )


def _row(record: tuple[Any, ...]) -> PatientRow:
    patient_id, version, name, age, ward, admitted_at, updated_at = record
    return PatientRow(
        patient_id=UUID(patient_id),
        version=version,
        name=name,
        age=age,
        ward=ward,
        admitted_at=admitted_at and datetime.fromisoformat(admitted_at),
        updated_at=updated_at and datetime.fromisoformat(updated_at),
    )
