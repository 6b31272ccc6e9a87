"""Event stores and read models of a given size, to measure with."""

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

from eventsourcing.persistence import StoredEvent

from patientmgmt.runtime import MODELS, Runtime
from projections.checkpoints import Checkpoints
from projections.database import Generation
from projections.generations import Generations

WRITERS = 32
WARDS = 40
RECORDED_AT = "2026-01-01T12:00:00+00:00"

Told = list[tuple[str, Mapping[str, object]]]
"""Names of events and what each tells beside the patient and the time."""


def admission(number: int) -> tuple[str, Mapping[str, object]]:
    """Return the admission of the patient with the number to one of the wards."""
    name = f"{_NAMES[number % len(_NAMES)]} {_NAMES[number // 7 % len(_NAMES)]} {number}"
    told = {"name": name, "age": number % 90, "ward": f"Ward {number % WARDS}"}
    return "PatientAdmitted", told


_NAMES = ("Ada", "Bo", "Chiara", "Dag", "Esther", "Farid", "Grace", "Hugo", "Ines", "Jun", "Kofi")


def fill(runtime: Runtime, patients: int, tell: Callable[[int], Told]) -> list[UUID]:
    """Record what ``tell`` returns for each number, and return the patients' ids."""

    def record(number: int) -> UUID:
        id_ = uuid4()
        common = {"id": str(id_), "recorded_at": RECORDED_AT}
        runtime.application.recorder.insert_events(
            [
                StoredEvent(id_, version, topic, json.dumps({**common, **payload}).encode())
                for version, (topic, payload) in enumerate(tell(number), start=1)
            ]
        )
        return id_

    with ThreadPoolExecutor(WRITERS) as pool:
        return list(pool.map(record, range(patients)))


def begin_again(runtime: Runtime, name: str) -> Generation:
    """Empty a read model, and return its live generation."""
    live = Generations(runtime.database).live(MODELS[name])
    Checkpoints(runtime.database.records, live).forget_all()
    runtime.database.empty(live)
    return live
