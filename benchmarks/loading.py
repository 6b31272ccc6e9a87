"""Loading a patient from all events, against loading from a snapshot five events back."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from uuid import UUID, uuid4

from benchmarks.measure import Comparison, compare, percentiles
from patientmgmt.application import PatientManagement
from patientmgmt.domain.events import PatientEvent, PatientTransferred
from patientmgmt.domain.patient import Patient, project_patient

LENGTHS = (10, 100, 1000)
EVENTS_AFTER_SNAPSHOT = 5
_EVENTS_IN_AN_APPEND = 100


class WithSnapshots(PatientManagement):
    """Looks for a snapshot before it reads events."""

    is_snapshotting_enabled = True


@dataclass(frozen=True)
class Loading:
    """One line of the report."""

    events: int
    comparison: Comparison

    def figures(self) -> dict[str, float]:
        """Return medians in milliseconds, and how many times faster the snapshot is."""
        return {
            "events": self.events,
            "from_events_ms": 1000 * percentiles(self.comparison.baseline)[0],
            "from_snapshot_ms": 1000 * percentiles(self.comparison.subject)[0],
            "ratio": self.comparison.ratio,
            **self.comparison.unanswered(),
        }


def measure(
    plain: PatientManagement, snapshotting: WithSnapshots, *, seconds: float, pairs: int
) -> Iterator[Loading]:
    """Measure with each length of history, one load at a time."""
    for length in LENGTHS:
        patient_id = _history(plain, length)
        snapshotting.take_snapshot(
            patient_id,
            version=length - EVENTS_AFTER_SNAPSHOT,
            projector_func=project_patient,
        )
        yield Loading(
            length,
            compare(
                partial(plain.patient, patient_id),
                partial(snapshotting.patient, patient_id),
                threads=1,
                seconds=seconds,
                pairs=pairs,
            ),
        )


def _history(application: PatientManagement, length: int) -> UUID:
    """Record a patient with so many events, and return the id."""
    patient_id, now = uuid4(), datetime.now(UTC)
    events: list[PatientEvent] = [
        Patient.admit(patient_id, name="Ann Example", age=34, ward="Ward 1", at=now)
    ]
    events += (
        PatientTransferred(
            originator_id=patient_id,
            originator_version=version,
            recorded_at=now,
            new_ward=f"Ward {version}",
        )
        for version in range(2, length + 1)
    )
    for first in range(0, length, _EVENTS_IN_AN_APPEND):
        application.save(*events[first : first + _EVENTS_IN_AN_APPEND])
    return patient_id
