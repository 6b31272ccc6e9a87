"""Records in SQLite: one table."""

import time
from collections.abc import Mapping

from projections.sqlite.file import File

_CREATE = """
CREATE TABLE IF NOT EXISTS projection_records (
    kind TEXT NOT NULL, name TEXT NOT NULL, text TEXT NOT NULL, until REAL,
    PRIMARY KEY (kind, name)
) WITHOUT ROWID
"""
_SELECT_ALL = """
SELECT name, text FROM projection_records WHERE kind = ? AND ifnull(until > ?, TRUE)
"""
_UPSERT = "INSERT OR REPLACE INTO projection_records VALUES (?, ?, ?, ?)"
_DELETE = "DELETE FROM projection_records WHERE kind = ? AND name = ?"


class SQLiteRecords:
    """A :class:`~projections.database.Records` in a file."""

    def __init__(self, file: File) -> None:
        self._file = file
        file.execute(_CREATE)

    def load(self, kind: str, name: str) -> str | None:
        """Return the text, if there is one."""
        return self.load_all(kind).get(name)

    def load_all(self, kind: str) -> Mapping[str, str]:
        """Return all texts of a kind by name."""
        return dict(self._file.select(_SELECT_ALL, (kind, time.time())))

    def save(self, kind: str, name: str, text: str, *, seconds: int | None = None) -> None:
        """Keep the text."""
        self._file.execute_all([(_UPSERT, (kind, name, text, _end(seconds)))])

    def delete(self, kind: str, name: str) -> None:
        """Forget the text, if there is one."""
        self._file.execute_all([(_DELETE, (kind, name))])

    def replace(
        self,
        kind: str,
        name: str,
        old: str | None,
        new: str | None,
        *,
        seconds: int | None = None,
    ) -> bool:
        """Keep a new text if the present one is ``old``, and return whether it was."""
        with self._file.transaction() as connection:
            if self.load(kind, name) != old:
                return False
            if new is None:
                connection.execute(_DELETE, (kind, name))
            else:
                connection.execute(_UPSERT, (kind, name, new, _end(seconds)))
        return True


def _end(seconds: int | None) -> float | None:
    return None if seconds is None else time.time() + seconds
