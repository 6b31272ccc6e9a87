"""An announcement is served once, though whoever served it died, and others see that in part only.

X, Y and Z are the replicas. What X alone has got is decided, and the others do not show it.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from uuid import UUID

import pytest
from cassandra import OperationTimedOut
from eventsourcing.persistence import StoredEvent

from eventstore_cassandra.append import Append, Applied
from eventstore_cassandra.application_recorder import CassandraApplicationRecorder
from eventstore_cassandra.notification_log.combine_steps import Announce, Combine, Look
from eventstore_cassandra.notification_log.combining import Combining
from eventstore_cassandra.notification_log.lobby import Group
from eventstore_cassandra.notification_log.reserve_steps import Place
from eventstore_cassandra.notification_log.table import Mark
from eventstore_cassandra.operations import finish, verify
from tests.simulation.connection import Request
from tests.simulation.mutants import RARE_MUTANTS
from tests.simulation.replicas import Route
from tests.simulation.schedule import CrashedError
from tests.simulation.statements import Rows
from tests.simulation.test_half_spread import A, B, Store, X, Y, Z, log

C = UUID(int=3, version=4)
BEGINNING = Place(0, None, 1)


def event(aggregate_id: UUID) -> StoredEvent:
    return StoredEvent(aggregate_id, 1, "Happened", b"{}")


def combining(recorder: CassandraApplicationRecorder) -> Combining:
    return recorder._log._reservations._combining


def contended(store: Store) -> CassandraApplicationRecorder:
    """Return a recorder of a process that announces what it appends."""
    recorder = store.recorder()
    recorder.event_types.type_of("Happened")
    combining(recorder).lost()
    return recorder


def announce(
    recorder: CassandraApplicationRecorder, aggregate_id: UUID, *, first: int = 1
) -> Group:
    """Announce an append, and do no more."""
    entry = recorder._log._table.encode(Append([event(aggregate_id)]))
    process = combining(recorder)
    group = Group(process._process, process._next_number(first), [entry.header()], entry.events)
    recorder._log._lobby.announce(Announce(0, group), [])
    return group


def serve(store: Store, group: Group, *, dies: bool = False) -> None:
    """Serve a group at the beginning of the log; or die of it, when only X has got it."""
    server = store.recorder()._log._lobby
    store._dies_at = "notification_log" if dies else None
    with suppress(CrashedError):
        server.combine(Combine(BEGINNING, [group], {}), [])
    store._dies_at = None


def before_the_first_look(
    recorder: CassandraApplicationRecorder,
    monkeypatch: pytest.MonkeyPatch,
    happens: Callable[[], None],
) -> None:
    """Have something happen when a group is announced for the first time."""
    lobby = recorder._log._lobby
    announce = lobby.announce

    def announce_and_see(step: Announce, marks: Sequence[Mark]) -> Applied:
        monkeypatch.setattr(lobby, "announce", announce)
        reply = announce(step, marks)
        happens()
        return reply

    monkeypatch.setattr(lobby, "announce", announce_and_see)


def test_who_was_served_is_not_served_again_where_only_the_head_has_spread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = Store()
    serve(store, announce(contended(store), A), dies=True)
    store.recorder()._log._table.head(0)
    store.asks = (Y, Z)
    contended(store).insert_events([event(B)])
    assert log(store.recorder()) == [(1, A, 1), (2, B, 1)]


def test_a_closed_bucket_that_does_not_show_who_was_served_is_read_serially(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = Store(bucket_size=1)
    recorder = contended(store)

    def be_served() -> None:
        (group,) = recorder._log._lobby.look(Look(0, with_groups=True)).groups
        serve(store, group, dies=True)
        store.recorder()._log._table.head(0)
        store.asks = (Y, Z)

    before_the_first_look(recorder, monkeypatch, be_served)
    assert recorder.insert_events([event(A)]) == [1]
    assert log(store.recorder()) == [(1, A, 1)]


def test_who_is_told_that_it_was_served_is_seen_by_readers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = Store()
    recorder = contended(store)

    def be_served() -> None:
        (group,) = recorder._log._lobby.look(Look(0, with_groups=True)).groups
        serve(store, group, dies=True)

    before_the_first_look(recorder, monkeypatch, be_served)
    assert recorder.insert_events([event(A)]) == [1]
    store.asks = (Y, Z)
    assert log(store.recorder()) == [(1, A, 1)]
    assert store.recorder().max_notification_id() == 1


class LateAtFirst(Store):
    """Loses the first write to the log, which arrives before the third one, where X is away."""

    happens: Callable[[], None]
    """Is called as the first write is lost."""
    _writes: list[Callable[[Route], Rows]] | None = None

    def begin(self) -> None:
        self._writes = []

    def _send(self, request: Request, perform: object) -> Rows:
        assert callable(perform)
        if self._writes is None or request != ("notification_log", True):
            return super()._send(request, perform)
        self._writes.append(perform)
        if len(self._writes) == 1:
            self._writes, writes = None, self._writes
            self.happens()
            self._writes = writes
            raise OperationTimedOut("it is late")
        if len(self._writes) == 3:
            self._writes[0](Route((Y, Z)))
        rows: Rows = perform(Route((X, Y)))
        return rows


def test_a_batch_that_was_refused_by_an_announcement_may_still_be_applied() -> None:
    store = LateAtFirst()
    store.append(B, 1)
    rival, recorder = contended(store), store.recorder()

    def announce_at_x() -> None:
        store._dies_at = "notification_log"
        with suppress(CrashedError):
            announce(rival, C, first=2)
        store._dies_at = None

    store.happens = announce_at_x
    store.begin()
    assert recorder.insert_events([event(A)]) == [2]
    assert log(store.recorder()) == [(1, B, 1), (2, A, 1)]
    assert finish(verify(store.connection())).findings == []


def test_a_group_that_was_given_up_is_not_taken_for_the_next_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = Store()
    recorder = contended(store)
    given_up = announce(recorder, A)
    before_the_first_look(recorder, monkeypatch, lambda: serve(store, given_up))
    assert recorder.insert_events([event(B)]) == [2]
    assert log(store.recorder()) == [(1, A, 1), (2, B, 1)]


@pytest.mark.parametrize(
    ("test", "mutant"),
    [
        (
            test_who_was_served_is_not_served_again_where_only_the_head_has_spread,
            "serve_whoever_was_served_meanwhile",
        ),
        (
            test_a_closed_bucket_that_does_not_show_who_was_served_is_read_serially,
            "believe_a_plain_look_at_a_closed_bucket",
        ),
        (test_a_group_that_was_given_up_is_not_taken_for_the_next_one, "give_a_number_twice"),
    ],
)
def test_these_tests_are_able_to_fail(
    test: Callable[[pytest.MonkeyPatch], None], mutant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    RARE_MUTANTS[mutant](monkeypatch)
    with pytest.raises(AssertionError):
        test(monkeypatch)
