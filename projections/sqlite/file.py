"""The SQLite file: one connection that all threads of the process share and take turns at."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from threading import RLock
from typing import Any

from projections.errors import (
    UNFIT_VALUES,
    ChangeRefusedError,
    ReadModelsUnavailableError,
    TablesMissingError,
)

BUSY_TIMEOUT = 5.0
"""Seconds to wait for another process's write transaction; one of a worker takes milliseconds."""


class File:
    """An open file; folder and file are created when they are missing. Close it when done.

    :raises ReadModelsUnavailableError: when the file cannot be opened, as from every method.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._lock = RLock()
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

    def select(self, query: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return all records that the query finds."""
        with self._availability(), closing(self._connection.execute(query, parameters)) as cursor:
            return cursor.fetchall()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection in a transaction of writing, which an error takes back."""
        with self._availability(), self._connection as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection

    def execute(self, *statements: str) -> None:
        """Execute statements in one transaction."""
        self.execute_all((statement, ()) for statement in statements)

    def execute_all(self, statements: Iterable[tuple[str, Sequence[object]]]) -> None:
        """Execute statements with parameters in one transaction."""
        with self.transaction() as connection:
            for statement, parameters in statements:
                connection.execute(statement, parameters)

    def _prepare(self) -> None:
        with self._availability():
            self._connection.execute("PRAGMA journal_mode = WAL")
            # A power failure may take the last transactions, always together with those after
            # them: the checkpoint is never newer than the rows.
            self._connection.execute("PRAGMA synchronous = NORMAL")

    @contextmanager
    def _availability(self) -> Iterator[None]:
        with self._lock:
            try:
                yield
            except (*UNFIT_VALUES, sqlite3.IntegrityError, sqlite3.InterfaceError) as e:
                raise ChangeRefusedError(
                    "A row of a read model has a value that its column in "
                    f"{self._path} cannot have: {type(e).__name__}."
                ) from e
            except sqlite3.DatabaseError as e:
                if "no such table" in str(e):
                    raise TablesMissingError(
                        f"The read models in {self._path} are not as expected: {e}. Start the "
                        "worker again, or run `patientmgmt projections rebuild`."
                    ) from e
                raise self._unavailable(e) from e

    def _unavailable(self, reason: Exception) -> ReadModelsUnavailableError:
        return ReadModelsUnavailableError(
            f"The read models in {self._path} cannot be used: {reason}. Check that the file is an "
            "SQLite database that this process may write, and that the disk has room."
        )
