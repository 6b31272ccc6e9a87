"""Appends that wait together get places together, after those of others."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from eventstore_cassandra.notification_log import group_commit as module
from eventstore_cassandra.notification_log.marks import Reserved
from eventstore_cassandra.waiting import Waiting
from tests.unit.eventstore.log_in_memory import entry
from tests.unit.eventstore.reserving import World


def test_an_append_alone_is_reserved_at_the_end_of_the_log() -> None:
    world = World()
    world.table.append_for_another_process(3)
    reserved = world.reserve(2)
    assert reserved.positions == range(4, 6)
    assert (reserved.row.bucket, reserved.row.last, reserved.number) == (0, 5, 0)
    assert world.reserve().positions == range(6, 7)


def test_the_first_append_of_all_is_at_the_beginning_of_the_first_bucket() -> None:
    reserved = World().reserve()
    assert (reserved.positions, reserved.row.bucket) == (range(1, 2), 0)


def test_who_was_answered_before_the_leader_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_GROUP_EVENTS", 1)
    world = World()
    first = module.Ticket(entry(), Waiting().signal())
    world.reservations._queue._waiting.append(first)
    assert world.reserve().positions == range(2, 3)
    assert isinstance(first.result, Reserved)
    assert first.called.wait(0)


def test_what_waits_is_reserved_together_in_the_order_in_which_it_came() -> None:
    world = World()
    told = world.reserve_together(entry(2), entry(1), entry(3))
    reserved = [each for each in told if isinstance(each, Reserved)]
    assert [each.positions for each in reserved] == [range(2, 4), range(4, 5), range(5, 8)]
    assert [each.number for each in reserved] == [0, 1, 2]
    row = reserved[0].row
    assert (row.bucket, row.last, row.outcomes) == (0, 7, [None] * 3)
    assert all(each.row is row for each in reserved)
    assert world.groups() == [1, 3]


def test_a_batch_takes_no_more_events_than_it_should(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_GROUP_EVENTS", 4)
    world = World()
    world.reserve_together(entry(2), entry(2), entry(1), entry(5), entry(1))
    assert world.groups() == [1, 2, 1, 1, 1]


def test_a_batch_takes_no_more_state_than_it_should(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_GROUP_BYTES", 10)
    world = World()
    sizes = [5, 5, 1, 11, 1]
    world.reserve_together(*(entry(state=b"x" * size) for size in sizes))
    assert world.groups() == [1, 2, 1, 1, 1]


def test_a_batch_takes_no_more_events_than_a_bucket_has_positions() -> None:
    world = World(bucket_size=3)
    world.reserve_together(entry(2), entry(1), entry(1))
    assert world.groups() == [1, 2, 1]
    assert [batch.place.bucket for batch in world.table.applied] == [0, 0, 1]


def test_a_row_may_run_over_the_edge_and_the_next_one_begins_the_next_bucket() -> None:
    world = World(bucket_size=3)
    rows = [world.reserve(events) for events in (2, 3, 1)]
    assert [each.positions for each in rows] == [range(1, 3), range(3, 6), range(6, 7)]
    assert [each.row.bucket for each in rows] == [0, 0, 1]
    assert world.table.applied[-1].place.head is None


def test_the_end_of_the_log_is_read_once_while_nobody_else_appends() -> None:
    world = World()
    for _ in range(3):
        world.reserve()
    assert world.table.ends_read == 1
    assert world.waiting.pauses == []


def test_who_loses_a_race_reserves_after_the_winner() -> None:
    world = World()
    world.reserve()
    world.table.append_for_another_process(4)
    assert world.reserve().positions == range(6, 7)
    assert world.counters.values()["reservation_retries"] == 1


def test_a_group_that_loses_a_race_stays_together_and_in_order() -> None:
    world = World()
    with world.led(entry(2), entry(1)) as futures:
        world.table.append_for_another_process()
    positions = [future.result().positions for future in futures]
    assert positions == [range(3, 5), range(5, 6)]
    assert world.groups() == [1, 3]


def test_what_waits_is_led_by_one_after_the_other_and_nothing_is_left() -> None:
    world = World()
    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(world.reserve) for _ in range(400)]
        positions = sorted(future.result(timeout=60).positions.start for future in futures)
    assert positions == list(range(1, 401))
    assert not world.reservations._queue._waiting
    assert not world.reservations._queue._lead.locked()
