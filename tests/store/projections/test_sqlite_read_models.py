import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest

from projections.read_models import ReadModelsUnavailableError, RowChange
from projections.sqlite import SQLiteReadModels
from tests.store.projections.rows import everywhere, rows_of, shown


def test_folder_file_and_tables_are_created(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "read-models.sqlite"
    with closing(SQLiteReadModels(path)):
        assert path.exists()


def test_rows_and_checkpoint_outlive_the_process(tmp_path: Path) -> None:
    path, patient_id = tmp_path / "read-models.sqlite", uuid4()
    [row] = rows_of(patient_id, ["AA"])
    with closing(SQLiteReadModels(path)) as store:
        store.replace(None, row)
        store.save_checkpoint("7")
    with closing(SQLiteReadModels(path)) as store:
        assert shown(store, patient_id) == everywhere(row)
        assert store.checkpoint() == "7"


def test_threads_may_read_and_write_at_once(sqlite_read_models: SQLiteReadModels) -> None:
    ids = [uuid4() for _ in range(40)]

    def admit_and_read(index: int) -> int:
        sqlite_read_models.replace_all([RowChange(rows_of(ids[index], ["AA", "BB"]))])
        return len(sqlite_read_models.patients(limit=100).patients)

    with ThreadPoolExecutor(8) as threads:
        assert max(threads.map(admit_and_read, range(len(ids)))) == len(ids)
    [ward] = sqlite_read_models.wards()
    assert (ward.name, ward.occupancy) == ("BB", 40)


def test_several_processes_may_open_a_new_file_at_once_and_write(tmp_path: Path) -> None:
    path = tmp_path / "read-models.sqlite"
    program = (
        "import sys, uuid\n"
        "from projections.sqlite import SQLiteReadModels\n"
        "from tests.store.projections.rows import rows_of\n"
        "store = SQLiteReadModels(sys.argv[1])\n"
        "for _ in range(20):\n"
        "    store.replace(None, rows_of(uuid.uuid4(), ['AA'])[0])\n"
        "store.close()\n"
    )
    command = [sys.executable, "-c", program, str(path)]
    processes = [subprocess.Popen(command) for _ in range(3)]
    assert [process.wait(timeout=60) for process in processes] == [0, 0, 0]
    with closing(SQLiteReadModels(path)) as store:
        assert store.wards()[0].occupancy == 60


def test_a_path_that_is_a_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(ReadModelsUnavailableError, match=f"in {tmp_path} cannot be used: unable"):
        SQLiteReadModels(tmp_path)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ReadModelsUnavailableError, match="cannot be used"):
        SQLiteReadModels(tmp_path / "file" / "read-models.sqlite")


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    path = tmp_path / "read-models.sqlite"
    path.write_text("patients,wards\n" * 100)
    with pytest.raises(ReadModelsUnavailableError, match=r"not a database\. Check that"):
        SQLiteReadModels(path)


def test_tables_that_are_gone_are_told_and_nothing_else_is_written(
    sqlite_read_models: SQLiteReadModels, tmp_path: Path
) -> None:
    path = tmp_path / "data" / "read-models.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE patients")
    with pytest.raises(ReadModelsUnavailableError, match="no such table: patients"):
        sqlite_read_models.replace(None, rows_of(uuid4(), ["AA"])[0])
    sqlite_read_models.save_checkpoint("1")
    assert sqlite_read_models.checkpoint() == "1"
