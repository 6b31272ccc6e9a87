"""What must hold of aggregates that were erased in a run.

What was appended to them may have been seen as it was, or as erased; of what is left nothing tells
which of two rivals it was. Positions and versions must be as if nothing had been erased.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from tests.faults.history import Event, History, Sighting, Told

ERASED = "{}"
"""The content of an erased event."""


def blanked(history: History) -> History:
    """Return the history as those saw it who came after the erasures."""

    def blank(sightings: Sequence[Sighting]) -> list[Sighting]:
        return [replace(seen, event=_blank(seen.event, history)) for seen in sightings]

    readers = {name: blank(sightings) for name, sightings in history.readers.items()}
    return replace(history, readers=readers, log=blank(history.log))


def without_erased(history: History) -> History:
    """Return the attempts, streams and log of the aggregates that were not erased."""
    erased = history.erased
    return replace(
        history,
        attempts=[each for each in history.attempts if each.events[0].aggregate not in erased],
        streams={id_: stream for id_, stream in history.streams.items() if id_ not in erased},
        log=[seen for seen in history.log if seen.event.aggregate not in erased],
    )


def came_to_nothing(history: History) -> int:
    """Return how many events of erased aggregates were reserved at the most, and not committed."""
    attempts = [each for each in history.attempts if each.events[0].aggregate in history.erased]
    committed = sum(seen.event.aggregate in history.erased for seen in history.log)
    return sum(len(attempt.events) for attempt in attempts) - committed


def erasures(history: History) -> Iterator[str]:
    """Yield a sentence for each promise on erased aggregates that was broken."""
    yield from history.left_over
    known = {event for attempt in history.attempts for event in attempt.events}
    known |= {_blank(event, history) for event in known}
    at = {}
    for aggregate in history.erased:
        if history.streams.get(aggregate):
            yield f"{aggregate} is erased, but still has {len(history.streams[aggregate])} events."
    for seen in history.log:
        if seen.event.aggregate in history.erased:
            at[seen.event] = seen.position
            if seen.event.token != ERASED:
                yield f"{seen.event.aggregate} is erased, but the log still tells {seen.event}."
            if seen.event not in known:
                yield f"{seen.event} is in the log, but nobody has written it."
    for name, sightings in history.readers.items():
        for seen in sightings:
            if seen.event.aggregate in history.erased and seen.event not in known:
                yield f"{name} saw {seen.event}, but nobody has written it."
    for attempt in history.attempts:
        if attempt.events[0].aggregate in history.erased and attempt.told is Told.ACKNOWLEDGED:
            found = [at.get(_blank(event, history)) for event in attempt.events]
            if found != list(attempt.positions):
                yield (
                    f"{attempt.events[0]} was given positions {list(attempt.positions)} and then "
                    f"erased, the log has it at {found}."
                )


def _blank(event: Event, history: History) -> Event:
    return replace(event, token=ERASED) if event.aggregate in history.erased else event
