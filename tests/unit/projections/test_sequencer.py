from collections.abc import Mapping, Sequence
from itertools import pairwise
from uuid import UUID, uuid4

from eventsourcing.persistence import StoredEvent
from hypothesis import given, settings
from hypothesis import strategies as st

from projections.feeds.feed import aggregate_id
from projections.sequencer import Gap, Sequencer
from tests.unit.projections.events import history


def nothing_released(_: Sequence[UUID]) -> Mapping[UUID, int]:
    return {}


def test_events_seen_in_order_are_released_as_they_come() -> None:
    events = history(uuid4(), 4)
    sequencer = Sequencer(nothing_released)
    assert sequencer.accept(events[:2]) == events[:2]
    assert sequencer.accept(events[2:]) == events[2:]
    assert sequencer.gaps == []


def test_events_seen_in_any_order_together_are_released_in_version_order() -> None:
    events = history(uuid4(), 4)
    assert Sequencer(nothing_released).accept(reversed(events)) == events


def test_an_event_seen_again_is_dropped() -> None:
    events = history(uuid4(), 3)
    sequencer = Sequencer(nothing_released)
    assert sequencer.accept([*events, events[0]]) == events
    assert sequencer.accept(events) == []


def test_events_already_shown_by_the_read_model_are_dropped() -> None:
    patient_id = uuid4()
    events = history(patient_id, 4)
    assert Sequencer(lambda _: {patient_id: 2}).accept(events) == events[2:]


def test_a_missing_version_names_the_stream_to_read_and_where_to_begin() -> None:
    patient_id = uuid4()
    events = history(patient_id, 5)
    sequencer = Sequencer(nothing_released)
    assert sequencer.accept([events[0], events[2], events[4]]) == [events[0]]
    assert sequencer.gaps == [Gap(patient_id, after=1, seen=5)]


def test_the_stream_closes_the_gap() -> None:
    events = history(uuid4(), 4)
    sequencer = Sequencer(nothing_released)
    sequencer.accept([events[3]])
    assert sequencer.accept(events) == events
    assert sequencer.gaps == []


def test_a_gap_stays_open_while_the_stream_lacks_what_was_seen() -> None:
    patient_id = uuid4()
    events = history(patient_id, 4)
    sequencer = Sequencer(nothing_released)
    sequencer.accept([events[3]])
    assert sequencer.accept(events[:2]) == events[:2]
    assert sequencer.gaps == [Gap(patient_id, after=2, seen=4)]


def test_a_gap_reaches_to_the_highest_version_seen_so_far() -> None:
    patient_id = uuid4()
    events = history(patient_id, 5)
    sequencer = Sequencer(nothing_released)
    sequencer.accept([events[4]])
    sequencer.accept([events[2]])
    assert sequencer.gaps == [Gap(patient_id, after=0, seen=5)]


def test_a_gap_of_one_patient_holds_up_no_other() -> None:
    waiting, other = history(uuid4(), 2), history(uuid4(), 2)
    assert Sequencer(nothing_released).accept([waiting[1], *other]) == other


def test_aggregates_not_remembered_are_looked_up_once_and_together() -> None:
    first, second = history(uuid4(), 3), history(uuid4(), 3)
    asked: list[Sequence[UUID]] = []

    def look_up(ids: Sequence[UUID]) -> Mapping[UUID, int]:
        asked.append(ids)
        return {}

    sequencer = Sequencer(look_up)
    sequencer.accept([*first[:2], *second[:2]])
    sequencer.accept([first[2], second[2]])
    assert asked == [[aggregate_id(first[0]), aggregate_id(second[0])]]


def test_the_aggregate_seen_longest_ago_is_forgotten_first() -> None:
    ids = [uuid4() for _ in range(3)]
    asked: list[UUID] = []

    def look_up(unknown: Sequence[UUID]) -> Mapping[UUID, int]:
        asked.extend(unknown)
        return dict.fromkeys(unknown, 1)

    sequencer = Sequencer(look_up, remembered=2)
    for index in (0, 1, 0, 2, 0, 1):
        sequencer.accept(history(ids[index], 1))
    assert asked == [ids[0], ids[1], ids[2], ids[1]]


