"""What the tail reads, when, and what it keeps: no more than those who follow it need."""

import asyncio
from itertools import groupby
from threading import Event
from unittest.mock import patch

import pytest
from eventsourcing.persistence import Notification, ProgrammingError

from eventstore_cassandra.errors import StoreUnreachableError
from eventstore_grpc.messages import to_message
from eventstore_grpc.protocol import storegrpc_pb2 as pb
from eventstore_grpc.server import tail as module
from eventstore_grpc.server.tail import Tail
from tests.unit.service.log_in_memory import EVERYTHING, Log, in_a_loop, take, type_of, until

only_when_told = patch.multiple(module, SHORTEST_WAIT=3600.0, LONGEST_WAIT=3600.0)
"""The reader does not look by itself, so that what it reads can be counted."""


def event_of(notification: Notification) -> pb.FindResponse.Event:
    return to_message(notification, type_of(notification.topic), position=notification.id)


def size_of(notification: Notification) -> int:
    return len(pb.LogPage(events=[event_of(notification)]).SerializeToString())


@in_a_loop
async def test_what_this_process_writes_wakes_the_reader_up(log: Log, tail: Tail) -> None:
    with only_when_told:
        for _ in range(3):
            log.append(1, is_told=False)
            last = log.positions()[-1]
            follower = tail.follow(last, EVERYTHING)
            waiting = asyncio.create_task(take(follower, 5))
            await until(lambda: log.reads_behind(last) == 2)  # noqa: B023 - awaited here

            log.append(5)

            assert await waiting == log.positions(last)
            await follower.aclose()  # type: ignore[attr-defined]

    assert len(log.listeners) == 1


@in_a_loop
async def test_what_others_write_is_looked_for_less_and_less_often(log: Log, tail: Tail) -> None:
    waits: list[float | None] = []
    timeout = asyncio.timeout

    def noted(delay: float | None) -> asyncio.Timeout:
        waits.append(delay)
        return timeout(delay)

    expected: list[float] = []
    follower = tail.follow(0, EVERYTHING)
    with (
        patch.multiple(module, SHORTEST_WAIT=0.001, LONGEST_WAIT=0.004, LONGEST_OUTAGE_WAIT=0.016),
        patch.object(asyncio, "timeout", noted),
    ):

        async def wait_for(*more: float) -> None:
            expected.extend(more)
            await until(lambda: [wait for wait, _ in groupby(waits)] == expected)

        waiting = asyncio.create_task(take(follower, 1))
        await wait_for(0.002, 0.004)
        log.error = StoreUnreachableError("away")
        await wait_for(0.008, 0.016)
        log.error = None
        await wait_for(0.004)
        log.append(1, is_told=False)
        await wait_for(0.002, 0.004)
        assert await waiting == log.positions()

        before = len(waits)

        def is_told_before_there_is_anything() -> bool:
            log.append(0)
            return 0.002 in waits[before:]

        await until(is_told_before_there_is_anything)


@in_a_loop
async def test_what_is_written_while_the_reader_reads_is_not_waited_for(
    log: Log, tail: Tail
) -> None:
    log.append(1)
    gate = log.gates[1] = Event()
    follower = tail.follow(0, EVERYTHING)
    with only_when_told:
        await take(follower, 1)
        waiting = asyncio.create_task(take(follower, 1))
        await until(lambda: log.reads_behind(1) == 1)
        log.append(1)
        gate.set()

        assert await waiting == log.positions(1)


@in_a_loop
async def test_who_comes_when_all_others_have_left_has_a_reader_again(log: Log, tail: Tail) -> None:
    with only_when_told:
        for failure in (None, None, ProgrammingError("no tables"), None):
            log.append(1, is_told=False)
            last = log.positions()[-1]
            follower = tail.follow(last, EVERYTHING)
            waiting = asyncio.create_task(take(follower, 1))
            await until(lambda: log.reads_behind(last) >= 2)  # noqa: B023 - awaited here

            await asyncio.sleep(0.05)
            assert log.reads_behind(last) == 2  # its own and the reader's: nobody runs in circles

            if failure:
                log.error = failure
                log.append(1)
                with pytest.raises(ProgrammingError):
                    await waiting
                log.error = None
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            await follower.aclose()  # type: ignore[attr-defined]


@in_a_loop
async def test_the_reader_stays_while_anybody_follows(log: Log, tail: Tail) -> None:
    log.append(1)
    leaving, staying = tail.follow(0, EVERYTHING), tail.follow(0, EVERYTHING)
    await asyncio.gather(take(leaving, 1), take(staying, 1))
    waiting = asyncio.create_task(take(staying, 1))
    await asyncio.sleep(0)  # now it waits for the reader

    await leaving.aclose()  # type: ignore[attr-defined]
    log.append(1)

    assert await waiting == log.positions()[-1:]


@in_a_loop
async def test_what_a_follower_has_read_is_not_read_again(log: Log, tail: Tail) -> None:
    log.append(10)
    last = log.positions()[-1]
    follower = tail.follow(0, EVERYTHING)
    with only_when_told:
        assert await take(follower, 10) == log.positions()
        await until(lambda: log.reads_behind(last) > 0)

    assert [start for start, _ in log.asked] == [0, last]


