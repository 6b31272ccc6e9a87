import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import pytest
from eventsourcing.persistence import StoredEvent

from projections.change import Guard
from projections.folding import Folded, after, fold_events, states_after
from projections.read_model import ReadModel
from tests.unit.projections.events import decode, stored
from tests.unit.projections.notes import NOTES, Note, Shelf, on_shelves, rows

NOTE = uuid4()


def noted(version: int, shelf: str | None = "A") -> StoredEvent:
    return stored(NOTE, version, "Noted", shelf=shelf, title="t", colour="x")


def without_shelf(version: int) -> StoredEvent:
    return stored(NOTE, version, "Noted", title="t", colour="x")


def fold(
    *pending: StoredEvent, guard: Guard | None = None, model: ReadModel[Any, Any] = NOTES
) -> Folded:
    return fold_events(model, decode, NOTE, guard, pending)


def test_all_events_are_folded_into_one_change() -> None:
    events = [noted(1, "A"), noted(2, "B")]
    folded = fold(*events)
    assert folded.change is not None
    assert (folded.applied, folded.failure, folded.first) == (2, None, events[0])
    assert (folded.change.aggregate_id, folded.change.guard.version) == (NOTE, 2)
    assert NOTES.from_json(folded.change.guard.state) == on_shelves(NOTE, "B")[0]


def test_each_event_is_folded_into_the_state_after_the_one_before() -> None:
    """Also where rows of a later state cannot be made."""

    def longer(before: Note | None, event: Note) -> Note:
        return replace(event, title=(before.title if before else "") + event.title)

    def no_long_rows(note: Note) -> Iterable[object]:
        if len(note.title) > 4:
            raise ValueError("Too long.")
        return rows(note)

    guard = Guard(1, NOTES.to_json(replace(on_shelves(NOTE, "A")[0], title="0")))
    folded = fold(noted(2), noted(3), guard=guard, model=replace(NOTES, fold=longer))
    assert folded.change is not None
    state = NOTES.from_json(folded.change.guard.state)
    assert state is not None
    assert state.title == "0tt"
    model = replace(NOTES, fold=longer, rows=no_long_rows)
    folded = fold(*map(noted, range(2, 7)), guard=guard, model=model)
    assert folded.change is not None
    assert (folded.applied, folded.change.aggregate_id, folded.change.guard.version) == (3, NOTE, 4)
    assert folded.failure is not None
    assert (folded.failure.event.originator_version, str(folded.failure.error)) == (5, "Too long.")


def test_places_of_the_guards_state_are_cleared_also_before_an_event_that_cannot_be_shown() -> None:
    guard = Guard(1, NOTES.to_json(on_shelves(NOTE, "A")[0]))
    model = replace(NOTES, rows=broken_rows)
    folded = fold(noted(2, "B"), noted(3, "bad"), guard=guard, model=model)
    assert folded.change is not None
    assert [key[0] for _, key in folded.change.delete] == ["A"]


def test_the_guards_state_is_where_folding_begins() -> None:
    [before] = on_shelves(NOTE, "A")
    folded = fold(noted(5, "B"), guard=Guard(4, NOTES.to_json(before)))
    assert folded.change is not None
    assert folded.change.guard.version == 5
    assert [key[0] for _, key in folded.change.delete] == ["A"]


def test_a_guard_without_a_state_is_no_state() -> None:
    given: list[Note | None] = []

    def remembering(before: Note | None, event: Note) -> Note:
        given.append(before)
        return event

    assert fold(noted(5), guard=Guard(4, ""), model=replace(NOTES, fold=remembering)).applied == 1
    assert given == [None]


def test_events_before_one_that_cannot_be_read_are_shown() -> None:
    events = [noted(1, "A"), noted(2, "B"), without_shelf(3), noted(4, "C")]
    folded = fold(*events)
    assert folded.change is not None
    assert (folded.applied, folded.change.guard.version) == (2, 2)
    assert folded.failure is not None
    assert folded.failure.event == events[2]
    assert str(folded.failure.error) == "Event 3: expected a shelf."


def test_nothing_is_changed_when_the_first_event_cannot_be_read() -> None:
    events = [without_shelf(1), noted(2)]
    folded = fold(*events)
    assert (folded.change, folded.applied, folded.first) == (None, 0, events[0])
    assert folded.failure is not None
    assert folded.failure.event.originator_version == 1


def test_a_payload_that_cannot_be_decoded_is_a_failure_of_its_event() -> None:
    event = StoredEvent(NOTE, 1, "Noted", b"\xff")
    folded = fold(event)
    assert folded.failure is not None
    assert folded.failure.event == event
    assert isinstance(folded.failure.error, ValueError)


