"""What a view's write may be made of: statements without conditions, whose keys can be read again.

The texts here are one byte longer than they may be: a server can still read those again.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from cassandra.query import BoundStatement
from eventsourcing.persistence import DataError, ProgrammingError, Tracking

from eventstore_cassandra import CassandraDatastore, CassandraViewRecorder, Settings
from eventstore_cassandra.keys import MAX_KEY_BYTES
from eventstore_cassandra.profiles import APPEND

LONG = "x" * (MAX_KEY_BYTES + 1)


class Beds(CassandraViewRecorder):
    table = "beds_by_statement"
    columns = (
        "ward text, bed text, note text, notes list<text>, tags map<text, text>, "
        "flags map<text, boolean>, scan blob"
    )
    key = "ward, bed"

    @property
    def view_name(self) -> str:
        return "beds"

    def change(self, query: str, *values: object) -> None:
        self.write(Tracking("upstream", 1), lambda: [self.statement(query, values)])


class CountsWrites(CassandraDatastore):
    writes = 0

    def execute(self, statement: Any, profile: str | None = None) -> Any:
        self.writes += profile == APPEND
        return super().execute(statement, profile)


@pytest.fixture(scope="module")
def table(datastore: CassandraDatastore) -> None:
    Beds(datastore).create_table()


@pytest.fixture
def counting(settings: Settings, table: None) -> Iterator[CountsWrites]:
    datastore = CountsWrites(settings)
    yield datastore
    datastore.close()


@pytest.fixture
def beds(counting: CountsWrites) -> Beds:
    class OneView(Beds):
        view_name = f"beds-{uuid4()}"

    return OneView(counting)


WHERE = "WHERE view_name = ? AND ward = ? AND bed = ?"


TOO_MUCH = "x" * 33_000
SOME = "x" * 4_000


@pytest.mark.parametrize(
    ("query", "values"),
    [
        ("INSERT INTO {table} JSON ?", [json.dumps({"view_name": "", "ward": TOO_MUCH})]),
        ("UPDATE {table} SET note = ? WHERE view_name = ? AND (ward, bed) = ?", [(TOO_MUCH, "")]),
        (
            "UPDATE {table} SET note = ? WHERE view_name = ? AND (ward, bed) IN (?)",
            [(TOO_MUCH, "")],
        ),
        (
            "UPDATE {table} SET note = ? WHERE view_name = ? AND bed = '' AND ward = "
            + " + ".join(["(text)?"] * 9),
            [SOME] * 9,
        ),
        ("DELETE tags[?] FROM {table} WHERE view_name = ? AND ward = '' AND bed = ''", [TOO_MUCH]),
    ],
)
def test_a_key_that_is_too_long_is_refused_wherever_it_stands(
    beds: Beds, counting: CountsWrites, query: str, values: list[Any]
) -> None:
    given = {
        "UPDATE": ["a note", beds.view_name, *values],
        "INSERT": values,
        "DELETE": [*values, beds.view_name],
    }[query.split(maxsplit=1)[0]]
    with pytest.raises(DataError, match=r"at most 32768 bytes.*Nothing was written"):
        beds.change(query, *given)
    assert counting.writes == 0


def test_a_column_of_the_key_that_is_too_long_is_named(beds: Beds, counting: CountsWrites) -> None:
    query = "UPDATE {table} SET note = ? WHERE view_name = ? AND ward = ? AND bed = ''"
    with pytest.raises(DataError, match=r"the column ward .* at most 4096 bytes"):
        beds.change(query, "a note", beds.view_name, LONG)
    assert counting.writes == 0


@pytest.mark.parametrize(
    "query",
    [
        f"UPDATE {{table}} SET note = ? {WHERE} IF note = 'old'",
        f"UPDATE {{table}} SET note = ? {WHERE} if exists",
        "INSERT INTO {table} (note, view_name, ward, bed) VALUES (?, ?, ?, ?) IF NOT EXISTS",
        "INSERT INTO {table} (note, view_name, ward, bed) VALUES (?, ?, ?, ?) IF/**/NOT EXISTS",
        "INSERT INTO {table} (note, view_name, ward, bed) VALUES (?, ?, ?, :note)",
        'INSERT INTO {table} (note, view_name, ward, bed) VALUES (?, ?, ?, : "note")',
        "INSERT INTO {table} (note, view_name, ward, bed) VALUES (?, ?, ?, : -- \rnote\n)",
        f"UPDATE {{table}} SET note = ? {WHERE} -- so\rIF EXISTS",
    ],
)
def test_a_condition_of_its_own_and_names_of_values_are_refused(
    beds: Beds, counting: CountsWrites, query: str
) -> None:
    with pytest.raises(ProgrammingError, match=r"without a condition|a \? for each value"):
        beds.change(query, "a note", beds.view_name, "a ward", "a bed")
    assert counting.writes == 0


class Rooms(Beds):
    table = "rooms_by_statement"
    columns = "room int, note text"
    key = "room"


def test_a_condition_that_is_not_seen_in_the_query_ends_the_write(counting: CountsWrites) -> None:
    """The server takes a word that follows on a number."""
    rooms = Rooms(counting)
    rooms.create_table()
    query = "UPDATE {table} SET note = ? WHERE view_name = ? AND room = 1"
    with pytest.raises(ProgrammingError, match="found one that does not hold in"):
        rooms.change(f"{query}IF EXISTS", "a note", rooms.view_name)
    rooms.change(query, "a note", rooms.view_name)
    (row,) = rooms.select("SELECT * FROM {table} WHERE view_name = ?", [rooms.view_name])
    assert (row["room"], row["note"]) == (1, "a note")


def test_words_in_quotes_and_in_comments_are_no_conditions(beds: Beds) -> None:
    query = (
        "UPDATE {table} SET note = 'if :so', tags = {'a':'it''s if'}, flags = {'a': true}, "
        f"notes = ? {WHERE}"
    )
    beds.change(f"{query} -- if it exists\n", [LONG, LONG], beds.view_name, "if", ":bed")
    (row,) = beds.select("SELECT * FROM {table} WHERE view_name = ?", [beds.view_name])
    assert (row["note"], row["tags"], row["ward"]) == ("if :so", {"a": "it's if"}, "if")
    assert row["notes"] == [LONG, LONG]


def test_values_of_columns_outside_of_the_key_may_be_long(beds: Beds) -> None:
    beds.change(
        f"UPDATE {{table}} SET note = ?, tags[?] = ?, scan = textAsBlob(?) {WHERE}",
        *[TOO_MUCH, "tag", TOO_MUCH, LONG, beds.view_name, "a ward", "a bed"],
    )
    (row,) = beds.select("SELECT * FROM {table} WHERE view_name = ?", [beds.view_name])
    assert (row["note"], row["tags"]) == (TOO_MUCH, {"tag": TOO_MUCH})
    assert row["scan"] == LONG.encode()


def test_a_row_may_be_written_as_json(beds: Beds) -> None:
    row = {"view_name": beds.view_name, "ward": "a ward", "bed": "a bed", "note": LONG}
    beds.change("INSERT INTO {table} JSON ?", json.dumps(row))
    (found,) = beds.select("SELECT * FROM {table} WHERE view_name = ?", [beds.view_name])
    assert found["note"] == LONG


@pytest.mark.parametrize("change", [None, 7])
def test_a_change_that_is_no_list_is_refused(
    beds: Beds, counting: CountsWrites, change: Any
) -> None:
    with pytest.raises(ProgrammingError, match="Return a list of what statement"):
        beds.write(Tracking("upstream", 1), lambda: change)
    assert counting.writes == 0


def test_more_than_a_server_takes_at_once_is_refused(
    settings: Settings, table: None, beds: Beds
) -> None:
    datastore = CassandraDatastore(replace(settings, max_append_bytes=10_000))
    small = Beds(datastore)
    query = f"UPDATE {{table}} SET note = ? {WHERE}"

    def change(rows: int) -> list[BoundStatement]:
        return [small.statement(query, ["n" * 900, "beds", "a ward", str(n)]) for n in range(rows)]

    with pytest.raises(DataError, match=r"at most 65534 statements and 10000 bytes"):
        small.write(Tracking("upstream", 1), lambda: change(20))
    small.write(Tracking("upstream", 1), lambda: change(10))
    datastore.close()
    empty = beds.statement("DELETE FROM {table} WHERE view_name = ?", [beds.view_name])
    with pytest.raises(DataError, match="found 65535 with"):
        beds.write(Tracking("upstream", 1), lambda: [empty] * 65_535)
