"""Subscriptions to a real server: many that wait, slow ones, and what they cost."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import pytest

from eventstore_grpc.protocol import methods
from eventstore_grpc.protocol import storegrpc_pb2 as pb
from tests.services.store.serving import Server, serving

MANY = 1_000
EVENT = pb.UpdateRequest.Event(type=2, payload="{}")
LARGE = pb.UpdateRequest.Event(type=2, payload="x" * 100_000)


def append(server: Server, *events: pb.UpdateRequest.Event) -> str:
    id_ = str(uuid4())
    server.call(methods.UPDATE, pb.UpdateRequest(id=id_, events=events))
    return id_


def memory(server: Server) -> int:
    """Return how many bytes the server has in memory."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) * 1024


def test_the_log_from_any_position_and_what_comes(cassandra_env: dict[str, str]) -> None:
    with serving(cassandra_env) as server:
        ids = [append(server, EVENT, EVENT) for _ in range(5)]
        following = server.stream(methods.SUBSCRIBE, pb.SubscribeRequest(after=3))
        found: list[pb.FindResponse.Event] = []
        while len(found) < 7:
            found += next(following).events
        assert [(each.position, each.version) for each in found] == [
            (n, 1 + (n + 1) % 2) for n in range(4, 11)
        ]
        last = append(server, EVENT)
        page = next(following)
        assert [(e.id, e.position, e.type, e.topic) for e in page.events] == [
            (last, 11, 2, "PatientTransferred")
        ]
        assert page.end == 11
        following.cancel()
        assert found[-1].id == ids[-1]


def test_only_the_topics_that_are_wanted(server: Server) -> None:
    topic = f"Type of {uuid4()}"
    append(server, EVENT)
    append(server, pb.UpdateRequest.Event(topic=topic, payload="1"))
    following = server.stream(methods.SUBSCRIBE, pb.SubscribeRequest(topics=[topic]))
    assert [event.payload for event in next(following).events] == ["1"]
    append(server, EVENT)
    append(server, pb.UpdateRequest.Event(topic=topic, payload="2"))
    assert [event.payload for event in next(following).events] == ["2"]
    following.cancel()


def test_a_thousand_that_wait_cost_little_and_are_all_told(
    cassandra_env: dict[str, str],
) -> None:
    with serving(cassandra_env) as server:
        append(server, EVENT)
        before = memory(server)
        seen, used = asyncio.run(_follow(server, MANY))
        assert seen == MANY
        assert used - before < MANY * 200_000
        print(f"{(used - before) / MANY / 1000:.0f} kB for each subscription")


async def _follow(server: Server, count: int) -> tuple[int, int]:
    """Follow so many times, append once, and return how many saw it and the server's memory."""
    loop = asyncio.get_running_loop()
    # As many connections as it takes: one carries a hundred calls at a time.
    channels = [
        grpc.aio.insecure_channel(server.address, options=[("grpc.use_local_subchannel_pool", 1)])
        for _ in range(count // 50)
    ]
    calls = []
    for number in range(count):
        stub: Any = channels[number % len(channels)].unary_stream(
            methods.SUBSCRIBE.path,
            request_serializer=pb.SubscribeRequest.SerializeToString,
            response_deserializer=pb.LogPage.FromString,
        )
        calls.append(stub(pb.SubscribeRequest(after=0), timeout=200))
    first = await asyncio.gather(*[call.read() for call in calls])
    assert all(page.events[0].position == 1 for page in first)
    used = memory(server)
    waiting = [asyncio.ensure_future(call.read()) for call in calls]
    await loop.run_in_executor(None, append, server, EVENT)
    pages = await asyncio.gather(*waiting)
    for call in calls:
        call.cancel()
    for channel in channels:
        await channel.close()
    return sum(page.events[0].position == 2 for page in pages), used


@pytest.mark.timeout(900)
def test_who_does_not_read_makes_no_memory_grow_and_slows_nobody(
    cassandra_env: dict[str, str],
) -> None:
    """Two hundred megabytes pass by a subscriber that has read one page, and three hundred more.

    By then the allocator has what it keeps for each thread, so that the rest would be buffers.
    """
    with serving(cassandra_env) as server:
        append(server, EVENT)
        slow = server.stream(methods.SUBSCRIBE, pb.SubscribeRequest(), timeout=600)
        quick = server.stream(methods.SUBSCRIBE, pb.SubscribeRequest(), timeout=600)
        assert next(slow).events
        count = len(next(quick).events)
        append(server, *([LARGE] * 20))
        before, written = 0, 21
        for number in range(250):
            append(server, *([LARGE] * 20))
            written += 20
            while count < written:
                count += len(next(quick).events)
            if number == 100:
                before = memory(server)
        assert memory(server) - before < 150 * 1024 * 1024

        late = 1
        while late < written:
            page = next(slow)
            late += len(page.events)
            assert page.end >= page.events[-1].position
        assert late == written
        slow.cancel()
        quick.cancel()


@pytest.mark.parametrize("after", [-(2**63), -1, 10**9, 2**63 - 1])
def test_positions_at_the_edges(server: Server, after: int) -> None:
    append(server, EVENT)
    following = server.stream(methods.SUBSCRIBE, pb.SubscribeRequest(after=after), timeout=60)
    if after < 0:
        assert next(following).events
    else:  # it waits for a position that no event has yet, and others do not wait with it
        other = server.stream(methods.SUBSCRIBE, pb.SubscribeRequest(), timeout=60)
        id_, found = append(server, EVENT), set[str]()
        while id_ not in found:
            found |= {event.id for event in next(other).events}
        other.cancel()
        assert following.is_active()
    following.cancel()
