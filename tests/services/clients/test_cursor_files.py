"""Cursors that cannot be used: each is told in one sentence, and left as it is."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from tests.services.clients.other_program import ADMITTED, OtherProgram, Row
from tests.services.clients.polling import PollClient
from tests.services.clients.test_holes import now
from tests.services.conftest import MakeServer
from tests.services.processes import StoreServer


def sql(statement: str) -> Callable[[Path], None]:
    """Return what carries out a statement on a file."""

    def change(path: Path) -> None:
        connection = sqlite3.connect(path)
        connection.execute(statement)
        connection.commit()
        connection.close()

    return change


def cut(path: Path) -> None:
    """Leave the first page of a file and half of the next."""
    path.write_bytes(path.read_bytes()[:6_000])


def scribble(path: Path) -> None:
    """Overwrite the middle of a file."""
    found = path.read_bytes()
    path.write_bytes(found[:4_096] + b"?" * (len(found) - 4_096))


def replace(path: Path) -> None:
    """Put another SQLite file into a file's place."""
    path.unlink()
    sql("CREATE TABLE patients (name TEXT)")(path)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda path: path.write_text("{}"), "it is damaged, or no cursor"),
        (lambda path: path.write_bytes(b"x" * 10_000), "it is damaged, or no cursor"),
        (cut, "it is damaged, or no cursor"),
        (scribble, "it is damaged, or no cursor"),
        (replace, "expected a cursor, found another SQLite file"),
        (sql("PRAGMA user_version = 7"), "expected a cursor of format 1, found one of format 7"),
        (sql("UPDATE cursor SET feed = 'log'"), "expected a cursor of the feed type_view"),
        (sql("UPDATE cursor SET topics = '[\"Fallen\"]'"), "found one of Fallen"),
        (sql("UPDATE cursor SET topics = '[['"), "it is damaged, or no cursor"),
        (sql("UPDATE cursor SET checkpoint = '{\"after\": 1'"), "expected a place in the feed"),
        (sql("DELETE FROM cursor"), "it is damaged, or no cursor"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_a_file_that_is_no_cursor_of_this_is_left_as_it_is(
    grpc_store: StoreServer,
    writer: OtherProgram,
    tmp_path: Path,
    spoil: Callable[[Path], None],
    sentence: str,
) -> None:
    client = PollClient(tmp_path, grpc_store.address, writer.topics)
    writer.write(Row(uuid4(), 1, ADMITTED, now()))
    assert client.once() == 0
    spoil(client.cursor)
    before, lines = client.cursor.read_bytes(), client.lines()
    assert client.once() == 1
    said = client.process.said()
    assert sentence in said
    assert "--cursor" in said
    assert "Traceback" not in said
    assert client.lines() == lines
    assert client.cursor.read_bytes() == before


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("nowhere/cursor", "unable to open database file"),
        ("/proc/self/status", "Cannot open the cursor"),
        ("/dev/full", "the cursor /dev/full"),
    ],
)
def test_a_file_that_cannot_be_written_is_told_before_anything_is_printed(
    grpc_store: StoreServer, writer: OtherProgram, tmp_path: Path, path: str, sentence: str
) -> None:
    writer.write(Row(uuid4(), 1, ADMITTED, now()))
    client = PollClient(tmp_path, grpc_store.address, writer.topics)
    assert client.once("--cursor", str(tmp_path / path)) == 1
    assert sentence in client.process.said()
    assert "Traceback" not in client.process.said()
    assert client.lines() == []


def test_a_name_by_which_others_mean_memory_is_a_file(
    grpc_store: StoreServer,
    writer: OtherProgram,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    writer.write(Row(uuid4(), 1, ADMITTED, now()))
    client = PollClient(tmp_path, grpc_store.address, writer.topics)
    for _ in range(2):
        assert client.once("--cursor", ":memory:") == 0
    assert len(client.lines()) == 1
    assert (tmp_path / ":memory:").is_file()


def test_one_process_has_a_cursor_at_a_time(
    grpc_store: StoreServer, writer: OtherProgram, tmp_path: Path
) -> None:
    client = PollClient(tmp_path, grpc_store.address, writer.topics)
    with client.running():
        client.process.wait_to_say("There are no events of")
        other = PollClient(tmp_path, grpc_store.address, writer.topics)
        assert other.once() == 1
        assert "another process has it" in other.process.said()


def test_a_cursor_of_another_store_is_found_out_before_anything_is_printed(
    grpc_store: StoreServer,
    make_server: MakeServer,
    cassandra_env: dict[str, str],
    writer: OtherProgram,
    tmp_path: Path,
) -> None:
    """Else what the other store has would be taken for what was printed of this one."""
    writer.write(Row(uuid4(), 1, ADMITTED, now()))
    client = PollClient(tmp_path, grpc_store.address, writer.topics)
    assert client.once() == 0
    before = client.cursor.read_bytes()
    astray = PollClient(tmp_path, make_server(cassandra_env).address, writer.topics)
    assert astray.once() == 1
    assert "The cursor is not of this store" in astray.process.said()
    assert client.cursor.read_bytes() == before


def test_two_cursors_are_two_readers(
    grpc_store: StoreServer, writer: OtherProgram, tmp_path: Path
) -> None:
    id_ = uuid4()
    writer.write(Row(id_, 1, ADMITTED, now()))
    client = PollClient(tmp_path, grpc_store.address, writer.topics)
    for name in ("one", "other", "one", "other"):
        assert client.once("--cursor", str(tmp_path / name)) == 0
    assert client.seen() == [(id_, 1), (id_, 1)]
