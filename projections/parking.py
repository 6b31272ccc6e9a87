"""Events that a read model cannot show, set aside so that everything else goes on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from eventsourcing.persistence import StoredEvent
from pydantic import TypeAdapter

from projections.database import Database, Generation
from projections.errors import ReadModelsUnavailableError
from projections.feeds.feed import aggregate_id


@dataclass(frozen=True)
class Parked:
    """An event that could not be shown; those after it in its aggregate wait for it."""

    aggregate_id: UUID
    version: int
    topic: str
    error: str
    since: datetime


_JSON = TypeAdapter(Parked)


class Parking:
    """What is parked of one generation, one event at most for each aggregate.

    Each event has a record of its own: who forgets one that has been shown meanwhile does not
    forget a later one of the same aggregate, which somebody may be parking at that moment.
    """

    def __init__(self, database: Database, generation: Generation) -> None:
        self._records = database.records
        self._tables = database.open(generation)
        self._kind = f"parked/{generation}"

    def park(self, event: StoredEvent, error: Exception) -> None:
        """Set an event aside; one that is set aside already keeps its time."""
        id_, version = aggregate_id(event), event.originator_version
        name = f"{id_} {version}"
        earlier = self._records.load(self._kind, name)
        since = _JSON.validate_json(earlier).since if earlier else datetime.now(UTC)
        parked = Parked(id_, version, event.topic, _told(error), since)
        self._records.save(self._kind, name, _JSON.dump_json(parked).decode())

    def all(self) -> Sequence[Parked]:
        """Return what is parked, by when it was; what has been shown meanwhile is forgotten.

        Another worker may have shown it, of a newer program, that knew nothing of its being parked.
        """
        texts = self._records.load_all(self._kind)
        noted = {name: _JSON.validate_json(text) for name, text in texts.items()}
        guards = self._tables.guards([*{parked.aggregate_id for parked in noted.values()}])
        parked = []
        for name, one in noted.items():
            guard = guards.get(one.aggregate_id)
            if guard is None or guard.version < one.version:
                parked.append(one)
            else:
                self._records.delete(self._kind, name)
        return sorted(parked, key=lambda one: one.since)

    def forget_shown(self) -> None:
        """Forget what has been shown, or erased, meanwhile."""
        self.all()

    def forget(self) -> None:
        """Forget all that is parked."""
        for name in self._records.load_all(self._kind):
            self._records.delete(self._kind, name)


def _told(error: Exception) -> str:
    """Return what the error says; its kind too if it is not one that is made for readers."""
    text = str(error)
    is_told = isinstance(error, ValueError | ReadModelsUnavailableError)
    return text if text and is_told else f"{type(error).__name__}: {text}"
