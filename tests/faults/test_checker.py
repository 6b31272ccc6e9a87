"""The checker finds each breach of a promise, and nothing in a good run."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import Notification, StoredEvent
from eventsourcing.popo import POPOApplicationRecorder

from tests.faults.checker import violations
from tests.faults.erased import ERASED
from tests.faults.history import Attempt, Event, History, Sighting, Told

A, B = uuid4(), uuid4()
A1, A2, A3 = (Event(A, version, f"a{version}") for version in (1, 2, 3))
B1 = Event(B, 1, "b1")
LOST = Event(B, 1, "lost")
GOOD = History(
    attempts=[
        Attempt([A1], Told.ACKNOWLEDGED, [1]),
        Attempt([LOST], Told.REFUSED),
        Attempt([A2, A3], Told.UNKNOWN),
        Attempt([B1], Told.ACKNOWLEDGED, [5]),
    ],
    readers={"reader": [Sighting(1, A1), Sighting(3, A2), Sighting(4, A3), Sighting(5, B1)]},
    streams={A: [A1, A2, A3], B: [B1]},
    log=[Sighting(1, A1), Sighting(3, A2), Sighting(4, A3), Sighting(5, B1)],
)


def with_attempt(index: int, attempt: Attempt) -> History:
    attempts = list(GOOD.attempts)
    attempts[index] = attempt
    return replace(GOOD, attempts=attempts)


def with_streams(streams: dict[UUID, Sequence[Event]]) -> History:
    return replace(GOOD, streams=streams)


def with_log(*sightings: tuple[int, Event]) -> History:
    log = [Sighting(position, event) for position, event in sightings]
    return replace(GOOD, log=log, readers={"reader": log})


def with_sightings(*sightings: tuple[int, Event]) -> History:
    return replace(
        GOOD, readers={"reader": [Sighting(position, event) for position, event in sightings]}
    )


def test_a_good_run_has_no_violations() -> None:
    assert violations(GOOD) == []


def test_an_unknown_outcome_may_be_nothing() -> None:
    history = replace(GOOD, attempts=[*GOOD.attempts, Attempt([Event(A, 4, "x")], Told.UNKNOWN)])
    assert violations(history) == []


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        (with_streams({A: [A1, A2, A3], B: []}), "was acknowledged, but its events are stored"),
        (with_streams({A: [A1, A2, A3], B: [B1, B1]}), "are stored [2] times"),
        (with_streams({A: [A1, A2, A3], B: [replace(B1, token="else")]}), "nobody has written it"),
        (with_streams({A: [A1, A3, A2], B: [B1]}), "expected 1 and up without a hole"),
        (with_streams({A: [A1, A2], B: [B1]}), "is half there"),
        (with_attempt(0, Attempt([A1], Told.REFUSED)), "was refused, but its events are stored"),
        (with_attempt(0, Attempt([A1], Told.ACKNOWLEDGED, [2])), "was given positions [2]"),
        (with_attempt(1, Attempt([A1], Told.ACKNOWLEDGED, [1])), "The log has 1 empty positions"),
        (with_log((1, A1), (3, A2), (4, A3)), "is stored, but has the positions []"),
        (with_log((1, A1), (3, A2), (4, A3), (5, B1), (6, B1)), "has the positions [5, 6]"),
        (with_log((1, A1), (3, A2), (4, A3), (5, B1), (6, LOST)), "but not stored"),
        (with_log((1, A1), (3, A2), (5, B1), (6, A3)), "expected them to follow on"),
        (with_log((1, A1), (3, A3), (4, A2), (5, B1)), "The log has a3"),
        (with_sightings((1, A1), (3, A2), (4, A3)), "0 times, expected once"),
        (with_sightings((1, A1), (3, A2), (4, A3), (5, B1), (5, B1)), "2 times, expected once"),
        (with_sightings((1, A1), (4, A3), (3, A2), (5, B1)), "has position 3 after 4"),
        (with_sightings((1, A1), (4, A3), (3, A2), (5, B1)), "reader has a3"),
        (with_sightings((1, A1), (2, LOST), (3, A2), (4, A3), (5, B1)), "not in the log so"),
        (with_sightings((1, A1), (3, A2), (4, A3), (6, B1)), "not in the log so"),
    ],
)
def test_each_breach_is_found(history: History, expected: str) -> None:
    assert any(expected in sentence for sentence in violations(history)), violations(history)


A_ERASED = [Event(A, version, ERASED) for version in (1, 2, 3)]
ERASED_A = replace(
    with_log((1, A_ERASED[0]), (3, A_ERASED[1]), (4, A_ERASED[2]), (5, B1)),
    readers={
        "before": GOOD.readers["reader"],
        "between": [
            *(Sighting(1, A1), Sighting(3, A_ERASED[1]), Sighting(4, A3)),
            Sighting(5, B1),
        ],
    },
    streams={A: [], B: [B1]},
    erased=frozenset({A}),
)


def test_readers_may_have_seen_what_is_erased_before_and_after() -> None:
    assert violations(ERASED_A) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"streams": {A: [A1], B: [B1]}}, "is erased, but still has 1 events"),
        ({"log": GOOD.log}, "is erased, but the log still tells"),
        ({"left_over": ["The log has it."]}, "The log has it."),
        ({"erased": frozenset()}, "was acknowledged, but its events are stored"),
        ({"log": ERASED_A.log[1:]}, "was given positions [1] and then erased"),
        ({"readers": {"reader": ERASED_A.log[1:]}}, "0 times, expected once"),
        ({"readers": {"reader": [Sighting(1, LOST)]}}, "saw position 1"),
        (
            {"readers": {"reader": [Sighting(1, replace(A1, token="x")), *ERASED_A.log[1:]]}},
            "but nobody has written it",
        ),
        ({"streams": {A: [], B: []}}, "was acknowledged, but its events are stored"),
    ],
)
def test_each_breach_of_an_erasure_is_found(change: dict[str, Any], expected: str) -> None:
    history = replace(ERASED_A, **change)
    assert any(expected in sentence for sentence in violations(history)), violations(history)


class LateRecorder(POPOApplicationRecorder):
    """Breaks the promise of monotone visibility: an id becomes visible after higher ones."""

    late: int | None = None

    def select_notifications(self, *args: Any, **kwargs: Any) -> Sequence[Notification]:
        found = super().select_notifications(*args, **kwargs)
        return [notification for notification in found if notification.id != self.late]


@pytest.mark.parametrize("late", [None, 3])
def test_ids_that_become_visible_late_are_found(late: int | None) -> None:
    recorder = LateRecorder()
    attempts: list[Attempt] = []
    seen: list[Sighting] = []
    for version in range(1, 6):
        event = Event(A, version, f"token {version}")
        positions = recorder.insert_events([StoredEvent(A, version, "T", event.token.encode())])
        attempts.append(Attempt([event], Told.ACKNOWLEDGED, positions or ()))
        recorder.late = late if version < 5 else None
        seen += read(recorder, after=seen[-1].position if seen else 0)
    history = History(
        attempts=attempts,
        readers={"reader": seen},
        streams={A: [Event.of(stored) for stored in recorder.select_events(A)]},
        log=read(recorder, after=0),
    )
    found = violations(history)
    assert any("position 3" in sentence and "0 times" in sentence for sentence in found) is (
        late is not None
    )
    assert bool(found) is (late is not None)


def read(recorder: LateRecorder, *, after: int) -> list[Sighting]:
    notifications = recorder.select_notifications(after, 10, inclusive_of_start=False)
    return [Sighting(notification.id, Event.of(notification)) for notification in notifications]