@in_a_loop
async def test_of_those_who_come_together_a_few_look_whether_there_is_more(
    log: Log, tail: Tail
) -> None:
    log.append(10)
    last = log.positions()[-1]
    with only_when_told:
        waiting = [asyncio.create_task(take(tail.follow(last, EVERYTHING), 5)) for _ in range(100)]
        await until(lambda: tail._reading is not None)
        log.append(5)
        found = await asyncio.gather(*waiting)

    assert all(each == log.positions(last) for each in found)
    # The reader looks once for what there is, and once more when it is told.
    assert log.reads_behind(last) <= module.CATCHING_UP + 2


@in_a_loop
async def test_a_reader_that_is_sent_to_another_position_amid_a_read_goes_on_there(
    log: Log, tail: Tail
) -> None:
    with only_when_told:
        far = asyncio.create_task(take(tail.follow(1000, EVERYTHING), 1))
        await until(lambda: log.reads_behind(1000) == 2)
        gate = log.gates[1000] = Event()
        log.append(5)
        await until(lambda: log.reads_behind(1000) == 3)
        near = tail.follow(0, EVERYTHING)
        found = await take(near, 5)
        waiting = asyncio.create_task(take(near, 1))
        await asyncio.sleep(0)  # now it waits for the reader

        gate.set()
        last = log.positions()[-1]
        await until(lambda: log.reads_behind(last) > 0)
        log.append(1)

        assert found + await waiting == log.positions()
    far.cancel()


@in_a_loop
async def test_a_read_has_as_many_events_as_a_page_may_have(log: Log, tail: Tail) -> None:
    log.append(2000)

    found = await take(tail.follow(0, EVERYTHING), 1)

    assert found == log.positions()[: module.PAGE]
    limits = [32, 128, module.PAGE - 32 - 128]
    assert [limit for _, limit in log.asked] == limits
    starts = [0, *(log.positions()[count - 1] for count in (32, 32 + 128))]
    assert [start for start, _ in log.asked] == starts


@pytest.mark.parametrize(
    ("events", "more", "limits"), [(32, 0, [32]), (32, 1, [32, 32]), (100, 1, [32, 100])]
)
def test_a_read_has_about_as_many_bytes_as_a_page(
    events: int, more: int, limits: list[int]
) -> None:
    @in_a_loop
    async def test(log: Log, tail: Tail) -> None:
        log.append(1000)
        begin, size = log.positions()[200], size_of(log.notifications[201])
        with patch.object(module, "PAGE_BYTES", events * size + more):
            found = await take(tail.follow(begin, EVERYTHING), 1)

        assert found == log.positions(begin)[:events]
        assert [limit for _, limit in log.asked] == limits

    test()


@in_a_loop
async def test_a_page_is_one_message(log: Log, tail: Tail) -> None:
    log.append(2)
    log.append(2, topic="Rare")
    events = [event_of(each) for each in log.notifications]
    end = log.positions()[-1]

    page = await anext(tail.follow(0, EVERYTHING))
    rare = await anext(tail.follow(0, frozenset(["Rare"])))

    assert page == pb.LogPage(events=events, end=end).SerializeToString()
    assert rare == pb.LogPage(events=events[2:], end=end).SerializeToString()
    assert [each.type for each in events] == [5, 5, 4, 4]


@in_a_loop
async def test_the_tail_holds_so_many_events(log: Log, tail: Tail) -> None:
    log.append(1)
    follower = tail.follow(0, EVERYTHING)
    await take(follower, 1)
    with patch.object(module, "MOST_EVENTS", 100):
        for count in (60, 40, 150, 1, 30):
            last = log.positions()[-1]
            log.append(count)
            assert await take(follower, count) == log.positions(last)
            assert_holds(tail, log, min(len(log.notifications) - 1, 100))


@in_a_loop
async def test_the_tail_holds_so_many_bytes(log: Log, tail: Tail) -> None:
    log.append(300)
    follower = tail.follow(log.positions()[-2], EVERYTHING)
    await take(follower, 1)
    log.append(1)
    await take(follower, 1)
    with patch.object(module, "MOST_BYTES", 100 * size_of(log.notifications[-1])):
        for count in (60, 39, 150, 1, 30):
            last = log.positions()[-1]
            log.append(count)
            assert await take(follower, count) == log.positions(last)
            assert_holds(tail, log, min(len(log.notifications) - 300, 100))


def assert_holds(tail: Tail, log: Log, count: int) -> None:
    assert [entry.position for entry in tail._entries] == log.positions()[-count:]
    assert tail._size == sum(size_of(each) for each in log.notifications[-count:])
    assert tail._begin == log.positions()[-count - 1]


@in_a_loop
async def test_who_is_no_further_behind_than_the_tail_reaches_does_not_read(
    log: Log, tail: Tail
) -> None:
    log.append(1)
    with only_when_told:
        ahead = tail.follow(0, EVERYTHING)
        await take(ahead, 1)
        log.append(1200)
        await take(ahead, 1200)
        before = log.reads_behind(1)

        found = await take(tail.follow(1, EVERYTHING), 1)

    assert found == log.positions(1)[: module.PAGE]
    assert log.reads_behind(1) == before


@in_a_loop
async def test_a_tail_that_begins_again_forgets_what_it_had(log: Log, tail: Tail) -> None:
    with patch.object(module, "MOST_EVENTS", 10):
        for missed in (1, 20):
            log.append(missed, is_told=False)
            follower = tail.follow(0, EVERYTHING)
            await take(follower, len(log.notifications))
            log.append(8)
            await take(follower, 8)
            if missed == 1:
                await follower.aclose()  # type: ignore[attr-defined]

        between = log.positions()[15]
        wanted = log.positions(between)
        assert await take(tail.follow(between, EVERYTHING), len(wanted)) == wanted
