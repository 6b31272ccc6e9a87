"""What of a request is logged: never what is in its events."""

import pytest
from google.protobuf.message import Message

from eventstore_grpc.protocol import storegrpc_pb2 as pb
from eventstore_grpc.sink.seen import Counts, described


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        (
            pb.UpdateRequest(
                id="a",
                version=2,
                name="n",
                events=[
                    pb.UpdateRequest.Event(type=3, payload="Ada Marsh"),
                    pb.UpdateRequest.Event(topic="t:B", state=b"Ada Marsh"),
                    pb.UpdateRequest.Event(type=3, payload="Ada Marsh"),
                ],
            ),
            "a at version 2, 3 events of 3, t:B, named",
        ),
        (pb.UpdateRequest(id="a"), "a at version 0, 0 events of no type, without a name"),
        (pb.FindByIDRequest(id="a"), "a"),
        (pb.FindByTypeRequest(type=3, since=9, batchSize=5), "of 3 since 9, 5 at once"),
        (
            pb.FindByTypeRequest(topic="t:B", after=pb.Place(version=1)),
            "of t:B after a place, 0 at once",
        ),
        (pb.SubscribeRequest(after=7, topics=["t:B"]), "after 7 of t:B"),
        (pb.ReadLogRequest(start=7, limit=3), "from 7, 3 at once of no type"),
        (pb.FindLogEndRequest(), ""),
    ],
)
def test_a_request_in_words(request_: Message, sentence: str) -> None:
    assert described(request_) == sentence


def test_a_client_cannot_write_lines_of_its_own() -> None:
    said = described(pb.FindByIDRequest(id="a\n2026-01-01 ERROR \x1b[31m" + "x" * 1000))
    assert said.isprintable()
    assert said.isascii()
    assert len(said) <= 120


def test_many_types_are_not_all_named() -> None:
    events = [pb.UpdateRequest.Event(type=number) for number in range(1, 101)]
    said = described(pb.UpdateRequest(id="a", events=events))
    assert "of 1, 2, 3, 4, 5 and 95 more" in said


def test_counts() -> None:
    counts = Counts()
    assert str(counts) == "0 requests, 0 events, 0 bytes"
    append = pb.UpdateRequest(id="a", events=[pb.UpdateRequest.Event(type=1)])
    assert counts.add("Update", append) == append.ByteSize()
    counts.add("FindLogEnd", pb.FindLogEndRequest())
    said = f"2 requests (FindLogEnd 1, Update 1), 1 event, {append.ByteSize()} bytes"
    assert str(counts) == said
