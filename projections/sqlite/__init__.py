"""Read models in a SQLite file, for any number of threads and processes of one machine."""

from pathlib import Path

from projections.database import Generation, Tables
from projections.sqlite.file import File
from projections.sqlite.records import SQLiteRecords
from projections.sqlite.tables import SQLiteTables, all_names, definitions


class SQLiteDatabase:
    """A :class:`~projections.database.Database` in the file at ``path``. Close it when done.

    :raises ReadModelsUnavailableError: when the file cannot be opened, as from every method.
    """

    def __init__(self, path: str | Path) -> None:
        self._file = File(path)
        try:
            self.records = SQLiteRecords(self._file)
        except BaseException:
            self._file.close()
            raise

    def close(self) -> None:
        """Close the file; neither this nor what it gave can be used afterwards."""
        self._file.close()

    def open(self, generation: Generation) -> Tables:
        """Return a generation's tables."""
        return SQLiteTables(self._file, generation)

    def create(self, generation: Generation) -> None:
        """Make the tables that are missing."""
        self._file.execute(*definitions(generation))

    def empty(self, generation: Generation) -> None:
        """Remove all rows and guards."""
        names = all_names(generation)
        self._file.execute(*(f"DELETE FROM {name}" for name in names))

    def drop(self, generation: Generation) -> None:
        """Remove the tables that there are, also those that the read model no longer has."""
        found = self._file.select("SELECT name FROM sqlite_master WHERE type = 'table'")
        names = [name for (name,) in found if name.startswith(f"{generation}_")]
        self._file.execute(*(f'DROP TABLE IF EXISTS "{name}"' for name in names))
