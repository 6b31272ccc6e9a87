"""Who leads begins to decide the appends of the others, each of whom waits for the reply."""

from collections.abc import Callable
from threading import Thread

import pytest
from cassandra.cluster import NoHostAvailable

from eventstore_cassandra.append import Append, Applied, NotApplied, Reply
from eventstore_cassandra.errors import StoreUnreachableError
from eventstore_cassandra.notification_log import group_commit as module
from eventstore_cassandra.notification_log.group_commit import Deliver, Ticket
from eventstore_cassandra.notification_log.marks import Reserved, WrittenRow
from eventstore_cassandra.waiting import Signal
from tests.unit.eventstore.log_in_memory import entry
from tests.unit.eventstore.reserving import World, wait_until

Happens = Callable[[Ticket], None]


class Begun:
    """Takes note of what is begun, and has this reply delivered by another thread."""

    def __init__(self, reply: Callable[[Append], Reply | None]) -> None:
        self.appends: list[Append] = []
        self._reply = reply

    def __call__(self, append: Append, deliver: Deliver) -> None:
        self.appends.append(append)
        Thread(target=deliver, args=(self._reply(append),), daemon=True).start()


def replies(told: list[Reserved | BaseException]) -> list[Reply | None]:
    return [each.reply for each in told if isinstance(each, Reserved)]


def test_each_gets_the_reply_to_its_own_append() -> None:
    world = World(begin=Begun(lambda append: NotApplied(append.last_version)))
    told = world.reserve_together(entry(1), entry(2), entry(3))
    assert replies(told) == [None, NotApplied(2), NotApplied(3)]


def test_others_are_begun_for_in_the_order_of_their_positions_and_who_leads_is_not() -> None:
    begin = Begun(lambda _: Applied())
    entries = [entry() for _ in range(4)]
    World(begin=begin).reserve_together(*entries)
    assert begin.appends == [each.append for each in entries[1:]]


def test_who_appends_alone_begins_by_itself() -> None:
    begin = Begun(lambda _: Applied())
    assert World(begin=begin).reserve().reply is None
    assert begin.appends == []


def test_what_could_not_be_sent_is_left_to_who_waits() -> None:
    told = World(begin=Begun(lambda _: None)).reserve_together(entry(), entry())
    assert replies(told) == [None, None]


def test_what_has_no_places_is_not_begun() -> None:
    begin = Begun(lambda _: Applied())
    world = World(begin=begin)
    world.fail_with(NoHostAvailable("nobody there", {}))
    told = world.reserve_together(entry(), entry(), entry())
    assert [type(each) for each in told] == [StoreUnreachableError] * 3
    assert begin.appends == []


def test_the_next_one_leads_while_appends_are_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_GROUP_EVENTS", 2)

    def begin(append: Append, deliver: Deliver) -> None:
        if append is entries[1].append:
            wait_until(lambda: world.groups() == [1, 2, 2])
        deliver(Applied())

    world = World(begin=begin)
    entries = [entry() for _ in range(4)]
    assert replies(world.reserve_together(*entries)) == [None, Applied(), None, Applied()]


def reserve_while(world: World, *happens: Happens) -> Reserved:
    """Reserve, while another one leads; whenever it waits, the next of these happens."""
    left = list(happens)
    tickets = world.reservations._queue._waiting

    class Played(Signal):
        def wait(self, timeout: float) -> bool:
            assert left, "it waits for ever"
            assert timeout == 1.0, "nobody may wake it up, after interrupts"
            left.pop(0)(tickets[0])
            return True

    world.waiting.signal = Played  # type: ignore[method-assign]
    with world.reservations._queue._lead:
        reserved = world.reserve()
    assert not left, "it does not wait any more"
    return reserved


def be_served(ticket: Ticket) -> None:
    ticket.result = Reserved(range(7, 8), WrittenRow(0, 7, [None]), 0)


def be_begun(ticket: Ticket) -> None:
    be_served(ticket)
    ticket.begun_at = 100.0


def come_to_nothing(ticket: Ticket) -> None:
    """Only the signal was given."""


def test_who_is_begun_for_waits_until_the_reply_is_there() -> None:
    world = World()
    world.waiting.time = 100.0
    reply = NotApplied(3)
    told = reserve_while(
        world, come_to_nothing, be_begun, come_to_nothing, lambda ticket: ticket.deliver(reply)
    )
    assert told.positions == range(7, 8)
    assert told.reply is reply


def test_who_is_not_begun_for_goes_on_at_once() -> None:
    assert reserve_while(World(), be_served).reply is None


def test_nobody_waits_for_a_reply_for_longer_than_a_minute() -> None:
    world = World()

    def pass_time(until: float) -> Happens:
        return lambda _: setattr(world.waiting, "time", until)

    told = reserve_while(world, be_begun, pass_time(130.0), pass_time(160.0), pass_time(160.5))
    assert told.positions == range(7, 8)
    assert told.reply is None


def test_a_reply_is_delivered_by_waking_up_who_waits() -> None:
    ticket = Ticket(entry(), Signal())
    ticket.deliver(Applied())
    assert (ticket.reply, ticket.is_delivered, ticket.called.is_set()) == (Applied(), True, True)


def test_who_is_begun_for_is_known_to_be_so_since_it_was_sent() -> None:
    tickets: list[Ticket] = []

    def begin(append: Append, deliver: Deliver) -> None:
        tickets.append(deliver.__self__)  # type: ignore[attr-defined]
        world.waiting.time = 5.0
        Thread(target=deliver_later, args=(deliver,), daemon=True).start()

    def deliver_later(deliver: Deliver) -> None:
        wait_until(lambda: tickets[0].begun_at is not None)
        deliver(Applied())

    world = World(begin=begin)
    assert replies(world.reserve_together(entry(), entry())) == [None, Applied()]
    assert tickets[0].begun_at == 5.0
