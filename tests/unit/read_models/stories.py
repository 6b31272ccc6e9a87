"""Patients' stories, told event by event, and read models that are shown them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from eventsourcing.persistence import StoredEvent

from projections.database import Database, Tables
from projections.erasing import erase_aggregate
from projections.folding import fold_events
from projections.generations import Generations
from projections.read_model import ReadModel
from projections.sqlite import SQLiteDatabase
from tests.unit.projections.events import decode, stored


def utc(text: str) -> datetime:
    """Return a moment in UTC from a text like ``2026-11-27`` or ``2026-11-27 12:30``."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class Story:
    """The events of one patient; a moment is a text for :func:`utc`, or None if it is not told."""

    def __init__(
        self, name: str = "Ida Moe", *, age: int = 40, patient_id: UUID | None = None
    ) -> None:
        self.name = name
        self.age = age
        self.patient_id = patient_id or uuid4()
        self.events: list[StoredEvent] = []

    def admitted(self, ward: str, at: str | datetime | None) -> "Story":
        """Add an admission."""
        return self._add("PatientAdmitted", at, ward=ward, name=self.name, age=self.age)

    def moved(self, ward: str, at: str | datetime | None) -> "Story":
        """Add a transfer."""
        return self._add("PatientTransferred", at, new_ward=ward)

    def discharged(self, at: str | datetime | None) -> "Story":
        """Add a discharge."""
        return self._add("PatientDischarged", at)

    def _add(self, topic: str, at: str | datetime | None, **payload: object) -> "Story":
        moment = utc(at) if isinstance(at, str) else at
        if moment is not None:
            payload["recorded_at"] = moment.isoformat()
        self.events.append(stored(self.patient_id, len(self.events) + 1, topic, **payload))
        return self


class Shown:
    """One read model, with empty tables at the beginning."""

    def __init__(self, database: Database, model: ReadModel[Any, Any]) -> None:
        Generations(database).ensure(model)
        self._database = database
        self._model = model
        self._tables = database.open(Generations(database).live(model))

    def tables(self) -> Tables:
        """Return the tables, as queries ask for them."""
        return self._tables

    def show(self, *stories: Story, at_once: bool = True) -> None:
        """Show what is new of the stories, each in one change or one event after the other."""
        for story in stories:
            guard = self._tables.guards([story.patient_id]).get(story.patient_id)
            pending = story.events[guard.version if guard else 0 :]
            for events in [pending] if at_once and pending else [[event] for event in pending]:
                self._fold(story.patient_id, events)

    def erase(self, story: Story) -> None:
        """Erase the patient as the application does."""
        erase_aggregate(self._database, [self._model], story.patient_id, story.events, decode)

    def state(self, story: Story) -> str:
        """Return the state that is kept of the patient."""
        return self._tables.guards([story.patient_id])[story.patient_id].state

    def _fold(self, patient_id: UUID, events: list[StoredEvent]) -> None:
        guard = self._tables.guards([patient_id]).get(patient_id)
        folded = fold_events(self._model, decode, patient_id, guard, events)
        assert folded.failure is None
        assert folded.change is not None
        self._tables.carry_out([folded.change])


@contextmanager
def shown_in_memory(model: ReadModel[Any, Any]) -> Iterator[Shown]:
    """Yield the read model in a database that is gone afterwards."""
    database = SQLiteDatabase(":memory:")
    try:
        yield Shown(database, model)
    finally:
        database.close()