def test_an_aggregate_with_an_open_gap_is_not_forgotten() -> None:
    waiting = uuid4()
    sequencer = Sequencer(nothing_released, remembered=1)
    sequencer.accept(history(waiting, 2)[1:])
    for _ in range(3):
        sequencer.accept(history(uuid4(), 1))
    assert sequencer.gaps == [Gap(waiting, after=0, seen=2)]


@settings(deadline=None)
@given(data=st.data())
def test_whatever_is_seen_each_event_is_released_once_and_in_order(data: st.DataObject) -> None:
    """Shuffled, repeated, cut into pages, partly lost, with a memory too small for all of it."""
    lengths = data.draw(st.lists(st.integers(1, 8), min_size=1, max_size=5), label="lengths")
    truth = {(id_ := UUID(int=n + 1)): history(id_, length) for n, length in enumerate(lengths)}
    events = [event for stream in truth.values() for event in stream]
    sightings = data.draw(st.lists(st.sampled_from(events), max_size=60), label="sightings")
    cuts = data.draw(st.lists(st.integers(0, len(sightings)), max_size=6), label="cuts")
    remembered = data.draw(st.integers(1, 6), label="remembered")

    released: dict[UUID, list[StoredEvent]] = {id_: [] for id_ in truth}
    sequencer = Sequencer(
        lambda ids: {id_: len(released[id_]) for id_ in ids if released[id_]},
        remembered=remembered,
    )

    def accept(page: Sequence[StoredEvent]) -> None:
        for event in sequencer.accept(page):
            released[aggregate_id(event)].append(event)

    edges = [0, *sorted(cuts), len(sightings)]
    for start, end in pairwise(edges):
        accept(sightings[start:end])
        for gap in sequencer.gaps:
            accept(truth[gap.aggregate_id][gap.after :])
        assert sequencer.gaps == []

    for id_, stream in truth.items():
        seen = [e.originator_version for e in sightings if e.originator_id == id_]
        assert released[id_] == stream[: len(released[id_])]
        assert len(released[id_]) >= max(seen, default=0)


def test_a_gap_is_closed_when_a_second_look_finds_that_all_of_it_was_released() -> None:
    patient_id = uuid4()
    events = history(patient_id, 4)
    released: dict[UUID, int] = {}
    sequencer = Sequencer(lambda _: released)
    sequencer.accept(events[2:3])
    sequencer.look_up_again(patient_id)
    assert sequencer.gaps == [Gap(patient_id, 0, 3)]
    released[patient_id] = 2
    sequencer.look_up_again(patient_id)
    assert sequencer.gaps == [Gap(patient_id, 2, 3)]
    released[patient_id] = 2**31 - 1
    sequencer.look_up_again(patient_id)
    assert sequencer.gaps == []
    assert sequencer.accept(events) == []


def test_a_second_look_is_at_that_aggregate_and_takes_nothing_back() -> None:
    patient_id, asked = uuid4(), list[Sequence[UUID]]()

    def look_up(ids: Sequence[UUID]) -> Mapping[UUID, int]:
        asked.append(ids)
        return {}

    events = history(patient_id, 4)
    sequencer = Sequencer(look_up)
    sequencer.accept([*events[:2], events[3]])
    sequencer.look_up_again(patient_id)
    assert asked == [[patient_id], [patient_id]]
    assert sequencer.gaps == [Gap(patient_id, 2, 4)]


def test_a_second_look_at_an_aggregate_that_is_not_remembered_is_a_first_one() -> None:
    patient_id = uuid4()
    sequencer = Sequencer(nothing_released)
    sequencer.look_up_again(patient_id)
    assert len(sequencer.accept(history(patient_id, 2))) == 2
