"""The end of the log for many who follow it: everything once, in order, nobody waits for others."""

import asyncio
import gc
import random

import pytest
from eventsourcing.persistence import ProgrammingError

from eventstore_cassandra.errors import StoreUnreachableError
from eventstore_grpc.protocol import storegrpc_pb2 as pb
from eventstore_grpc.server import tail as module
from eventstore_grpc.server.tail import Entry, Tail
from eventstore_grpc.statuses import GoingAwayError
from tests.unit.service.log_in_memory import EVERYTHING, Log, in_a_loop, take, until


def entries() -> list[Entry]:
    """Return every entry that is in memory."""
    # Not isinstance(), which asks a weak proxy for the class of what is gone.
    return [each for each in gc.get_objects() if type(each) is Entry]


@in_a_loop
async def test_what_is_there_and_what_comes_is_sent_once_and_in_order(log: Log, tail: Tail) -> None:
    log.append(1200)
    follower = tail.follow(0, EVERYTHING)

    found = await take(follower, 1200)
    for _ in range(20):
        log.append(3)
        found += await take(follower, 3)

    assert found == log.positions()


@in_a_loop
async def test_those_who_come_at_any_position_get_what_is_behind_it(log: Log, tail: Tail) -> None:
    log.append(700)
    first = tail.follow(0, EVERYTHING)
    await take(first, 700)
    log.append(100)
    await take(first, 100)

    for after in (0, 1, 600, log.positions()[-1] - 1, log.positions()[-50]):
        wanted = log.positions(after)
        assert await take(tail.follow(after, EVERYTHING), len(wanted)) == wanted


@in_a_loop
async def test_many_at_the_end_cost_one_read(log: Log, tail: Tail) -> None:
    log.append(10)
    followers = [tail.follow(0, EVERYTHING) for _ in range(300)]
    await asyncio.gather(*[take(follower, 10) for follower in followers])
    waiting = [asyncio.create_task(take(follower, 5)) for follower in followers]
    await asyncio.sleep(0)
    before = log.reads

    log.append(5)
    found = await asyncio.gather(*waiting)

    assert all(each == log.positions()[-5:] for each in found)
    # Each came to the end by one read of its own at most; the rest is the tail's.
    assert log.reads - before < 320


@in_a_loop
async def test_who_is_slow_misses_nothing_and_holds_up_nobody(log: Log, tail: Tail) -> None:
    log.append(1)
    slow, quick = tail.follow(0, EVERYTHING), tail.follow(0, EVERYTHING)
    found, mine = await take(quick, 1), await take(slow, 1)

    for _ in range(30):
        log.append(500)
        found += await take(quick, 500)
    mine += await take(slow, 15_000)

    assert found == mine == log.positions()
    assert len(tail._entries) <= module.MOST_EVENTS


@in_a_loop
async def test_what_the_tail_holds_is_bounded_in_bytes(log: Log, tail: Tail) -> None:
    follower = tail.follow(0, EVERYTHING)
    waiting = asyncio.create_task(take(follower, 60))
    await asyncio.sleep(0.1)

    log.append(60, size=1024 * 1024)
    await waiting

    assert tail._size <= module.MOST_BYTES
    assert tail._size == sum(len(entry.page) for entry in tail._entries)
    assert await take(tail.follow(0, EVERYTHING), 60) == log.positions()


@in_a_loop
async def test_a_page_is_never_larger_than_a_message_may_be(log: Log, tail: Tail) -> None:
    log.append(9, size=1024 * 1024)
    follower = tail.follow(0, EVERYTHING)
    sizes: list[tuple[int, int]] = []
    while sum(count for _, count in sizes) < 9:
        page = await anext(follower)
        sizes.append((len(page), len(pb.LogPage.FromString(page).events)))

    assert all(size < 4 * 1024 * 1024 for size, _ in sizes)


@in_a_loop
async def test_who_is_slow_keeps_one_small_page_in_memory(log: Log, tail: Tail) -> None:
    log.append(300, size=100_000)
    others = entries()  # of tests before this one
    slow = [tail.follow(0, EVERYTHING) for _ in range(50)]
    pages = await asyncio.gather(*[anext(follower) for follower in slow])

    assert all(len(page) < 2 * module.PAGE_BYTES for page in pages)
    # A thread may still be about to leave what it has just read.
    await until(lambda: len(entries()) == len(others))
    found = await take(slow[0], 298)
    assert found == log.positions()[-len(found) :]


@in_a_loop
async def test_a_read_that_was_cut_short_throws_nobody_back(log: Log, tail: Tail) -> None:
    log.append(2000)
    ahead = tail.follow(0, EVERYTHING)
    await take(ahead, 2000)
    waiting = asyncio.create_task(take(ahead, 1))
    await asyncio.sleep(0.05)
    begin = tail._begin

    log.cut = 2
    behind = tail.follow(0, EVERYTHING)
    found = await take(behind, 1)
    log.cut = 1

    assert tail._begin >= begin
    log.append(1)
    assert await waiting == log.positions()[-1:]
    assert found + await take(behind, 2001 - len(found)) == log.positions()


