"""Ids of appends that a client has named."""

from dataclasses import replace
from uuid import RFC_4122, UUID, uuid4

import pytest
from eventsourcing.persistence import StoredEvent

from eventstore_cassandra.append import Append
from eventstore_cassandra.requests import are_of_one_request, new_append_id

ID = UUID("6c4aa9c2-6a40-4c5b-8c1e-0a1b2c3d4e5f")
EVENTS = [StoredEvent(ID, 3, "Moved", b'{"a": 1}'), StoredEvent(ID, 4, "Left", b"\xff")]


def test_ids_of_one_request_differ_and_are_known_to_belong_together() -> None:
    one, other = new_append_id("r", EVENTS), new_append_id("r", EVENTS)

    assert one != other
    assert are_of_one_request(one, other)
    assert are_of_one_request(other, one)


def test_an_id_is_a_uuid_whose_bits_mean_what_their_maker_says() -> None:
    found = new_append_id("r", EVENTS)

    assert (found.version, found.variant) == (8, RFC_4122)


def test_a_request_is_recognised_by_every_version_of_the_program() -> None:
    """One has written the row; another one may answer the client that asks again."""
    found = new_append_id("r", [*EVENTS, StoredEvent(ID, 5, "Åsa", b"")])

    assert found.bytes[:8].hex() == "a717b2821fe087d4"


@pytest.mark.parametrize(
    ("request_name", "events"),
    [
        ("R", EVENTS),
        ("", EVENTS),
        ("r", EVENTS[:1]),
        ("r", EVENTS[::-1]),
        ("r", [replace(EVENTS[0], originator_id=uuid4()), EVENTS[1]]),
        ("r", [replace(EVENTS[0], originator_version=2), EVENTS[1]]),
        ("r", [replace(EVENTS[0], topic="Move"), replace(EVENTS[1], topic="dLeft")]),
        ("r", [replace(EVENTS[0], state=b'{"a": 1'), replace(EVENTS[1], state=b"}\xff")]),
    ],
)
def test_another_name_and_other_events_are_another_request(
    request_name: str, events: list[StoredEvent]
) -> None:
    assert not are_of_one_request(new_append_id("r", EVENTS), new_append_id(request_name, events))


def test_a_name_may_be_any_text() -> None:
    for name in ("", "\0", "\ud800", "Åsa" * 10_000):
        assert are_of_one_request(new_append_id(name, EVENTS), new_append_id(name, EVENTS))


def test_an_append_without_a_name_is_of_no_request() -> None:
    plain = Append(EVENTS).append_id

    assert not are_of_one_request(plain, plain)
    assert not are_of_one_request(new_append_id("r", EVENTS), None)
    assert not are_of_one_request(new_append_id("r", EVENTS), plain)


def test_an_append_that_begins_anew_is_of_the_same_request_if_it_has_one() -> None:
    named = Append.of(EVENTS, max_bytes=10_000, request="r")
    plain = Append.of(EVENTS, max_bytes=10_000)

    assert named.anew().append_id != named.append_id
    assert are_of_one_request(named.append_id, named.anew().append_id)
    assert named.anew().request == "r"
    assert plain.anew().append_id != plain.append_id
    assert plain.anew().events == plain.events
