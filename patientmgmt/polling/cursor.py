"""How far a poller has come, in a file that outlives it.

The file is a SQLite database, which does for a page what a file that is written anew would do for
all that was ever printed: a page is noted as a whole or not at all, and is on the disk when
:meth:`Cursor.save` returns. One process has it at a time.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

FORMAT = 1
_APPLICATION = 0x70_6F_6C_6C
"""By which SQLite files of this kind are told from others."""
_TABLES = """
CREATE TABLE cursor (feed TEXT NOT NULL, topics TEXT NOT NULL, checkpoint TEXT);
CREATE TABLE printed (id BLOB PRIMARY KEY, version INTEGER NOT NULL);
CREATE TABLE counts (topic TEXT PRIMARY KEY, events INTEGER NOT NULL);
"""
_RAISE = """
INSERT INTO printed (id, version) VALUES (?, ?)
ON CONFLICT (id) DO UPDATE SET version = max(version, excluded.version)
"""
_COUNT = """
INSERT INTO counts (topic, events) VALUES (?, ?)
ON CONFLICT (topic) DO UPDATE SET events = excluded.events
"""


class CursorError(OSError):
    """A cursor that cannot be used; the sentence says why, and that nothing was changed."""


@dataclass(frozen=True)
class Progress:
    """What the printing of some events adds."""

    checkpoint: str | None
    """Where the feed goes on; None leaves it as it is."""
    versions: Mapping[UUID, int]
    """The last version of each aggregate that they are of."""
    counts: Mapping[str, int]
    """Events of each type that were printed ever, these included."""


class Cursor:
    """A cursor of one feed of some types. Open it with :func:`open_cursor`."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._connection = connection
        with _errors(path, "read"):
            (self.checkpoint,) = connection.execute("SELECT checkpoint FROM cursor").fetchone()
            self.counts: Mapping[str, int] = dict(connection.execute("SELECT * FROM counts"))

    def versions(self, ids: Sequence[UUID]) -> Mapping[UUID, int]:
        """Return the version printed last of those of the aggregates that have one."""
        find = "SELECT version FROM printed WHERE id = ?"
        with _errors(self._path, "read"):
            rows = {id_: self._connection.execute(find, [id_.bytes]).fetchone() for id_ in ids}
        return {id_: row[0] for id_, row in rows.items() if row}

    def latest(self, limit: int) -> Sequence[tuple[UUID, int]]:
        """Return aggregates with the version printed last, from the one that was met last."""
        find = "SELECT id, version FROM printed ORDER BY rowid DESC LIMIT ?"
        with _errors(self._path, "read"):
            return [(UUID(bytes=id_), v) for id_, v in self._connection.execute(find, [limit])]

    def save(self, progress: Progress) -> None:
        """Note what was printed; it is on the disk then.

        :raises CursorError: when it cannot be written.
        """
        connection = self._connection
        with _errors(self._path, "write"):
            connection.execute("BEGIN")
            if progress.checkpoint is not None:
                connection.execute("UPDATE cursor SET checkpoint = ?", [progress.checkpoint])
            versions = [(id_.bytes, version) for id_, version in progress.versions.items()]
            connection.executemany(_RAISE, versions)
            connection.executemany(_COUNT, progress.counts.items())
            connection.execute("COMMIT")
        self.checkpoint = progress.checkpoint or self.checkpoint
        self.counts = progress.counts


@contextmanager
def open_cursor(path: Path, *, feed: str, topics: Sequence[str]) -> Iterator[Cursor]:
    """Open the cursor in a file, which is made if it is missing, and close it at the end.

    :param feed: the kind of feed that its checkpoints are of.
    :param topics: the types that are followed; a cursor of others cannot tell what is missing.
    :raises CursorError: when the file is another one, or cannot be read and written.
    """
    with _errors(path, "open"):
        connection = sqlite3.connect(path, timeout=0, isolation_level=None)
    try:
        with _errors(path, "open"):
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("PRAGMA synchronous = EXTRA")
            connection.execute("BEGIN EXCLUSIVE")
            _check(path, connection, feed, json.dumps(sorted(topics)))
            connection.execute("COMMIT")
        yield Cursor(path, connection)
    finally:
        connection.close()


def _check(path: Path, connection: sqlite3.Connection, feed: str, topics: str) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if not tables:
        for statement in _TABLES.split(";"):
            connection.execute(statement)
        connection.execute("INSERT INTO cursor (feed, topics) VALUES (?, ?)", [feed, topics])
        connection.execute(f"PRAGMA application_id = {_APPLICATION}")
        connection.execute(f"PRAGMA user_version = {FORMAT}")
        return
    if application != _APPLICATION:
        raise _other(path, "a cursor", "another SQLite file")
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if found != FORMAT:
        raise _other(path, f"a cursor of format {FORMAT}", f"one of format {found}")
    (found_feed, found_topics) = connection.execute("SELECT feed, topics FROM cursor").fetchone()
    if found_feed != feed:
        raise _other(path, f"a cursor of the feed {feed}", f"one of {found_feed}")
    if found_topics != topics:
        wanted, had = (", ".join(json.loads(each)) for each in (topics, found_topics))
        raise _other(path, f"a cursor of {wanted}", f"one of {had}")
    # Else a file that cannot be written would be found out after the first page was printed.
    connection.execute("UPDATE cursor SET feed = feed")


def _other(path: Path, expected: str, found: str) -> CursorError:
    return CursorError(
        f"Cannot use {path}: expected {expected}, found {found}. It is left as it is; choose "
        "another file with --cursor, where everything is printed from the first event on."
    )


@contextmanager
def _errors(path: Path, doing: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as e:
        if e.sqlite_errorcode == sqlite3.SQLITE_BUSY:
            raise CursorError(
                f"Cannot use {path}: another process has it. Stop that one, or choose another file "
                "with --cursor."
            ) from e
        raise CursorError(
            f"Cannot {doing} the cursor {path}: {e}. Expected a file that can be written; what was "
            "noted in it stays."
        ) from e
    except (sqlite3.DatabaseError, TypeError, ValueError) as e:
        raise CursorError(
            f"Cannot {doing} the cursor {path}: it is damaged, or no cursor ({e}). It is left as "
            "it is; choose another file with --cursor, where everything is printed from the first "
            "event on."
        ) from e
