"""Puts the events of each aggregate into the order of their versions.

A type view shows events by type and by the writer's clock. So a transfer may be seen before its
admission, an event may be seen again and again, and one may be seen late or not at all. Clocks
cannot repair that, but versions can: the events of one aggregate are numbered from 1 without gaps.
Three rules follow, and a change here must keep all of them:

- an event at or below the version released last has been passed on; it is dropped;
- the event after the version released last is released;
- an event further ahead proves that others are missing. It is not kept: the aggregate's own
  stream, which is the truth, has it together with what is missing. The gap stays open until the
  events up to the highest version seen have been released.

Nothing is read here. The caller reads the stream for each gap and offers its events like any other.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import attrgetter
from uuid import UUID

from eventsourcing.persistence import StoredEvent

from projections.feeds.feed import aggregate_id

REMEMBERED = 100_000
"""Aggregates; some 20 MB. One that was forgotten costs a look-up when it is seen again."""


@dataclass(frozen=True)
class Gap:
    """Events of one aggregate that must exist but have not been seen."""

    aggregate_id: UUID
    after: int
    """The version released last: the stream is to be read from the one after it."""
    seen: int
    """The highest version that was seen."""


class Sequencer:
    """Releases each event of each aggregate once, in version order.

    ``look_up`` returns the versions released last of those of the given aggregates that have one.
    It is asked about aggregates that are not remembered, all those of one call together.
    """

    def __init__(
        self,
        look_up: Callable[[Sequence[UUID]], Mapping[UUID, int]],
        *,
        remembered: int = REMEMBERED,
    ) -> None:
        self._look_up = look_up
        self._remembered = remembered
        self._released: OrderedDict[UUID, int] = OrderedDict()
        self._seen_ahead: dict[UUID, int] = {}

    @property
    def gaps(self) -> Sequence[Gap]:
        """The gaps that are open now."""
        return [Gap(id_, self._released[id_], seen) for id_, seen in self._seen_ahead.items()]

    def look_up_again(self, aggregate_id: UUID) -> None:
        """Ask for the version released last once more: of an erased aggregate it is above all."""
        released = self._look_up([aggregate_id]).get(aggregate_id, 0)
        self._released[aggregate_id] = max(released, self._released.get(aggregate_id, 0))
        self._close_gaps()

    def forget(self, aggregate_id: UUID) -> None:
        """Know nothing of an aggregate any more: its next event is held against a look-up."""
        self._released.pop(aggregate_id, None)
        self._seen_ahead.pop(aggregate_id, None)

    def accept(self, sightings: Iterable[StoredEvent]) -> list[StoredEvent]:
        """Return those of the events that are next in their aggregates, in version order."""
        by_version = sorted(sightings, key=attrgetter("originator_version"))
        self._recall(dict.fromkeys(map(aggregate_id, by_version)))
        released = []
        for event in by_version:
            id_, version = aggregate_id(event), event.originator_version
            last = self._released[id_]
            if version == last + 1:
                self._released[id_] = version
                released.append(event)
            elif version > last:
                self._seen_ahead[id_] = max(version, self._seen_ahead.get(id_, 0))
        self._close_gaps()
        self._forget_oldest()
        return released

    def _recall(self, ids: Iterable[UUID]) -> None:
        unknown = []
        for id_ in ids:
            if id_ in self._released:
                self._released.move_to_end(id_)
            else:
                unknown.append(id_)
        if unknown:
            versions = self._look_up(unknown)
            self._released.update((id_, versions.get(id_, 0)) for id_ in unknown)

    def _close_gaps(self) -> None:
        self._seen_ahead = {
            id_: seen for id_, seen in self._seen_ahead.items() if seen > self._released[id_]
        }

    def _forget_oldest(self) -> None:
        excess = max(0, len(self._released) - self._remembered)
        without_gap = (id_ for id_ in self._released if id_ not in self._seen_ahead)
        for id_ in list(islice(without_gap, excess)):
            del self._released[id_]
