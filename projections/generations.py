"""Which making of a read model's tables pages read, and which one is being made anew.

Rows in Cassandra carry their version as their write timestamp, which makes repetition harmless and
correction impossible: what was once written at a version stays. So corrected code, and tables that
somebody has changed by hand, need new tables. A rebuild fills a *generation* beside the live one,
with a checkpoint of its own, and one conditional write makes it the live one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from threading import Lock
from time import monotonic
from typing import Any

from pydantic import TypeAdapter

from projections.database import Database, Generation, Tables
from projections.errors import ReadModelsUnavailableError
from projections.read_model import ReadModel

KIND = "generation"
RECORDED = ("checkpoint", "current", "parked", "stamp", "sweep")
"""What is recorded of each generation by itself; some of it is of persons."""
REFRESH = 1.0
"""Seconds for which a process goes on with what it knows of generations."""


@dataclass(frozen=True)
class Making:
    """A generation, and the version of the code that makes it."""

    number: int
    version: int


@dataclass(frozen=True)
class Registered:
    """What is recorded of one read model."""

    live: Making
    building: Making | None = None
    paused: bool = False
    dropped: int = 0
    """Generations up to this one have been removed."""

    @property
    def makings(self) -> Sequence[Making]:
        """The generations that are in use: the live one, and perhaps one that is being built."""
        return [self.live, *([self.building] if self.building else [])]


_JSON = TypeAdapter(Registered)


class OutdatedError(ReadModelsUnavailableError):
    """The tables were made by another version of the read model's code."""

    def __init__(self, model: ReadModel[Any, Any], found: int) -> None:
        super().__init__(
            f"The read model {model.name} was made by version {found} of its code, and this is "
            f"version {model.version}. Run `patientmgmt projections rebuild {model.name}`."
        )


class NotMadeError(ReadModelsUnavailableError):
    """The tables were never made."""

    def __init__(self, model: ReadModel[Any, Any]) -> None:
        super().__init__(f"The read model {model.name} has no tables yet. Run `patientmgmt init`.")


class Generations:
    """The generations of read models in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._records = database.records

    def ensure(self, model: ReadModel[Any, Any]) -> None:
        """Make the first generation's tables, or those of the present one that are missing.

        Tables that another version of the code has made stay as they are.
        """
        registered = self.registered(model)
        if registered is None:
            registered = Registered(Making(1, model.version))
            self._records.replace(KIND, model.name, None, _text(registered))
        if registered.live.version == model.version:
            self._database.create(Generation(model, registered.live.number))

    def registered(self, model: ReadModel[Any, Any]) -> Registered | None:
        """Return what is recorded of the read model; None before :meth:`ensure`."""
        text = self._records.load(KIND, model.name)
        return None if text is None else _JSON.validate_json(text)

    def live(self, model: ReadModel[Any, Any]) -> Generation:
        """Return the generation that pages read.

        :raises OutdatedError: when it was made by another version of the code.
        """
        return self._ours(model, self._present(model).live)

    def all(self, model: ReadModel[Any, Any]) -> Sequence[Generation]:
        """Return the live generation, and the one that is being built if there is one."""
        present = self.registered(model)
        makings = present.makings if present else []
        ours = (making for making in makings if making.version == model.version)
        return [Generation(model, making.number) for making in ours]

    def begin(self, model: ReadModel[Any, Any], *, anew: bool = False) -> Generation:
        """Return the generation that is being built, and begin one if there is none.

        One that other code has begun is given up, and so is any if ``anew``.
        """
        while True:
            present = self._present(model)
            building = present.building
            if building is not None and building.version == model.version and not anew:
                break
            building = Making(present.makings[-1].number + 1, model.version)
            if self._replace(model, present, replace(present, building=building)):
                break
        generation = Generation(model, building.number)
        self._database.create(generation)
        return generation

    def switch(self, generation: Generation) -> bool:
        """Let pages read the generation that was built; return False if it is not it any more."""
        while True:
            present = self._present(generation.model)
            building = present.building
            if building is None or building.number != generation.number:
                return False
            switched = replace(present, live=building, building=None)
            if self._replace(generation.model, present, switched):
                return True

    def drop_old(self, model: ReadModel[Any, Any]) -> None:
        """Remove all generations but the live one and that which is being built.

        They are those before the live one, and those of rebuilds that were given up. Their tables
        go, and what is recorded of them.
        """
        present = self._present(model)
        for number in range(present.dropped + 1, present.makings[-1].number):
            if number != present.live.number:
                generation = Generation(model, number)
                self._database.drop(generation)
                for kind in RECORDED:
                    self._forget(f"{kind}/{generation}")
        self._replace(model, present, replace(present, dropped=present.live.number - 1))

    def remaining(self, model: ReadModel[Any, Any]) -> Sequence[Generation]:
        """Drop what nobody needs, and return all generations that there are then.

        :raises OutdatedError: when another version of the code has made one of them.
        """
        if self.registered(model) is None:
            return []
        self.drop_old(model)
        return [self._ours(model, making) for making in self._present(model).makings]

    def _forget(self, kind: str) -> None:
        for name in self._records.load_all(kind):
            self._records.delete(kind, name)

    def to_follow(self, model: ReadModel[Any, Any]) -> Generation | None:
        """Return the generation that workers keep up to date; None while that is paused.

        :raises OutdatedError: when it was made by another version of the code.
        """
        present = self._present(model)
        return None if present.paused else self._ours(model, present.live)

    def pause(self, model: ReadModel[Any, Any], *, paused: bool) -> None:
        """Let workers leave the read model as it is, or go on with it."""
        while True:
            present = self._present(model)
            if self._replace(model, present, replace(present, paused=paused)):
                return

    def _ours(self, model: ReadModel[Any, Any], making: Making) -> Generation:
        if making.version != model.version:
            raise OutdatedError(model, making.version)
        return Generation(model, making.number)

    def _present(self, model: ReadModel[Any, Any]) -> Registered:
        registered = self.registered(model)
        if registered is None:
            raise NotMadeError(model)
        return registered

    def _replace(self, model: ReadModel[Any, Any], old: Registered, new: Registered) -> bool:
        return self._records.replace(KIND, model.name, _text(old), _text(new))


class LiveTables:
    """The live generation of one read model, looked up again every now and then.

    May be shared between threads.
    """

    def __init__(
        self,
        database: Database,
        model: ReadModel[Any, Any],
        *,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._database = database
        self._generations = Generations(database)
        self._model = model
        self._clock = clock
        self._lock = Lock()
        self._known: tuple[Generation, Tables] | None = None
        self._until = 0.0

    def tables(self) -> Tables:
        """Return the tables to read.

        :raises OutdatedError: when they were made by another version of the code.
        """
        return self._current()[1]

    def generation(self) -> Generation:
        """Return the generation that the tables are of.

        :raises OutdatedError: when it was made by another version of the code.
        """
        return self._current()[0]

    def _current(self) -> tuple[Generation, Tables]:
        with self._lock:
            if self._known is None or self._clock() >= self._until:
                live = self._generations.live(self._model)
                if self._known is None or self._known[0] != live:
                    self._known = (live, self._database.open(live))
                self._until = self._clock() + REFRESH
            return self._known


def _text(registered: Registered) -> str:
    return _JSON.dump_json(registered).decode()
