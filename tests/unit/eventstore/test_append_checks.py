"""What is refused before anything is sent."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import (
    DataError,
    IntegrityError,
    PersistenceError,
    ProgrammingError,
    StoredEvent,
)

from eventstore_cassandra.append import Append
from eventstore_cassandra.append_checks import EVENT_BYTES, MAX_EVENTS, request_bytes

AGGREGATE = uuid4()


def event(version: int, of: UUID | str = AGGREGATE, state: bytes = b"{}") -> StoredEvent:
    return StoredEvent(of, version, "Happened", state)


def test_several_aggregates_are_refused() -> None:
    with pytest.raises(ProgrammingError, match="events of one aggregate, found 2"):
        Append.of([event(1), event(1, of=uuid4())], max_bytes=1000)


@pytest.mark.parametrize("other", [None, [1], {}, 7])
def test_ids_of_any_type_are_told_apart(other: Any) -> None:
    with pytest.raises(ProgrammingError, match="events of one aggregate, found 2"):
        Append.of([event(1), event(2, of=other)], max_bytes=1000)
    with pytest.raises(ProgrammingError, match="Expected the aggregate's id as a UUID"):
        Append.of([event(1, of=other), event(2)], max_bytes=1000)


def test_two_events_of_one_version_are_a_conflict() -> None:
    with pytest.raises(IntegrityError, match=rf"of {AGGREGATE}, found versions \[2, 2\]"):
        Append.of([event(2), event(2)], max_bytes=1000)


@pytest.mark.parametrize("versions", [(1, 3), (2, 1)])
def test_versions_that_do_not_follow_on_are_refused(versions: tuple[int, int]) -> None:
    with pytest.raises(ProgrammingError, match=f"versions of {AGGREGATE} that follow on"):
        Append.of([event(version) for version in versions], max_bytes=1000)


@pytest.mark.parametrize("version", [-1, 2**31])
def test_versions_that_the_column_cannot_hold_are_refused(version: int) -> None:
    with pytest.raises(ProgrammingError, match=f"Expected versions from 0 .* for {AGGREGATE}"):
        Append.of([event(version)], max_bytes=1000)


@pytest.mark.parametrize("version", ["1", None, 1.0, [1]])
def test_versions_that_are_no_whole_numbers_are_refused(version: Any) -> None:
    with pytest.raises(ProgrammingError, match=f"each version of {AGGREGATE} as a whole number"):
        Append.of([event(1), event(version)], max_bytes=1000)


@pytest.mark.parametrize("version", [0, 2**31 - 2])
def test_the_first_and_the_last_version_that_there_can_be_are_let_pass(version: int) -> None:
    Append.of([event(version)], max_bytes=1000)


@pytest.mark.parametrize(
    ("id_type", "wrong", "message"),
    [
        (UUID, "patient-7", "as a UUID, found 'patient-7'"),
        (str, UUID(int=7), r"as a text that is not empty, found UUID\('00000000-"),
        (str, "", "as a text that is not empty, found ''"),
    ],
)
def test_an_id_that_is_not_of_the_keyspaces_type_is_refused(
    id_type: type[UUID | str], wrong: UUID | str, message: str
) -> None:
    with pytest.raises(ProgrammingError, match=message):
        Append.of([event(1, of=wrong)], id_type=id_type, max_bytes=1000)


def test_more_than_one_append_may_hold_is_refused() -> None:
    two = [event(1, state=b"x" * 384), event(2, state=b"x" * 384)]
    Append.of(two, max_bytes=1000)
    with pytest.raises(DataError, match=f"at most 999 .* found 1000 in 2 events of {AGGREGATE}"):
        Append.of(two, max_bytes=999)


def test_the_id_counts_as_often_as_there_are_events() -> None:
    """Each statement of the aggregate's batch has it, while the log's row has it once."""
    long_id = "é" * 1000
    many = [event(version, of=long_id) for version in range(1, 11)]
    assert request_bytes(many) == 10 * (2000 + 2 + EVENT_BYTES)
    with pytest.raises(DataError, match="found 21020 in 10 events"):
        Append.of(many, id_type=str, max_bytes=21_000)


def test_more_events_than_a_batch_has_statements_are_refused() -> None:
    events = [event(version) for version in range(1, MAX_EVENTS + 2)]
    Append.of(events[:-1], max_bytes=10**9)
    with pytest.raises(DataError, match=f"at most 65534 events .*, found 65535 of {AGGREGATE}"):
        Append.of(events, max_bytes=10**9)


@pytest.mark.parametrize("length", [11, 12])
def test_a_long_list_of_versions_is_told_in_short(length: int) -> None:
    events = [event(version) for version in (*range(1, length), length + 1)]
    with pytest.raises(ProgrammingError, match=r"found \[1, .*, 10, \.\.\.\]\."):
        Append.of(events, max_bytes=10**9)


def test_a_short_list_of_versions_is_told_in_full() -> None:
    events = [event(version) for version in (*range(1, 10), 11)]
    with pytest.raises(ProgrammingError, match=r"found \[1, .*, 9, 11\]\."):
        Append.of(events, max_bytes=10**9)


@pytest.mark.parametrize(
    ("topic", "message"),
    [
        (None, "the topic of version 1 of .* as str, found None, of type NoneType"),
        (b"Happened", "the topic of version 1 of .* as str, found b'Happened', of type bytes"),
        ("T" * 65_536, "the topic of an event .*at most 4096 bytes in UTF-8, found 65536 bytes"),
        ("Happened\ud800", "no Unicode character"),
    ],
)
def test_a_topic_that_could_not_become_a_key_is_refused(topic: str, message: str) -> None:
    with pytest.raises(DataError, match=f"{message}.*Nothing was written"):
        Append.of([StoredEvent(AGGREGATE, 1, topic, b"{}")], max_bytes=10**9)


@pytest.mark.parametrize("aggregate_id", ["p" * 4097, "patient-\ud800", "patient\0"])
def test_a_text_that_could_not_become_a_key_is_refused_as_an_id(aggregate_id: str) -> None:
    with pytest.raises(DataError, match="the aggregate's id"):
        Append.of([event(1, of=aggregate_id)], id_type=str, max_bytes=10**9)


@pytest.mark.parametrize("state", ["{}", None, bytearray(b"{}"), {}])
def test_a_state_that_is_not_bytes_is_refused(state: object) -> None:
    stored = StoredEvent(AGGREGATE, 1, "Happened", state)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"the state of version 1 .* as bytes, found"):
        Append.of([stored], max_bytes=10**9)


def test_every_append_has_a_name_of_its_own() -> None:
    first, second = (Append.of([event(1)], max_bytes=1000) for _ in range(2))
    assert first.append_id != second.append_id


REFUSED: list[tuple[list[StoredEvent], str]] = [
    (
        [event(1), event(2, of="c"), event(3, of="b"), event(4, of="d"), event(5, of="a")],
        f"""Expected events of one aggregate, found 5: {AGGREGATE} and a, b, c. Cassandra decides
        each partition on its own, so that several aggregates cannot be saved in one step: save one
        at a time.""",
    ),
    (
        [event(1, of=7)],  # type: ignore[arg-type]
        """Expected the aggregate's id as a UUID, found 7. ORIGINATOR_ID_TYPE says it when a
        keyspace is created.""",
    ),
    (
        [event(2), event(4)],
        f"Expected versions of {AGGREGATE} that follow on, found [2, 4].",
    ),
    (
        [event(2), event(2)],
        f"Expected one event for each version of {AGGREGATE}, found versions [2, 2].",
    ),
    (
        [event(-1)],
        f"Expected versions from 0 to 2147483646, found -1 to -1 for {AGGREGATE}.",
    ),
    (
        [event(1, state=b"x" * 901)],
        f"""Expected at most 1000 bytes in one append, found 1017 in 1 events of {AGGREGATE}, with
        1 times its id and 100 bytes for each. Append fewer or smaller events at a time;
        CASSANDRA_MAX_APPEND_BYTES may go up with the server's own limit.""",
    ),
]


@pytest.mark.parametrize(("events", "told"), REFUSED)
def test_a_refusal_says_what_was_expected_and_found_and_that_nothing_was_written(
    events: list[StoredEvent], told: str
) -> None:
    with pytest.raises(PersistenceError) as refused:
        Append.of(events, max_bytes=1000)
    assert str(refused.value) == f"{' '.join(told.split())} Nothing was written."


def test_a_text_id_that_cannot_be_a_key_is_named() -> None:
    with pytest.raises(DataError, match=r"^Expected the aggregate's id as a text of at most 4096"):
        Append.of([event(1, of="x" * 4097)], id_type=str, max_bytes=10_000)
