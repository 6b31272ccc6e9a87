"""Ways in which the event store could be wrong, each of which breaks a promise in some world."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from cassandra.query import BatchStatement

from eventstore_cassandra import append
from eventstore_cassandra.append import Applied
from eventstore_cassandra.notification_log import lobby
from eventstore_cassandra.notification_log.combine_steps import Combine, Look
from eventstore_cassandra.notification_log.combining import Combining
from eventstore_cassandra.notification_log.decisions import Decisions
from eventstore_cassandra.notification_log.intents import Outcome
from eventstore_cassandra.notification_log.lobby import Lobby, positions
from eventstore_cassandra.notification_log.lobby_table import LobbyTable
from eventstore_cassandra.notification_log.looks import Looks
from eventstore_cassandra.notification_log.reader import LogReader
from eventstore_cassandra.notification_log.reservations import Reservations
from eventstore_cassandra.notification_log.reserve_steps import Place
from eventstore_cassandra.notification_log.table import LogTable
from eventstore_cassandra.recorders import CassandraAggregateRecorder

Change = Callable[[pytest.MonkeyPatch], None]


def _believe_a_quorum_that_aborts(patch: pytest.MonkeyPatch) -> None:
    look = Looks.__call__
    patch.setattr(Looks, "__call__", lambda self, intents, **_: look(self, intents, serial=False))


def _do_not_look_whose_row_is_there(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(LogTable, "owner", lambda *_: None)


def _skip_what_is_pending(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Decisions, "_help", lambda *_: Outcome.ABORTED)


def _forget_that_it_is_an_intent(patch: pytest.MonkeyPatch) -> None:
    decide = CassandraAggregateRecorder._decide

    def mutant(self: CassandraAggregateRecorder, intent: Any, **_: bool) -> None:
        decide(self, intent, is_intent=False)

    patch.setattr(CassandraAggregateRecorder, "_decide", mutant)


def _take_a_refusal_for_a_lost_answer(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(append, "is_refusal", lambda _: False)


def _take_a_closed_bucket_for_empty(patch: pytest.MonkeyPatch) -> None:
    are_whole = LogReader._are_whole

    def mutant(self: LogReader, rows: Any, bucket: int, position: int) -> bool:
        return not rows or are_whole(self, rows, bucket, position)

    patch.setattr(LogReader, "_are_whole", mutant)


def _mark_what_is_aborted_as_committed(patch: pytest.MonkeyPatch) -> None:
    mark = Reservations.mark
    patch.setattr(
        Reservations, "mark", lambda self, reserved, **_: mark(self, reserved, committed=True)
    )


_ADVANCE_ANYHOW = "UPDATE {keyspace}.notification_log SET head = ? WHERE bucket = ?"
_SERVE_ANYHOW = "UPDATE {keyspace}.notification_log SET served[?] = ? WHERE bucket = ?"


def _combine_without(condition: str) -> Callable[[LobbyTable, Combine, object], Applied | Lobby]:
    """Return a way to combine that leaves one of the two conditions out."""

    def combine(self: LobbyTable, step: Combine, _: object) -> Applied | Lobby:
        place, bucket = step.place, step.place.bucket
        appends = [append for group in step.groups for append in group.appends]
        events = [event for group in step.groups for event in group.events]
        batch = self._table.row(place, appends, events)
        if condition == "head":
            advance = self._datastore.prepare(_ADVANCE_ANYHOW)
            batch = BatchStatement()
            batch.add(advance, [place.first - 1 + len(events), bucket])
            batch.add(self._table._row, [bucket, place.first - 1 + len(events), appends, events])
        for process, served in positions(step.groups, place.first).items():
            if condition == "served":
                batch.add(self._datastore.prepare(_SERVE_ANYHOW), [process, served, bucket])
            else:
                before = step.served.get(process)
                batch.add(self._serve, [process, served, bucket, process, before])
        return self._send(batch)

    return combine


def _serve_whoever_was_served_meanwhile(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(LobbyTable, "combine", _combine_without("served"))


def _combine_whatever_the_head_is(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(LobbyTable, "combine", _combine_without("head"))


def _believe_a_plain_look_at_a_closed_bucket(patch: pytest.MonkeyPatch) -> None:
    look = LobbyTable.look
    patch.setattr(
        LobbyTable, "look", lambda self, step: look(self, Look(step.bucket, step.with_groups))
    )


def _give_a_number_twice(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Combining, "_next_number", lambda _, at_least: at_least)


def _reserve_for_oneself_only(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Lobby, "together_with", lambda _, own, **__: [own])


def _reserve_though_others_have_announced(patch: pytest.MonkeyPatch) -> None:
    def mutant(self: LogTable, place: Place, entries: Any, marks: Any, _: Any) -> BatchStatement:
        return self.batch(place, entries, marks)

    patch.setattr(LogTable, "quiet_batch", mutant)


def _serve_the_youngest_first(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lobby, "_age", lambda group: (-group.number, group.process))


def _by_name(*changes: Change) -> Mapping[str, Change]:
    return {change.__name__.strip("_"): change for change in changes}


MUTANTS = _by_name(
    _do_not_look_whose_row_is_there,
    _skip_what_is_pending,
    _forget_that_it_is_an_intent,
    _take_a_refusal_for_a_lost_answer,
    _mark_what_is_aborted_as_committed,
    _combine_whatever_the_head_is,
)
UNFAIR_MUTANTS = _by_name(
    _reserve_for_oneself_only,
    _reserve_though_others_have_announced,
    _serve_the_youngest_first,
)
"""Those that break nothing but that nobody is passed over."""
RARE_MUTANTS = _by_name(
    _believe_a_quorum_that_aborts,
    _take_a_closed_bucket_for_empty,
    _serve_whoever_was_served_meanwhile,
    _believe_a_plain_look_at_a_closed_bucket,
    _give_a_number_twice,
)
"""Those that break something in so few worlds that a test of their own has to show it."""
