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
    """What is parked of one generation, one event at most for each aggregate."""

    def __init__(self, database: Database, generation: Generation) -> None:
        self._records = database.records
        self._tables = database.open(generation)
        self._kind = f"parked/{generation}"

    def park(self, event: StoredEvent, error: Exception) -> None:
        """Set an event aside; one that is set aside already keeps its time."""
        id_ = aggregate_id(event)
        earlier = self._records.load(self._kind, str(id_))
        since = _JSON.validate_json(earlier).since if earlier else datetime.now(UTC)
        parked = Parked(id_, event.originator_version, event.topic, _told(error), since)
        self._records.save(self._kind, str(id_), _JSON.dump_json(parked).decode())

    def all(self) -> Sequence[Parked]:
        """Return what is parked, by when it was; what has been shown meanwhile is forgotten.

        Another worker may have shown it, of a newer program, that knew nothing of its being parked.
        """
        texts = self._records.load_all(self._kind).values()
        noted = sorted(map(_JSON.validate_json, texts), key=lambda parked: parked.since)
        guards = self._tables.guards([parked.aggregate_id for parked in noted])
        parked = []
        for one in noted:
            guard = guards.get(one.aggregate_id)
            if guard is None or guard.version < one.version:
                parked.append(one)
            else:
                self.release(one.aggregate_id)
        return parked

    def forget(self) -> None:
        """Forget all that is parked."""
        for parked in self.all():
            self.release(parked.aggregate_id)

    def release(self, aggregate_id: UUID) -> None:
        """Forget what is parked of the aggregate."""
        self._records.delete(self._kind, str(aggregate_id))


def _told(error: Exception) -> str:
    """Return what the error says; its kind too if it is not one that is made for readers."""
    text = str(error)
    is_told = isinstance(error, ValueError | ReadModelsUnavailableError)
    return text if text and is_told else f"{type(error).__name__}: {text}"
