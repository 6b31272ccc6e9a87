"""As of when each read model is current, and whether it goes on, as pages and machines are told."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from threading import Lock
from typing import Any

from projections.crew import shard_count
from projections.database import Database, Generation
from projections.freshness import current_as_of
from projections.generations import Generations
from projections.parking import Parking
from projections.read_model import ReadModel

KEPT = timedelta(seconds=1)
"""For which a process goes on with what it knows; workers tell as often."""
BEHIND = timedelta(seconds=10)
"""Older is behind: a worker that keeps up says every second that it does."""
STILL = timedelta(seconds=60)
"""Older stands still: another worker takes the work of a dead one over within ten seconds."""

Clock = Callable[[], datetime]


class Standing(Enum):
    """How a read model keeps up with what happens."""

    CURRENT = "current"
    BEHIND = "behind"
    STILL = "stands still"


@dataclass(frozen=True, kw_only=True)
class Currency:
    """What is known of one read model at a moment."""

    asked_at: datetime
    as_of: datetime | None
    """When all that could be seen was shown; None as long as nothing tells."""
    paused: bool
    parked: int
    """Patients who are shown as of an earlier event, since one of theirs could not be shown."""

    @property
    def lag(self) -> timedelta | None:
        """How old the read model is at most; clocks may differ, and nothing is newer than now."""
        return None if self.as_of is None else max(self.asked_at - self.as_of, timedelta())

    @property
    def standing(self) -> Standing:
        """How it keeps up."""
        if self.paused or self.lag is None or self.lag > STILL:
            return Standing.STILL
        return Standing.BEHIND if self.lag > BEHIND else Standing.CURRENT

    def is_within(self, lag: timedelta) -> bool:
        """Return whether it goes on and is no older than that."""
        return not self.paused and self.lag is not None and self.lag <= lag


class Currencies:
    """The currency of each read model in a database; may be shared between threads.

    Everything may raise ``ReadModelsUnavailableError``.

    :param now: the clock, in UTC, which need not be that of the workers.
    """

    def __init__(
        self,
        database: Database,
        models: Iterable[ReadModel[Any, Any]],
        *,
        now: Clock = lambda: datetime.now(UTC),
    ) -> None:
        self._watched = {model.name: _Watched(database, model, now) for model in models}

    def of(self, name: str) -> Currency:
        """Return the currency of the read model with the name.

        Who shows its rows asks before reading them: they are at least as new then.
        """
        return self._watched[name].currency()

    def all(self) -> Mapping[str, Currency]:
        """Return the currencies of all read models by name."""
        return {name: watched.currency() for name, watched in self._watched.items()}


class _Watched:
    """One read model, looked at again every now and then."""

    def __init__(self, database: Database, model: ReadModel[Any, Any], now: Clock) -> None:
        self._database = database
        self._model = model
        self._now = now
        self._lock = Lock()
        self._known: Currency | None = None
        self._parking: tuple[Generation, Parking] | None = None

    def currency(self) -> Currency:
        now = self._now()
        with self._lock:
            # A clock that was set back would else keep the old answer until it has come here again.
            if self._known is None or not timedelta() <= now - self._known.asked_at < KEPT:
                self._known = self._look(now)
            return replace(self._known, asked_at=now)

    def _look(self, now: datetime) -> Currency:
        registered = Generations(self._database).registered(self._model)
        if registered is None or registered.live.version != self._model.version:
            paused = registered is not None and registered.paused
            return Currency(asked_at=now, as_of=None, paused=paused, parked=0)
        live = Generation(self._model, registered.live.number)
        records = self._database.records
        return Currency(
            asked_at=now,
            as_of=current_as_of(records, live, shard_count(records)),
            paused=registered.paused,
            parked=len(self._parked(live).all()),
        )

    def _parked(self, live: Generation) -> Parking:
        if self._parking is None or self._parking[0] != live:
            self._parking = (live, Parking(self._database, live))
        return self._parking[1]
