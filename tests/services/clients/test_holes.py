"""The holes of a poller that trusts times, one by one: a plain one falls in, ours does not."""

import time
from pathlib import Path
from uuid import uuid4

import pytest

from tests.services.clients.other_program import (
    ADMITTED,
    DISCHARGED,
    TRANSFERRED,
    OtherProgram,
    Row,
)
from tests.services.clients.polling import PollClient, in_order, plain_poller
from tests.services.processes import StoreServer


def now() -> int:
    """Return the time in milliseconds since the epoch."""
    return int(time.time() * 1000)


@pytest.mark.parametrize("late", [1, 500, 5_000, 9_000], ids=lambda late: f"{late} ms")
def test_an_event_that_becomes_visible_late(
    grpc_store: StoreServer, writer: OtherProgram, tmp_path: Path, late: int
) -> None:
    first, second = Row(uuid4(), 1, ADMITTED, now()), Row(uuid4(), 1, ADMITTED, now() - late)
    client = PollClient(tmp_path, grpc_store.address, writer.topics)
    with plain_poller(grpc_store.address, writer.integers[:1]) as plain, client.running():
        writer.write(first)
        client.wait_for([(first.id, 1)])
        assert plain.poll() == [(first.id, 1)]
        writer.write(second)
        client.wait_for([(second.id, 1)])
        assert plain.poll() == [], "a plain poller loses it"
    assert client.seen() == [(first.id, 1), (second.id, 1)]


def test_an_event_that_becomes_visible_late_while_the_client_is_away(
    grpc_store: StoreServer, writer: OtherProgram, tmp_path: Path
) -> None:
    first, second = Row(uuid4(), 1, ADMITTED, now()), Row(uuid4(), 1, ADMITTED, now() - 9_000)
    client = PollClient(tmp_path, grpc_store.address, writer.topics)
    writer.write(first)
    assert client.once() == 0
    writer.write(second)
    assert client.once() == 0
    assert client.once() == 0
    assert client.seen() == [(first.id, 1), (second.id, 1)]


def test_an_event_that_becomes_visible_later_than_any_window_comes_with_the_next_of_its_aggregate(
    grpc_store: StoreServer, writer: OtherProgram, tmp_path: Path
) -> None:
    old, id_ = now() - 3_600_000, uuid4()
    client = PollClient(tmp_path, grpc_store.address, writer.topics)
    writer.write(Row(id_, 1, ADMITTED, old), Row(uuid4(), 1, TRANSFERRED, now()))
    assert client.once() == 0
    writer.write(Row(id_, 2, TRANSFERRED, old + 1))
    assert client.once() == 0
    assert (id_, 2) not in client.seen(), "the window does not have it"
    writer.write(Row(id_, 3, TRANSFERRED, now()))
    assert client.once() == 0
    assert [seen for seen in client.seen() if seen[0] == id_] == [(id_, 1), (id_, 2), (id_, 3)]
    assert in_order(client.seen())


def test_an_event_that_became_visible_late_is_found_by_whoever_comes_next(
    grpc_store: StoreServer, writer: OtherProgram, tmp_path: Path
) -> None:
    """Also by one who comes at once, and stays only as long as it takes to read what there is."""
    client = PollClient(tmp_path, grpc_store.address, writer.topics)
    for n in range(4):
        at = now()
        writer.write(Row(uuid4(), 1, ADMITTED, at))
        assert client.once() == 0
        writer.write(Row(uuid4(), 1, ADMITTED, at - 2_000))
        assert client.once() == 0
        assert len(client.seen()) == 2 * (n + 1)


def test_several_in_one_millisecond_of_which_one_is_visible_later(
    grpc_store: StoreServer, writer: OtherProgram, tmp_path: Path
) -> None:
    at = now()
    rows = sorted((Row(uuid4(), 1, ADMITTED, at) for _ in range(2)), key=lambda row: row.id.bytes)
    client = PollClient(tmp_path, grpc_store.address, writer.topics)
    with plain_poller(grpc_store.address, writer.integers[:1]) as plain, client.running():
        for row in reversed(rows):
            writer.write(row)
            client.wait_for([(row.id, 1)])
            plain.poll()
        writer.write(Row(uuid4(), 1, ADMITTED, at))
        assert plain.poll() == [], "a plain poller loses it"
    assert client.once() == 0
    assert len(client.seen()) == len({*client.seen()}) == 3


def test_a_page_that_ends_inside_one_millisecond(
    grpc_store: StoreServer, writer: OtherProgram, tmp_path: Path
) -> None:
    """Pages have 4,000 rows, so that one of them ends in it, behind an earlier row."""
    at = now() - 60_000
    rows = [Row(uuid4(), 1, ADMITTED, at - (n == 0)) for n in range(4_201)]
    writer.write(*rows)
    client = PollClient(tmp_path, grpc_store.address, writer.topics)
    assert client.once() == 0
    assert client.once() == 0
    assert sorted(client.seen()) == sorted((row.id, 1) for row in rows)


@pytest.mark.parametrize("savetime", [0, 1, -86_400_000])
def test_the_very_first_event(
    grpc_store: StoreServer, writer: OtherProgram, tmp_path: Path, savetime: int
) -> None:
    id_ = uuid4()
    client = PollClient(tmp_path, grpc_store.address, writer.topics)
    with client.running(), plain_poller(grpc_store.address, writer.integers[:1]) as plain:
        client.process.wait_to_say(f"There are no events of {', '.join(writer.topics)} yet.")
        writer.write(Row(id_, 1, ADMITTED, savetime))
        client.wait_for([(id_, 1)])
        assert (plain.poll() == []) == (savetime <= 0)
    assert client.seen() == [(id_, 1)]


def test_order_between_types(grpc_store: StoreServer, writer: OtherProgram, tmp_path: Path) -> None:
    """Times of three servers whose clocks differ, and six hundred stays beside."""
    at, id_ = now() - 60_000, uuid4()
    crowd = [uuid4() for _ in range(600)]
    stays = [
        Row(patient, version, type_, at + 10 * n + version)
        for n, patient in enumerate(crowd)
        for version, type_ in enumerate((ADMITTED, TRANSFERRED, TRANSFERRED, DISCHARGED), start=1)
    ]
    writer.write(
        Row(id_, 1, ADMITTED, at + 3_000),
        Row(id_, 2, TRANSFERRED, at + 2_000),
        Row(id_, 3, DISCHARGED, at + 1_000),
        Row(id_, 4, ADMITTED, at + 4_000),
        *stays,
    )
    client = PollClient(tmp_path, grpc_store.address, writer.topics)
    assert client.once() == 0
    assert len(client.seen()) == 4 + len(stays)
    assert in_order(client.seen())
    with plain_poller(grpc_store.address, writer.integers) as plain:
        assert not in_order(plain.poll())


def test_types_written_while_the_client_is_between_two_of_them(
    grpc_store: StoreServer, writer: OtherProgram, tmp_path: Path
) -> None:
    """A discharge is visible before what came before it."""
    at, id_ = now(), uuid4()
    client = PollClient(tmp_path, grpc_store.address, writer.topics)
    with client.running():
        writer.write(Row(uuid4(), 1, ADMITTED, at))
        writer.write(Row(id_, 1, ADMITTED, at), Row(id_, 2, TRANSFERRED, at + 1))
        client.wait_for([(id_, 2)])
        writer.write(Row(id_, 4, DISCHARGED, at + 3))
        writer.write(Row(id_, 3, TRANSFERRED, at + 2))
        client.wait_for([(id_, 4)])
    assert in_order(client.seen())
