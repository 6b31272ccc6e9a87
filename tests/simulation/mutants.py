"""Ways in which the event store could be wrong, each of which breaks a promise in some world."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from eventstore_cassandra import append
from eventstore_cassandra.notification_log.decisions import Decisions
from eventstore_cassandra.notification_log.intents import Outcome
from eventstore_cassandra.notification_log.looks import Looks
from eventstore_cassandra.notification_log.reader import LogReader
from eventstore_cassandra.notification_log.reservations import Reservations
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


def _by_name(*changes: Change) -> Mapping[str, Change]:
    return {change.__name__.strip("_"): change for change in changes}


MUTANTS = _by_name(
    _do_not_look_whose_row_is_there,
    _skip_what_is_pending,
    _forget_that_it_is_an_intent,
    _take_a_refusal_for_a_lost_answer,
    _mark_what_is_aborted_as_committed,
)
RARE_MUTANTS = _by_name(_believe_a_quorum_that_aborts, _take_a_closed_bucket_for_empty)
"""Those that break something in so few worlds that a test of their own has to show it."""
