"""Who waits in a bucket's lobby, who is served together, and at which positions."""

from uuid import UUID, uuid4

import pytest

from eventstore_cassandra.notification_log import lobby as module
from eventstore_cassandra.notification_log.lobby import Group, Lobby, Served, positions
from eventstore_cassandra.notification_log.table import LoggedEvent
from tests.unit.eventstore.lobby_in_memory import group_of

A, OWN, C, D = (UUID(int=n) for n in (1, 5, 8, 9))


def lobby_of(*groups: Group, served: dict[UUID, Served] | None = None) -> Lobby:
    return Lobby(6, {each.process: each.number for each in groups}, served or {}, groups)


def sized(process: UUID, number: int, state: str) -> Group:
    return Group(process, number, [(uuid4(), uuid4(), 1, 1)], [(1000, state, None)])


def served_by(
    own: Group, *others: Group, max_events: int = 100, served: dict[UUID, Served] | None = None
) -> list[int]:
    """Return the numbers of the groups that the own group's process serves."""
    lobby = lobby_of(own, *others, served=served)
    return [each.number for each in lobby.together_with(own, max_events=max_events)]


def test_all_that_wait_are_served_together_the_oldest_first() -> None:
    others = [group_of(C, 9), group_of(A, 3), group_of(D, 8)]
    assert served_by(group_of(OWN, 7), *others) == [3, 7, 8, 9]


def test_of_groups_with_the_same_number_one_counts_as_older_for_everybody() -> None:
    own, other = group_of(OWN, 7), group_of(A, 7)
    lobby = lobby_of(own, other)
    for each in own, other:
        together = lobby.together_with(each, max_events=100)
        assert [group.process for group in together] == [A, OWN]
    assert (lobby.older_than(own), lobby.older_than(other)) == (1, 0)


def test_so_many_events_are_served_together_as_the_bucket_has_positions() -> None:
    own = group_of(OWN, 7, 2)
    others = [group_of(A, 3, 3), group_of(C, 8, 5), group_of(D, 9, 1)]
    assert served_by(own, *others, max_events=11) == [3, 7, 8, 9]
    assert served_by(own, *others, max_events=10) == [3, 7, 8]


def test_so_many_events_are_served_together_as_one_batch_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_GROUP_EVENTS", 5)
    assert served_by(group_of(OWN, 7, 2), group_of(A, 3, 3), group_of(C, 8, 1)) == [3, 7]


def test_so_much_state_is_served_together_as_one_batch_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_GROUP_BYTES", 10)
    own = sized(OWN, 7, "x" * 5)
    assert served_by(own, sized(A, 3, "x" * 5), sized(C, 8, "")) == [3, 7, 8]
    assert served_by(own, sized(A, 3, "x" * 5), sized(C, 8, "x")) == [3, 7]
    assert served_by(own, sized(A, 3, "x" * 6)) == [3]


def test_the_oldest_is_served_whatever_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_GROUP_BYTES", 10)
    own = group_of(OWN, 7)
    assert served_by(own, group_of(A, 3, 4), max_events=3) == [3]
    assert served_by(group_of(OWN, 7, 4), group_of(C, 8), max_events=3) == [7]
    assert served_by(sized(OWN, 7, "x" * 11), sized(C, 8, "x")) == [7]


def test_nobody_is_left_out_for_somebody_who_is_younger() -> None:
    others = [group_of(A, 3, 2), group_of(C, 8, 3), group_of(D, 9, 1)]
    assert served_by(group_of(OWN, 7, 2), *others, max_events=6) == [3, 7]


def test_who_is_served_already_is_not_served_again() -> None:
    served = {A: Served(3, 4, 6), C: Served(7, 1, 2)}
    assert served_by(group_of(OWN, 7), group_of(A, 3), group_of(C, 8), served=served) == [7, 8]


def test_contents_of_another_group_than_the_one_that_is_announced_are_left_out() -> None:
    own, stale, early = group_of(OWN, 7), group_of(A, 3), group_of(C, 9)
    lobby = Lobby(6, {OWN: 7, A: 4, C: 8}, {}, [own, stale, early])
    assert lobby.together_with(own, max_events=100) == [own]
    assert lobby.rivals(own) == 2, "they wait nevertheless"


def test_contents_that_nobody_has_announced_any_more_are_left_out() -> None:
    own = group_of(OWN, 7)
    lobby = Lobby(6, {OWN: 7}, {}, [group_of(A, 3), own])
    assert lobby.together_with(own, max_events=100) == [own]


def test_the_own_group_is_served_whether_or_not_it_was_seen() -> None:
    own, before = group_of(OWN, 7), group_of(OWN, 6)
    assert Lobby(6).together_with(own, max_events=100) == [own]
    assert lobby_of(before).together_with(own, max_events=100) == [own]
    served = {OWN: Served(7, 7, 7)}
    assert lobby_of(own, served=served).together_with(own, max_events=100) == [own]


def test_rivals_are_the_groups_of_others_that_wait() -> None:
    own = group_of(OWN, 7)
    lobby = Lobby(6, {A: 3, OWN: 7, C: 8, D: 9}, {A: Served(3, 5, 6), C: Served(7, 1, 2)})
    assert lobby.rivals(own) == 2
    assert Lobby(6, {OWN: 7}).rivals(own) == 0


def test_older_ones_are_those_of_others_that_wait_with_a_smaller_number() -> None:
    own = group_of(OWN, 7)
    assert Lobby(6, {A: 6, OWN: 7, C: 8}).older_than(own) == 1
    assert Lobby(6, {A: 6, OWN: 7, C: 5}).older_than(own) == 2
    assert Lobby(6, {A: 6, C: 5}, {A: Served(6, 6, 6)}).older_than(own) == 1
    assert Lobby(6, {OWN: 7, C: 7}).older_than(own) == 0


def test_a_group_is_served_once_its_process_was_served_at_its_number() -> None:
    lobby = Lobby(6, served={A: Served(3, 4, 6)})
    assert lobby.is_served(A, 3)
    assert lobby.is_served(A, 2)
    assert not lobby.is_served(A, 4)
    assert not lobby.is_served(C, 1)


def test_groups_get_positions_one_after_the_other_and_share_a_row() -> None:
    groups = [group_of(A, 3, 2, 1), group_of(OWN, 7, 1), group_of(C, 8, 2)]
    assert positions(groups, 10) == {
        A: Served(3, 10, 15),
        OWN: Served(7, 13, 15),
        C: Served(8, 14, 15),
    }


@pytest.mark.parametrize(
    ("events", "size"),
    [
        ([(1000, "x" * 5, None)], 5),
        ([(1000, "é€", None)], 5),
        ([(1000, None, b"\xff" * 3)], 3),
        ([(1000, "", None)], 0),
        ([(1000, None, None)], 0),
        ([(1000, "xx", None), (1001, None, b"xyz"), (1000, "", None)], 5),
        ([], 0),
    ],
)
def test_a_group_is_as_large_as_the_bytes_of_its_state(
    events: list[LoggedEvent], size: int
) -> None:
    assert Group(OWN, 7, [], events).size == size


def test_a_group_tells_whether_it_has_anything_of_an_aggregate() -> None:
    group = group_of(OWN, 7, 1, 1)
    assert all(group.has(aggregate) for _, aggregate, _, _ in group.appends)
    assert not group.has(group.appends[0][0]), "that is the name of an append"
    assert not group.has(uuid4())
