"""Events as messages, and pages of them."""

from uuid import UUID

import pytest
from eventsourcing.persistence import Notification, StoredEvent
from hypothesis import given
from hypothesis import strategies as st

from eventstore_grpc.messages import (
    first_page,
    pages,
    state_of,
    to_event,
    to_message,
    to_new_message,
    to_notification,
)
from eventstore_grpc.protocol import storegrpc_pb2 as pb

ID = UUID("6c4aa9c2-6a40-4c5b-8c1e-0a1b2c3d4e5f")
STATES = [b"{}", "Åsa".encode(), b"", b"\xff\xfe", b"\0", b"\xed\xa0\x80", bytes(range(256))]


def event(state: bytes, version: int = 3) -> StoredEvent:
    return StoredEvent(ID, version, "Moved", state)


@pytest.mark.parametrize("state", STATES)
def test_any_state_comes_back_as_it_was(state: bytes) -> None:
    message = to_message(event(state), 2, savetime=5, position=7)
    received = pb.FindResponse.Event.FromString(message.SerializeToString())

    assert to_event(received, ID) == event(state)
    assert to_notification(received, ID) == Notification(ID, 3, "Moved", state, 7)
    assert (received.id, received.type, received.savetime) == (str(ID), 2, 5)


def test_what_was_not_asked_for_is_0() -> None:
    message = to_message(event(b"{}"), 2)

    assert (message.savetime, message.position) == (0, 0)


@given(st.binary(max_size=50))
def test_any_state_is_appended_as_it_is(state: bytes) -> None:
    message = to_new_message(event(state))

    assert state_of(pb.UpdateRequest.Event.FromString(message.SerializeToString())) == state
    assert message.topic == "Moved"


def test_text_is_where_the_original_has_it() -> None:
    message = to_message(event(b'{"a": 1}'), 2)

    assert message.payload == '{"a": 1}'
    assert not message.HasField("state")
    assert to_new_message(event(b'{"a": 1}')).payload == '{"a": 1}'


def test_an_empty_state_is_told_from_none() -> None:
    assert to_new_message(event(b"")).HasField("state")


def messages(*sizes: int) -> list[pb.FindResponse.Event]:
    return [to_message(event(b"x" * size, version), 1) for version, size in enumerate(sizes, 1)]


def versions(page: object) -> list[int]:
    return [each.version for each in page]  # type: ignore[attr-defined]


def test_a_page_has_what_fits() -> None:
    page, is_all = first_page(messages(400, 400, 400), limit=1000)

    assert (versions(page), is_all) == ([1, 2], False)
    assert pb.FindResponse(events=page).ByteSize() <= 1000
    assert first_page(messages(400, 400), limit=1000)[1]
    assert first_page([], limit=1000) == ([], True)


def test_a_page_is_filled_up() -> None:
    several = messages(400, 400, 400, 400)
    # Each takes a tag and its length as well, for which there are 8 bytes.
    two = sum(message.ByteSize() + 8 for message in several[:2])

    assert [versions(page) for page in pages(several, limit=two)] == [[1, 2], [3, 4]]
    assert [versions(page) for page in pages(several, limit=two - 1)] == [[1], [2], [3], [4]]
    assert versions(first_page(several, limit=two)[0]) == [1, 2]
    assert versions(first_page(several, limit=two - 1)[0]) == [1]


def test_what_fits_nowhere_goes_by_itself() -> None:
    assert [versions(page) for page in pages(messages(10, 2000, 10, 10), limit=1000)] == [
        [1],
        [2],
        [3, 4],
    ]
    page, is_all = first_page(messages(2000, 10), limit=1000)
    assert (versions(page), is_all) == ([1], False)


@given(st.lists(st.integers(0, 300), max_size=30), st.integers(200, 1000))
def test_pages_have_everything_in_order_and_none_is_larger_than_it_may_be(
    sizes: list[int], limit: int
) -> None:
    found = list(pages(messages(*sizes), limit=limit))

    assert [version for page in found for version in versions(page)] == [*range(1, len(sizes) + 1)]
    assert all(len(page) == 1 or pb.FindResponse(events=page).ByteSize() <= limit for page in found)
    assert all(found)
    first, is_all = first_page(messages(*sizes), limit=limit)
    assert (first, is_all) == (found[0] if found else [], len(found) < 2)
