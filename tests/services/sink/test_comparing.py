"""A sink beside a real store: what it finds missing on either side."""

import re
from uuid import uuid4

import grpc
import pytest

from eventstore_cassandra import Settings
from eventstore_cassandra.append_checks import MAX_EVENTS
from eventstore_grpc.protocol import methods
from eventstore_grpc.protocol import storegrpc_pb2 as pb
from eventstore_grpc.remote.connection import Connection
from eventstore_grpc.remote.settings import ClientSettings
from patientmgmt.environment import CASSANDRA
from tests.services.conftest import MakeServer
from tests.services.processes import StoreServer
from tests.services.sink.conftest import MakeSink, Sink
from tests.system.test_commands import finished

PATIENCE = 3


class Sides:
    """A store and a sink that compares with it, and what a client sends to either of them."""

    def __init__(self, server: StoreServer, sink: Sink) -> None:
        self.server, self.sink = server, sink
        self.store = Connection(ClientSettings(address=server.address))
        sink.process.wait_to_say("its log behind position")

    def both(self, request: pb.UpdateRequest) -> None:
        self.sink.client.call(methods.UPDATE, request)
        self.store.call(methods.UPDATE, request)

    def report(self) -> tuple[int, dict[str, int]]:
        """End the sink; return its exit code and what it has found."""
        self.store.close()
        code = self.sink.process.stop()
        said = self.sink.process.said()
        assert "Traceback" not in said
        last = said.rsplit("Compared with the store at ", 1)[1]
        found = re.findall(r"^ +(\d+) (.+)$", last, re.MULTILINE)
        return code, {what: int(number) for number, what in found if number != "0"}


@pytest.fixture
def sides(make_server: MakeServer, make_sink: MakeSink) -> Sides:
    """A store into which nobody else writes meanwhile: others' events would not be mirrored."""
    return with_patience(PATIENCE, make_server, make_sink)


def with_patience(seconds: float, make_server: MakeServer, make_sink: MakeSink) -> Sides:
    server = make_server()
    options = ("--compare", "--store", server.address, "--patience", str(seconds))
    return Sides(server, make_sink(*options))


def update(
    version: int = 0,
    payload: str = "{}",
    *,
    id_: str | None = None,
    events: int = 1,
    name: str = "",
) -> pb.UpdateRequest:
    event = pb.UpdateRequest.Event(topic="tests:Compared", payload=payload)
    return pb.UpdateRequest(
        id=id_ or str(uuid4()), version=version, events=[event] * events, name=name
    )


def test_sides_that_have_the_same(sides: Sides) -> None:
    named = update(0, name="again")
    sides.both(named)
    sides.both(named)
    sides.both(update(1, id_=named.id, events=3))
    old = pb.UpdateRequest(id=named.id, version=4, events=[pb.UpdateRequest.Event(payload="{}")])
    old.events[0].type = (
        sides.store.call(methods.FIND_BY_ID, pb.FindByIDRequest(id=named.id)).events[0].type
    )
    sides.both(old)
    for _ in range(20):
        sides.both(update(0, id_=str(uuid4()).upper()))
    assert sides.report() == (
        0,
        {"updates that it holds": 23, "events of its log that were mirrored": 25},
    )


def test_what_the_store_has_refused_is_no_loss(sides: Sides) -> None:
    first = update(0)
    sides.both(first)
    for refused in (
        update(0, "other", id_=first.id),
        update(7, id_=first.id),
        update(0, id_="not-a-uuid"),
        pb.UpdateRequest(
            id=first.id, version=1, events=[pb.UpdateRequest.Event(type=999, payload="{}")]
        ),
    ):
        with pytest.raises(grpc.RpcError):
            sides.both(refused)
    assert sides.report() == (
        0,
        {
            "updates that it holds": 1,
            "updates that it has refused": 4,
            "events of its log that were mirrored": 1,
        },
    )


def test_what_no_store_would_take_is_no_loss(sides: Sides) -> None:
    many = update(events=MAX_EVENTS + 1)
    long_topic = update()
    long_topic.events[0].topic = 5_000 * "t"
    for refused in (many, long_topic, update(id_="a" * 5_000)):
        with pytest.raises(grpc.RpcError):
            sides.both(refused)
    assert sides.report() == (0, {"updates that it has refused": 3})


def test_what_only_some_stores_would_take_could_not_be_compared(sides: Sides) -> None:
    with pytest.raises(grpc.RpcError):
        sides.both(update(payload=Settings.max_append_bytes * "x"))
    assert sides.report() == (1, {"that could not be compared": 1})


def test_what_was_erased_is_no_loss(sides: Sides, shared_cassandra_env: dict[str, str]) -> None:
    first = update()
    sides.both(first)
    erase = ("store", "erase", "--write", first.id)
    code, output = finished({**shared_cassandra_env, "PERSISTENCE_MODULE": CASSANDRA}, *erase)
    assert code == 0, output
    for version in (0, 1, 7):
        with pytest.raises(grpc.RpcError):
            sides.both(update(version, "other", id_=first.id))
    code, found = sides.report()
    of_first = found.pop("updates that it holds", 0)  # if it was looked at before
    assert found.pop("updates of aggregates that are erased") == 4 - of_first
    assert (code, found) in ((0, {}), (0, {"events of its log that were mirrored": 1}))


def test_an_update_that_the_store_does_not_have(sides: Sides) -> None:
    lost = update(0, '{"name": "Ada Marsh"}')
    sides.sink.client.call(methods.UPDATE, lost)
    sides.sink.process.wait_to_say(f"The store does not have what was mirrored: {lost.id}")
    assert sides.report() == (1, {"updates that it does not have": 1})
    assert "Ada" not in sides.sink.process.said()


def test_an_event_that_was_never_mirrored(sides: Sides) -> None:
    sides.both(update(0))
    alone = update(0)
    sides.store.call(methods.UPDATE, alone)
    sides.sink.process.wait_to_say(f"was never mirrored: {alone.id}, version 1")
    assert sides.report() == (
        1,
        {
            "updates that it holds": 1,
            "events of its log that were mirrored": 1,
            "events of its log that were never mirrored": 1,
        },
    )


def test_at_the_end_what_has_just_come_is_compared_too(sides: Sides) -> None:
    for _ in range(50):
        sides.both(update(0, events=2))
    assert sides.report() == (
        0,
        {"updates that it holds": 50, "events of its log that were mirrored": 100},
    )


def test_a_history_that_is_larger_than_a_message(sides: Sides) -> None:
    sides.both(update(0, "x" * 3_000_000, events=2))
    assert sides.report() == (
        0,
        {"updates that it holds": 1, "events of its log that were mirrored": 2},
    )


def test_a_store_that_is_away_for_a_while_is_waited_for(
    make_server: MakeServer, make_sink: MakeSink
) -> None:
    sides = with_patience(30, make_server, make_sink)  # a slow machine reads no log in three
    request = update(0)
    sides.both(request)
    sides.server.kill()
    sides.sink.process.wait_to_say("The comparison waits for")
    sides.sink.client.call(methods.UPDATE, update(1, id_=request.id, name="n"))
    sides.server.start()
    sides.store.call(methods.UPDATE, update(1, id_=request.id, name="n"))
    code, found = sides.report()
    assert (code, found) == (
        0,
        {"updates that it holds": 2, "events of its log that were mirrored": 2},
    )


def test_what_cannot_be_compared_is_said(sides: Sides) -> None:
    sides.server.kill()
    sides.sink.client.call(methods.UPDATE, update(0))
    assert sides.report() == (1, {"that could not be compared": 1})
    assert "Its log could not be read" in sides.sink.process.said()