def test_a_state_of_another_version_is_a_failure_of_the_first_event() -> None:
    events = [noted(2), noted(3)]
    folded = fold(*events, guard=Guard(1, json.dumps({"shelf_mark": "A"})))
    assert (folded.change, folded.applied, folded.first) == (None, 0, events[0])
    assert folded.failure is not None
    assert folded.failure.event == events[0]
    assert "made by another version of notes" in str(folded.failure.error)


def test_what_fails_only_with_all_states_together_is_a_failure_of_the_first_event() -> None:
    """Each row can be placed, and they cannot be compared."""

    class Incomparable(str):
        def __eq__(self, other: object) -> bool:
            raise RuntimeError("Incomparable.")

        __hash__ = str.__hash__

    def incomparable(before: Note | None, event: Note) -> Note:
        return replace(event, colour=Incomparable(event.colour))

    events, before = [noted(2), noted(3)], on_shelves(NOTE, "A")[0]
    guard = Guard(1, NOTES.to_json(replace(before, title="t", colour="y")))
    folded = fold(*events, guard=guard, model=replace(NOTES, fold=incomparable))
    assert (folded.change, folded.applied, folded.first) == (None, 0, events[0])
    assert folded.failure is not None
    assert folded.failure.event == events[0]
    assert str(folded.failure.error) == "Incomparable."


@dataclass(frozen=True)
class Stranger:
    """A row of which the read model has no table."""


def broken_fold(before: Note | None, event: Note) -> Note:
    if event.shelf == "bad":
        raise TypeError("A bug.")
    return event


def broken_rows(note: Note) -> Iterable[object]:
    if note.shelf == "bad":
        raise KeyError("ward")
    return rows(note)


def broken_generator(note: Note) -> Iterable[object]:
    yield from rows(note)
    if note.shelf == "bad":
        raise ZeroDivisionError


def strange_rows(note: Note) -> Iterable[object]:
    return [Stranger()] if note.shelf == "bad" else rows(note)


def wrong_keys(note: Note) -> Iterable[object]:
    shelf: Any = [] if note.shelf == "bad" else note.shelf
    return [Shelf("all", shelf)]


def broken_counts(note: Note) -> Iterable[str]:
    if note.shelf == "bad":
        raise IndexError
    return []


@pytest.mark.parametrize(
    ("model", "error"),
    [
        (replace(NOTES, fold=broken_fold), TypeError),
        (replace(NOTES, rows=broken_rows), KeyError),
        (replace(NOTES, rows=broken_generator), ZeroDivisionError),
        (replace(NOTES, rows=strange_rows), KeyError),
        (replace(NOTES, rows=wrong_keys), TypeError),
        (replace(NOTES, counts=broken_counts), IndexError),
    ],
    ids=["fold", "rows", "rows on the way", "row of no table", "key that is none", "counts"],
)
def test_whatever_a_read_models_code_raises_is_a_failure_of_its_event(
    model: ReadModel[Any, Any], error: type[Exception]
) -> None:
    folded = fold(noted(1), noted(2, "bad"), noted(3), model=model)
    assert folded.change is not None
    assert (folded.applied, folded.change.guard.version) == (1, 1)
    assert folded.failure is not None
    assert folded.failure.event.originator_version == 2
    assert isinstance(folded.failure.error, error)


def test_a_state_that_json_cannot_hold_is_a_failure() -> None:
    def unserialisable(before: Note | None, event: Note) -> Note:
        return replace(event, title="\ud800")

    event = noted(1)
    folded = fold(event, model=replace(NOTES, fold=unserialisable))
    assert (folded.change, folded.applied, folded.first) == (None, 0, event)
    assert folded.failure is not None
    assert folded.failure.event == event


def test_the_states_after_each_event_end_where_one_cannot_be_folded() -> None:
    states, failure = states_after(NOTES, decode, None, [noted(1, "A"), without_shelf(2)])
    assert states == on_shelves(NOTE, "A")
    assert failure is not None
    assert failure.event.originator_version == 2


def test_what_an_event_does_is_what_the_payload_tells() -> None:
    def no_payload(event: StoredEvent) -> Mapping[str, Any]:
        raise ValueError("The event cannot be decrypted.")

    assert after(NOTES, decode, None, noted(1, "A")) == on_shelves(NOTE, "A")[0]
    with pytest.raises(ValueError, match="decrypted"):
        after(NOTES, no_payload, None, noted(1, "A"))