@in_a_loop
async def test_followers_that_leave_as_something_comes_leave_no_reader_behind(
    log: Log, tail: Tail
) -> None:
    for _ in range(200):
        follower = tail.follow(log.positions()[-1] if log.notifications else 0, EVERYTHING)
        waiting = asyncio.create_task(take(follower, 1))
        await asyncio.sleep(0.002)
        log.append(1)
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await follower.aclose()  # type: ignore[attr-defined]
    await asyncio.sleep(0.3)

    others = asyncio.all_tasks() - {asyncio.current_task()}
    assert not [task for task in others if "_read_on" in repr(task)]


@in_a_loop
async def test_rare_topics_are_found_and_others_are_not_sent(log: Log, tail: Tail) -> None:
    log.append(3000)
    log.append(1, topic="Rare")
    log.append(3000)
    follower = tail.follow(0, frozenset(["Rare"]))

    found = await take(follower, 1)
    waiting = asyncio.create_task(take(follower, 2))
    log.append(100)
    log.append(2, topic="Rare")

    assert found + await waiting == log.positions(topic="Rare")


@in_a_loop
async def test_a_page_tells_where_the_log_ends(log: Log, tail: Tail) -> None:
    log.append(1)
    ahead = tail.follow(0, EVERYTHING)
    await take(ahead, 1)
    waiting = asyncio.create_task(take(ahead, 2000))
    log.append(2000)
    await waiting

    page = pb.LogPage.FromString(await anext(tail.follow(0, EVERYTHING)))

    assert page.end == log.positions()[-1] > page.events[-1].position


@in_a_loop
async def test_a_position_that_no_event_has_yet_is_waited_for(log: Log, tail: Tail) -> None:
    far = asyncio.create_task(take(tail.follow(1000, EVERYTHING), 1))
    await asyncio.sleep(0.05)
    near = tail.follow(0, EVERYTHING)
    waiting = asyncio.create_task(take(near, 5))
    await asyncio.sleep(0.05)
    before = log.reads
    await asyncio.sleep(0.3)
    assert log.reads - before < 20  # nobody runs in circles

    log.append(5)
    assert await waiting == log.positions()
    while log.positions()[-1] <= 1000:
        log.append(100)
    found = await far
    assert found == log.positions(1000)[: len(found)]
    found = await take(near, 100)
    assert found == log.positions()[5:][: len(found)]


@in_a_loop
async def test_an_outage_is_waited_for_by_those_at_the_end(log: Log, tail: Tail) -> None:
    log.append(1)
    follower = tail.follow(0, EVERYTHING)
    await take(follower, 1)
    waiting = asyncio.create_task(take(follower, 2))
    await asyncio.sleep(0.05)

    log.error = StoreUnreachableError("away")
    await asyncio.sleep(0.2)
    log.error = None
    log.append(2)

    assert await waiting == log.positions()[1:]


@in_a_loop
async def test_what_waiting_does_not_cure_is_told_and_those_who_come_later_begin_anew(
    log: Log, tail: Tail
) -> None:
    log.append(1)
    follower = tail.follow(0, EVERYTHING)
    await take(follower, 1)
    waiting = asyncio.create_task(take(follower, 1))
    await asyncio.sleep(0.05)

    log.error = ProgrammingError("no tables")
    with pytest.raises(ProgrammingError):
        await waiting
    log.error = None
    log.append(1)

    assert await take(tail.follow(0, EVERYTHING), 2) == log.positions()


@in_a_loop
async def test_at_the_end_of_the_server_everybody_is_sent_away(log: Log, tail: Tail) -> None:
    waiting = [asyncio.create_task(take(tail.follow(0, EVERYTHING), 1)) for _ in range(10)]
    await asyncio.sleep(0.05)

    tail.close()

    for each in await asyncio.gather(*waiting, return_exceptions=True):
        assert isinstance(each, GoingAwayError)
        assert "position 0" in str(each)


@in_a_loop
async def test_nobody_reads_when_nobody_follows(log: Log, tail: Tail) -> None:
    follower = tail.follow(0, EVERYTHING)
    waiting = asyncio.create_task(take(follower, 1))
    await asyncio.sleep(0.05)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await asyncio.sleep(0.05)
    before = log.reads

    await asyncio.sleep(0.3)

    assert log.reads == before


@in_a_loop
async def test_followers_that_come_and_go_at_random_get_all_of_it(log: Log, tail: Tail) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chosen = random.Random(seed)

    async def follow() -> None:
        await asyncio.sleep(chosen.random() * 0.2)
        while len(log.notifications) < 3000:
            after = chosen.choice([0, *log.positions()[-20:]])
            follower = tail.follow(after, EVERYTHING)
            found: list[int] = []
            for _ in range(chosen.randrange(1, 5)):
                found += await take(follower, 1)
                await asyncio.sleep(chosen.random() * 0.01)
            await follower.aclose()  # type: ignore[attr-defined]
            assert found == log.positions(after)[: len(found)]

    async def write() -> None:
        while len(log.notifications) < 4000:
            log.append(chosen.randrange(1, 40))
            await asyncio.sleep(chosen.random() * 0.01)

    await asyncio.gather(write(), *[follow() for _ in range(20)])
