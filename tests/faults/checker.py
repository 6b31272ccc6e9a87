"""What must hold of every run, whatever went wrong in it: each breach becomes a sentence.

The aggregates' streams are the truth. With them are compared what the writers were told, and the
log; with the log, what each reader saw.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from uuid import UUID

from tests.faults.erased import blanked, came_to_nothing, erasures, without_erased
from tests.faults.history import Attempt, Event, History, Sighting, Told


def violations(history: History) -> list[str]:
    """Return a sentence for each promise that was broken; none for a good run."""
    kept, seen_by_all = without_erased(history), blanked(history)
    stored = Counter(event for stream in kept.streams.values() for event in stream)
    positions: defaultdict[Event, list[int]] = defaultdict(list)
    for seen in kept.log:
        positions[seen.event].append(seen.position)
    return [
        *_streams(kept.streams),
        *(sentence for each in kept.attempts for sentence in _attempt(each, stored, positions)),
        *_strangers(kept.attempts, stored),
        *_log(stored, positions),
        *_empty_positions(history, kept.attempts, stored),
        *_order("The log", seen_by_all.log),
        *(
            sentence
            for name, sightings in seen_by_all.readers.items()
            for sentence in _reader(name, sightings, seen_by_all.log)
        ),
        *erasures(history),
    ]


def empty_positions(history: History) -> int:
    """Return how many of the run's positions below the last event hold none."""
    positions = {seen.position for seen in history.log}
    return max(positions, default=history.after) - history.after - len(positions)


def _streams(streams: Mapping[UUID, Sequence[Event]]) -> Iterator[str]:
    for aggregate, stream in streams.items():
        versions = [event.version for event in stream]
        if versions != list(range(1, len(stream) + 1)):
            yield f"{aggregate} has the versions {versions}, expected 1 and up without a hole."


def _attempt(
    attempt: Attempt, stored: Mapping[Event, int], positions: Mapping[Event, Sequence[int]]
) -> Iterator[str]:
    append = f"The append of {_name(attempt.events[0])}"
    times = [stored.get(event, 0) for event in attempt.events]
    if attempt.told is Told.ACKNOWLEDGED and set(times) != {1}:
        yield f"{append} was acknowledged, but its events are stored {times} times."
    if attempt.told is Told.REFUSED and any(times):
        yield f"{append} was refused, but its events are stored {times} times."
    if attempt.told is Told.UNKNOWN and len(set(times)) > 1:
        yield f"{append} is half there: its events are stored {times} times."
    at = [position for event in attempt.events for position in positions.get(event, ())]
    if attempt.told is Told.ACKNOWLEDGED and at != list(attempt.positions):
        yield f"{append} was given positions {list(attempt.positions)}, the log has it at {at}."
    if at and at != list(range(at[0], at[0] + len(attempt.events))):
        yield f"{append} stands at the positions {at}, expected them to follow on."


def _strangers(attempts: Sequence[Attempt], stored: Counter[Event]) -> Iterator[str]:
    known = {event for attempt in attempts for event in attempt.events}
    for event in stored:
        if event not in known:
            yield f"{_name(event)} is stored, but nobody has written it."


def _log(stored: Counter[Event], positions: Mapping[Event, Sequence[int]]) -> Iterator[str]:
    for event in {**stored, **dict.fromkeys(positions, 0)}:
        at = positions.get(event, ())
        if stored[event] and len(at) != 1:
            yield f"{_name(event)} is stored, but has the positions {list(at)} in the log."
        if not stored[event]:
            yield f"{_name(event)} is in the log at {list(at)}, but not stored."


def _empty_positions(
    history: History, kept: Sequence[Attempt], stored: Mapping[Event, int]
) -> Iterator[str]:
    lost = came_to_nothing(history) + sum(
        len(attempt.events)
        for attempt in kept
        if attempt.told is not Told.ACKNOWLEDGED and not stored.get(attempt.events[0])
    )
    empty = empty_positions(history)
    if empty > lost:
        yield f"The log has {empty} empty positions, but only {lost} events came to nothing."


def _order(who: str, sightings: Sequence[Sighting]) -> Iterator[str]:
    for before, seen in pairwise(sightings):
        if seen.position <= before.position:
            yield f"{who} has position {seen.position} after {before.position}."
    last: dict[UUID, int] = {}
    for event in (seen.event for seen in sightings):
        if event.version != last.get(event.aggregate, 0) + 1:
            version = last.get(event.aggregate, "none")
            yield f"{who} has {_name(event)} after version {version}."
        last[event.aggregate] = event.version


def _reader(name: str, sightings: Sequence[Sighting], log: Sequence[Sighting]) -> Iterator[str]:
    times = Counter(sightings)
    for seen in log:
        if times[seen] != 1:
            yield (
                f"{name} saw position {seen.position}, {_name(seen.event)}, {times[seen]} times, "
                "expected once."
            )
    for seen in times.keys() - set(log):
        yield f"{name} saw position {seen.position}, {_name(seen.event)}, not in the log so."
    yield from _order(name, sightings)


def _name(event: Event) -> str:
    return f"{event.token} (version {event.version} of {event.aggregate})"
