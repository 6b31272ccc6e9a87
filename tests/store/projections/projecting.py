"""Projections and workers as tests put them together, on databases that may misbehave."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from projections.assignments import Assignments
from projections.checkpoints import Checkpoints
from projections.database import Database, Generation, Tables
from projections.feeds.feed import Feed
from projections.folding import Decode
from projections.generations import Generations
from projections.projection import Projection, Step
from projections.read_model import ReadModel
from projections.shares import Shares
from projections.worker import Worker
from read_models import patient_list, ward_board
from tests.unit.projections.events import decode

BOTH: list[ReadModel[Any, Any]] = [patient_list.MODEL, ward_board.MODEL]


def projection(
    database: Database,
    feed: Feed,
    decode: Decode = decode,
    *,
    model: ReadModel[Any, Any] = patient_list.MODEL,
) -> Projection:
    """Return a projection to the live generation of one read model."""
    return Projection(Generations(database).live(model), feed, database, decode)


def worker(database: Database, feed: Feed, decode: Decode = decode) -> Worker:
    """Return a worker for the patient list and the ward board."""
    return Worker(database, BOTH, feed, decode)


def duties(
    database: Database, feed: Feed, *, model: ReadModel[Any, Any], **options: Any
) -> Assignments:
    """Return what there is to do for one read model, in all shards."""
    shares = Shares(database.records, clock=options.get("clock", monotonic))
    return Assignments(database, model, feed, decode, shares=shares, **options)


def step(duties: Assignments) -> Sequence[Step]:
    """Do one round, and return what came of it."""
    began = datetime.now(UTC)
    steps = [(p, p.step()) for p in duties.projections()]
    duties.done(began, steps)
    return [step for _, step in steps]


def checkpoint(
    database: Database, feed: Feed, model: ReadModel[Any, Any] = patient_list.MODEL
) -> str | None:
    """Return how far a read model has read the feed, as it is saved."""
    return checkpoints(database, model).load(feed.name)


def checkpoints(database: Database, model: ReadModel[Any, Any] = patient_list.MODEL) -> Checkpoints:
    """Return the checkpoints of a read model's live generation."""
    return Checkpoints(database.records, Generations(database).live(model))


class Misbehaving:
    """A database of which a test replaces single methods of its tables and records."""

    def __init__(self, database: Database, **methods: Callable[..., object]) -> None:
        self._database = database
        self._methods = methods
        self.records: Any = _Replaced(database.records, methods)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    def open(self, generation: Generation) -> Tables:
        """Return the generation's tables with the methods replaced."""
        tables: Any = _Replaced(self._database.open(generation), self._methods)
        return tables  # type: ignore[no-any-return]


class _Replaced:
    def __init__(self, original: object, methods: dict[str, Callable[..., object]]) -> None:
        self._original = original
        self._methods = methods

    def __getattr__(self, name: str) -> Any:
        original = getattr(self._original, name)
        if name not in self._methods:
            return original
        return lambda *args, **kwargs: self._methods[name](original, *args, **kwargs)
