"""What cannot be a key is refused with a sentence, and nothing is sent.

The texts here are as long as they may be, and one byte longer: a server can still read those again.
"""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from cassandra.query import BoundStatement
from eventsourcing.persistence import DataError, ProgrammingError, StoredEvent, Tracking

from eventstore_cassandra import (
    CassandraAggregateRecorder,
    CassandraApplicationRecorder,
    CassandraDatastore,
    CassandraTrackingRecorder,
    CassandraViewRecorder,
    Settings,
)
from eventstore_cassandra.keys import MAX_KEY_BYTES
from eventstore_cassandra.profiles import APPEND

TOO_LONG = "é" * (MAX_KEY_BYTES // 2) + "x"
NO_KEYS = pytest.mark.parametrize(
    "no_key", [TOO_LONG, "a\0b", "a\ud800b"], ids=["too long", "NUL", "lone surrogate"]
)


class CountsWrites(CassandraDatastore):
    writes = 0

    def execute(self, statement: Any, profile: str | None = None) -> Any:
        self.writes += profile == APPEND
        return super().execute(statement, profile)


@pytest.fixture
def counting(settings: Settings) -> Iterator[CountsWrites]:
    datastore = CountsWrites(settings)
    CassandraAggregateRecorder(datastore)  # the first one of a keyspace writes what it has
    datastore.writes = 0
    yield datastore
    datastore.close()


@NO_KEYS
@pytest.mark.parametrize(
    "recorder_class", [CassandraAggregateRecorder, CassandraApplicationRecorder]
)
def test_a_topic_that_cannot_be_a_key_is_refused(
    counting: CountsWrites, recorder_class: type[CassandraAggregateRecorder], no_key: str
) -> None:
    recorder, aggregate = recorder_class(counting), uuid4()
    with pytest.raises(DataError, match="Nothing was written"):
        recorder.insert_events([StoredEvent(aggregate, 1, no_key, b"{}")])
    with pytest.raises(DataError, match="Nothing was written"):
        recorder.register_event_types({"A": 1, no_key: 2})
    assert counting.writes == 0
    assert recorder.select_events(aggregate) == []


def test_a_topic_as_long_as_allowed_is_recorded(
    cassandra_recorder: CassandraApplicationRecorder,
) -> None:
    event = StoredEvent(uuid4(), 1, f"{uuid4()}".ljust(MAX_KEY_BYTES, "x"), b"{}")
    cassandra_recorder.insert_events([event])
    assert list(cassandra_recorder.select_events(event.originator_id)) == [event]


class Wards(CassandraViewRecorder):
    """A view whose key has columns of each kind that may be long."""

    table = "wards_by_keys"
    columns = 'ward text, "Bed, or room" ascii, picture blob, number int, note text'
    key = 'ward, "Bed, or room", picture'
    insert = (
        'INSERT INTO {table} (view_name, ward, "Bed, or room", picture, number, note)'
        " VALUES (?, ?, ?, ?, ?, ?)"
    )

    def count(self, number: int, *key: str | bytes, note: str = "") -> None:
        def change() -> list[BoundStatement]:
            return [self.statement(self.insert, [self.view_name, *key, 1, note])]

        self.write(Tracking("upstream", number), change)


@pytest.fixture(scope="module")
def wards_table(datastore: CassandraDatastore) -> None:
    Wards(datastore).create_table()


@pytest.fixture
def wards(wards_table: None, counting: CountsWrites) -> Wards:
    class OneView(Wards):
        view_name = f"view-{uuid4()}"

    return OneView(counting)


PLAIN: Any = "INSERT INTO wards_by_keys (view_name) VALUES ('a')"
LONG = "x" * MAX_KEY_BYTES


@pytest.mark.parametrize(
    "key",
    [
        (LONG + "x", "", b""),
        ("", LONG + "x", b""),
        ("", "", b"\0" * (MAX_KEY_BYTES + 1)),
        ("a\0b", "", b""),
        ("a\ud800b", "", b""),
        ("", "not in ASCII: é", b""),
        ("", 7, b""),
    ],
    ids=["text", "ascii", "blob", "NUL", "lone surrogate", "another alphabet", "another type"],
)
def test_a_row_of_a_view_whose_key_is_none_is_refused(
    wards: Wards, counting: CountsWrites, key: tuple[str, str, bytes]
) -> None:
    with pytest.raises(DataError, match=r"Nothing was (written|sent)"):
        wards.count(1, *key)
    assert counting.writes == 0
    assert wards.max_tracking_id("upstream") is None


def test_a_row_of_a_view_may_have_keys_as_long_as_allowed_and_longer_values(wards: Wards) -> None:
    wards.count(1, LONG, LONG, LONG.encode(), note=LONG + "x\0")
    (row,) = wards.select("SELECT * FROM {table} WHERE view_name = ?", [wards.view_name])
    assert (row["ward"], row["picture"], row["note"]) == (LONG, LONG.encode(), LONG + "x\0")


def test_a_key_that_is_written_out_in_the_query_is_refused(
    wards: Wards, counting: CountsWrites
) -> None:
    columns = 'view_name, ward, "Bed, or room", picture'
    query = f"INSERT INTO {{table}} ({columns}) VALUES (?, '{'é' * 20_000}', '', 0x)"
    with pytest.raises(DataError, match=r"Give values to statement\(\)"):
        wards.write(Tracking("upstream", 1), lambda: [wards.statement(query, [wards.view_name])])
    with pytest.raises(ProgrammingError, match=r"Expected what statement\(\) returns"):
        wards.write(Tracking("upstream", 1), lambda: [PLAIN])
    assert counting.writes == 0


@NO_KEYS
def test_a_view_whose_name_cannot_be_a_key_is_refused(
    wards_table: None, counting: CountsWrites, no_key: str
) -> None:
    class Misnamed(Wards):
        view_name = no_key

    view = Misnamed(counting)
    with pytest.raises(DataError, match="the name of a view"):
        view.count(1, "", "", b"")
    with pytest.raises(DataError, match="the name of a view"):
        view.max_tracking_id("upstream")
    assert counting.writes == 0


TRACKING: list[Callable[[CassandraDatastore], CassandraTrackingRecorder]] = [
    CassandraTrackingRecorder,
    Wards,
]


@NO_KEYS
@pytest.mark.parametrize("open_recorder", TRACKING)
def test_the_name_of_an_application_that_cannot_be_a_key_is_refused(
    wards_table: None,
    counting: CountsWrites,
    open_recorder: Callable[[CassandraDatastore], CassandraTrackingRecorder],
    no_key: str,
) -> None:
    recorder = open_recorder(counting)
    with pytest.raises(DataError, match="the name of an application"):
        recorder.insert_tracking(Tracking(no_key, 1))
    assert counting.writes == 0


@pytest.mark.parametrize("position", [2**63, 2**70, -(2**63) - 1])
@pytest.mark.parametrize("open_recorder", TRACKING)
def test_a_notification_id_that_the_column_cannot_hold_is_refused(
    wards_table: None,
    counting: CountsWrites,
    open_recorder: Callable[[CassandraDatastore], CassandraTrackingRecorder],
    position: int,
) -> None:
    recorder, upstream = open_recorder(counting), f"upstream-{uuid4()}"
    with pytest.raises(DataError, match=f"at most 64 bits for '{upstream}', found {position}"):
        recorder.insert_tracking(Tracking(upstream, position))
    assert counting.writes == 0
    recorder.insert_tracking(Tracking(upstream, 2**63 - 1))
    assert recorder.max_tracking_id(upstream) == 2**63 - 1
    assert recorder.has_tracking_id(upstream, position) is (position < 0)


@pytest.mark.parametrize("position", ["1", 1.5, None])
@pytest.mark.parametrize("open_recorder", TRACKING)
def test_a_notification_id_that_is_no_whole_number_is_refused(
    wards_table: None,
    counting: CountsWrites,
    open_recorder: Callable[[CassandraDatastore], CassandraTrackingRecorder],
    position: Any,
) -> None:
    with pytest.raises(ProgrammingError, match="of 'upstream' as a whole number"):
        open_recorder(counting).insert_tracking(Tracking("upstream", position))
    assert counting.writes == 0
