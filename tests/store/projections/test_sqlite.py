"""What is only so in a SQLite file: several threads and processes, and files that are none."""

import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest

from projections.database import Generation
from projections.errors import ReadModelsUnavailableError, TablesMissingError
from projections.sqlite import SQLiteDatabase
from tests.store.projections.conftest import create_all
from tests.store.projections.looking import notes_of, stand
from tests.unit.projections.notes import NOTES, SHELVED, change_to, on_shelves


def test_folder_and_file_are_created(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "read-models.sqlite"
    with closing(SQLiteDatabase(path)):
        assert path.exists()


def test_rows_and_records_outlive_the_process(tmp_path: Path) -> None:
    path, states = tmp_path / "read-models.sqlite", on_shelves(uuid4(), "A")
    with closing(SQLiteDatabase(path)) as database:
        create_all(database)
        notes_of(database).carry_out([change_to(states, 1)])
        database.records.save("checkpoint", "log", "7")
    with closing(SQLiteDatabase(path)) as database:
        create_all(database)
        stand(notes_of(database), states)
        assert database.records.load("checkpoint", "log") == "7"


def test_threads_may_read_and_write_at_once(sqlite_database: SQLiteDatabase) -> None:
    tables = notes_of(sqlite_database)

    def shelve_and_read(_: int) -> int:
        tables.carry_out([change_to(on_shelves(uuid4(), "A", "B"), 2)])
        return len(tables.select(SHELVED, ("B",)))

    with ThreadPoolExecutor(8) as threads:
        assert max(threads.map(shelve_and_read, range(40))) == 40
    assert tables.select(SHELVED, ("A",)) == []


def test_several_processes_may_open_a_new_file_at_once_and_write(tmp_path: Path) -> None:
    path = tmp_path / "read-models.sqlite"
    program = (
        "import sys, uuid\n"
        "from projections.sqlite import SQLiteDatabase\n"
        "from tests.store.projections.conftest import create_all\n"
        "from tests.store.projections.looking import notes_of\n"
        "from tests.unit.projections.notes import change_to, on_shelves\n"
        "database = SQLiteDatabase(sys.argv[1])\n"
        "create_all(database)\n"
        "for _ in range(20):\n"
        "    notes_of(database).carry_out([change_to(on_shelves(uuid.uuid4(), 'A'), 1)])\n"
        "database.close()\n"
    )
    command = [sys.executable, "-c", program, str(path)]
    processes = [subprocess.Popen(command) for _ in range(3)]
    assert [process.wait(timeout=60) for process in processes] == [0, 0, 0]
    with closing(SQLiteDatabase(path)) as database:
        assert len(notes_of(database).select(SHELVED, ("A",))) == 60
        assert notes_of(database).counts()["all"] == 60


def test_a_path_that_is_a_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(ReadModelsUnavailableError, match=f"in {tmp_path} cannot be used: unable"):
        SQLiteDatabase(tmp_path)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ReadModelsUnavailableError, match="cannot be used"):
        SQLiteDatabase(tmp_path / "file" / "read-models.sqlite")


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    path = tmp_path / "read-models.sqlite"
    path.write_text("patients,wards\n" * 100)
    with pytest.raises(ReadModelsUnavailableError, match=r"not a database\. Check that"):
        SQLiteDatabase(path)


def test_tables_that_are_gone_are_told_and_nothing_of_the_change_is_written(
    sqlite_database: SQLiteDatabase, sqlite_path: Path
) -> None:
    tables, states = notes_of(sqlite_database), on_shelves(uuid4(), "A")
    with closing(sqlite3.connect(sqlite_path)) as connection:
        connection.execute("DROP TABLE notes_1_seen")
    with pytest.raises(TablesMissingError, match="no such table: notes_1_seen"):
        tables.carry_out([change_to(states, 1)])
    assert tables.guards([states[0].note_id]) == {}
    assert tables.select(SHELVED, ("A",)) == []
    sqlite_database.records.save("kind", "name", "text")
    assert sqlite_database.records.load("kind", "name") == "text"
    sqlite_database.create(Generation(NOTES, 1))
    tables.carry_out([change_to(states, 1)])
    stand(tables, states)


def test_of_several_changes_in_one_call_all_or_none_are_written(
    sqlite_database: SQLiteDatabase, sqlite_path: Path
) -> None:
    tables = notes_of(sqlite_database)
    with closing(sqlite3.connect(sqlite_path)) as connection:
        connection.execute("DROP TABLE notes_1_seen")
    on_none, on_one = on_shelves(uuid4(), None), on_shelves(uuid4(), "A")
    with pytest.raises(TablesMissingError):
        tables.carry_out([change_to(on_none, 1), change_to(on_one, 1)])
    assert tables.guards([on_none[0].note_id, on_one[0].note_id]) == {}


def test_dropping_removes_all_tables_and_may_be_done_again(
    sqlite_database: SQLiteDatabase, sqlite_path: Path
) -> None:
    for _ in range(2):
        sqlite_database.drop(Generation(NOTES, 1))
    with closing(sqlite3.connect(sqlite_path)) as connection:
        found = connection.execute("SELECT name FROM sqlite_master WHERE name LIKE 'notes%'")
        assert found.fetchall() == []
