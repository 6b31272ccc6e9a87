"""What an intent says of its append, and what a look into the aggregate says of an intent."""

from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import StoredEvent

from eventstore_cassandra.notification_log.intents import Intent, Look, Outcome, outcome

AGGREGATE, NAME, OTHER = uuid4(), uuid4(), uuid4()


def intent(first_version: int, *, follows_0: bool = False) -> Intent:
    events = [("Admitted", b"a"), ("Transferred", b"b")]
    return Intent(7, NAME, AGGREGATE, first_version, events, None, follows_0)


def test_the_append_is_the_one_that_was_reserved() -> None:
    append = intent(1, follows_0=True).append()
    assert append.events == [
        StoredEvent(AGGREGATE, 1, "Admitted", b"a"),
        StoredEvent(AGGREGATE, 2, "Transferred", b"b"),
    ]
    assert (append.append_id, append.follows_0) == (NAME, True)
    assert not intent(1).append().follows_0


def test_its_notifications_are_in_its_positions() -> None:
    assert [
        (n.id, n.originator_id, n.originator_version, n.topic, n.state)
        for n in intent(4).notifications()
    ] == [(7, AGGREGATE, 4, "Admitted", b"a"), (8, AGGREGATE, 5, "Transferred", b"b")]
    assert intent(4).last == 8


@pytest.mark.parametrize(
    ("first_version", "follows_0", "is_new"),
    [(0, False, True), (1, False, True), (1, True, False), (2, False, False)],
)
def test_the_first_append_of_a_stream_begins_at_0_or_at_1(
    first_version: int, follows_0: bool, is_new: bool
) -> None:
    assert intent(first_version, follows_0=follows_0).is_new == is_new


NOBODY: tuple[UUID | None, int | None] = (None, None)


@pytest.mark.parametrize(
    ("first_version", "seen", "expected"),
    [
        (1, NOBODY, Outcome.PENDING),
        (1, (NAME, 2), Outcome.COMMITTED),
        (1, (NAME, 9), Outcome.COMMITTED),
        (1, (OTHER, 1), Outcome.ABORTED),
        (1, (None, 0), Outcome.ABORTED),
        (3, NOBODY, Outcome.PENDING),
        (3, (None, 1), Outcome.PENDING),
        (3, (None, 2), Outcome.PENDING),
        (3, (None, 3), Outcome.ABORTED),
        (3, (OTHER, 3), Outcome.ABORTED),
        (3, (OTHER, 4), Outcome.ABORTED),
        (3, (NAME, 4), Outcome.COMMITTED),
    ],
)
def test_a_look_shows_the_outcome(
    first_version: int, seen: tuple[UUID | None, int | None], expected: Outcome
) -> None:
    assert outcome(intent(first_version), Look(*seen)) is expected


def test_version_1_after_version_0_is_not_overtaken_by_version_0() -> None:
    assert outcome(intent(1, follows_0=True), Look(None, 0)) is Outcome.PENDING
    assert outcome(intent(1, follows_0=True), Look(OTHER, 1)) is Outcome.ABORTED


@pytest.mark.parametrize("current_version", [None, 2])
def test_what_is_barred_is_aborted_unless_it_was_applied_before(
    current_version: int | None,
) -> None:
    assert outcome(intent(3), Look(None, current_version, is_barred=True)) is Outcome.ABORTED
    assert outcome(intent(3), Look(NAME, 4, is_barred=True)) is Outcome.COMMITTED
