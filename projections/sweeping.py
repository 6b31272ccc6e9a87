"""The sweep: comparing, slowly and over and over, what there is with what is shown.

A feed may lose an event for good: a view may lack a row, a row may become visible later than the
overlap, and a server whose clock is behind may write into a past that has been read. The sweep
finds every aggregate whose guard is behind its last version, whatever the reason, and has it shown
from its own stream.

What was appended a moment ago is behind as well, for as long as the feed takes. So an aggregate
that is found behind is looked at once more after the next poll, and repaired only then. The sweep
is recorded as past a page when what was behind there is shown, so that whoever goes on forgets
nothing.
"""

import logging
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from pydantic import TypeAdapter

from projections.change import ERASED_VERSION
from projections.database import Database, Generation, Records, Tables
from projections.projection import Projection
from projections.shards import Shard
from projections.truth import Page, Truth

logger = logging.getLogger(__name__)

PERIOD = timedelta(hours=1)
"""From the beginning of one sweep to that of the next, unless a setting says otherwise."""


@dataclass(frozen=True)
class Sweep:
    """How far a sweep is, and what it has found so far."""

    began: datetime
    place: str | None = None
    """Where it goes on; None at the beginning."""
    ended: datetime | None = None
    checked: int = 0
    """Aggregates that were compared; in a log one counts where its last event is."""
    repaired: int = 0
    """Events that were missing and are shown now."""
    ahead: int = 0
    """Aggregates that are shown at a version above their last, as after a restore."""


_JSON = TypeAdapter(Sweep)


class Sweeper:
    """Sweeps what one projection shows, a page at each step."""

    def __init__(
        self,
        projection: Projection,
        database: Database,
        truth: Truth,
        *,
        period: timedelta = PERIOD,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._projection = projection
        self._tables: Tables = database.open(projection.generation)
        self._records = database.records
        self._truth = truth
        self._period = period
        self._clock = clock
        self._suspects: Mapping[UUID, int] = {}
        self._sweep = last_sweep(database.records, projection.generation, projection.shard)

    def step(self) -> None:
        """Repair what the last step found, and look at the next page if it is time to.

        To be called after the projection has polled its feed to the end.

        :raises PersistenceError: when the event store cannot be read.
        :raises ReadModelsUnavailableError: when the read models cannot be read or written.
        """
        sweep, now = self._sweep, self._clock()
        if self._suspects and sweep:
            sweep = self._repair(sweep)
        if sweep is None or (sweep.ended and self._is_due(sweep, now)):
            sweep = Sweep(now)
        elif sweep.ended:
            return
        page = self._truth.page(sweep.place)
        mine = _compared(page, self._projection.shard)
        guards = self._tables.guards(list(mine))
        shown = {id_: guards[id_].version if id_ in guards else 0 for id_ in mine}
        self._suspects = {id_: version for id_, version in mine.items() if shown[id_] < version}
        above = [id_ for id_ in guards if shown[id_] > mine[id_] and not guards[id_].is_erased]
        ahead = [id_ for id_ in above if not self._projection.has_event(id_, shown[id_])]
        self._sweep = replace(
            sweep,
            place=page.next,
            checked=sweep.checked + len(mine) - len(above) + len(ahead),
            ahead=sweep.ahead + len(ahead),
            ended=now if page.next is None else None,
        )
        if not self._suspects:
            self._save(self._sweep)

    def _is_due(self, sweep: Sweep, now: datetime) -> bool:
        """Return whether it is time for another; a clock that was set back must not stop them."""
        return not sweep.began <= now < sweep.began + self._period

    def _repair(self, sweep: Sweep) -> Sweep:
        guards = self._tables.guards(list(self._suspects))
        parked = {parked.aggregate_id for parked in self._projection.parking.all()}
        behind = [
            id_
            for id_, version in self._suspects.items()
            if id_ not in parked and (guards[id_].version if id_ in guards else 0) < version
        ]
        if behind:
            shown = self._projection.show_again(behind)
            if shown:  # others are parked, which was told, or are not ours
                logger.warning(
                    "The sweep has shown %d events that the feed had not: the read model %s was "
                    "behind for %d aggregates, %s the first of them.",
                    shown,
                    self._projection.generation.model.name,
                    len(behind),
                    behind[0],
                )
            sweep = replace(sweep, repaired=sweep.repaired + shown)
        self._sweep, self._suspects = sweep, {}
        self._save(sweep)
        return sweep

    def _save(self, sweep: Sweep) -> None:
        generation, shard = self._projection.generation, self._projection.shard
        self._records.save(f"sweep/{generation}", str(shard), _JSON.dump_json(sweep).decode())


def show_rest(
    projection: Projection, database: Database, truth: Truth
) -> Generator[int, None, None]:
    """Show everything at once that the projection's feed has not, and yield how many events.

    It yields after each page. To be called when the feed has been polled to its end.

    :raises PersistenceError: when the event store cannot be read.
    :raises ReadModelsUnavailableError: when the read models cannot be read or written.
    """
    tables = database.open(projection.generation)
    parked = {parked.aggregate_id for parked in projection.parking.all()}
    place = None
    while True:
        page = truth.page(place)
        mine = {i: v for i, v in _compared(page, projection.shard).items() if i not in parked}
        guards = tables.guards(list(mine))
        shown = {id_: guards[id_].version if id_ in guards else 0 for id_ in mine}
        behind = [id_ for id_ in mine if shown[id_] < mine[id_]]
        yield projection.show_again(behind) if behind else 0
        if page.next is None:
            return
        place = page.next


def _compared(page: Page, shard: Shard) -> Mapping[UUID, int]:
    """Return the versions of the page that are a shard's, without those who are erased.

    Nothing of them is left to be shown, whether a generation has known them or not.
    """
    found = page.versions.items()
    return {id_: v for id_, v in found if shard.has(id_) and v != ERASED_VERSION}


def last_sweep(records: Records, generation: Generation, shard: Shard) -> Sweep | None:
    """Return the sweep that goes on, or the last that has ended."""
    text = records.load(f"sweep/{generation}", str(shard))
    return None if text is None else _JSON.validate_json(text)
