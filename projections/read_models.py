"""What pages read, and what a worker writes: the read models' rows and the two protocols.

Each row carries the ``version`` of the patient that it shows, so that a page can tell whether it
has caught up with a command, and so that a row is never overwritten by an older one.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

ERASED_VERSION = 2**31 - 1
"""The version of the row that an erased patient leaves: no event has it, or a higher one."""


@dataclass(frozen=True, kw_only=True)
class PatientRow:
    """One patient, as the patient list and the ward board show them."""

    patient_id: UUID
    version: int
    name: str
    age: int
    ward: str | None
    """None while the patient is discharged."""
    admitted_at: datetime | None
    """When the present stay began (UTC); None while discharged, or when the event did not say."""
    updated_at: datetime | None
    """When the event of this version was recorded (UTC); None when it did not say."""

    @classmethod
    def erased(cls, patient_id: UUID) -> "PatientRow":
        """Return the row that says that the patient is erased, and nothing else."""
        return cls(
            patient_id=patient_id,
            version=ERASED_VERSION,
            name="",
            age=0,
            ward=None,
            admitted_at=None,
            updated_at=None,
        )

    @property
    def is_erased(self) -> bool:
        """Whether the row only says that the patient is erased."""
        return self.version == ERASED_VERSION


@dataclass(frozen=True)
class WardRow:
    """One ward with the patients who are on it, by name."""

    name: str
    patients: Sequence[PatientRow]

    @property
    def occupancy(self) -> int:
        """How many patients are on the ward."""
        return len(self.patients)


@dataclass(frozen=True)
class PatientPage:
    """One page of the patient list, by name."""

    patients: Sequence[PatientRow]
    next: str | None
    """What to ask the next page with; None on the last page."""


class ReadModelQueries(Protocol):
    """The read side. Every method may raise :class:`ReadModelsUnavailableError`."""

    def wards(self) -> Sequence[WardRow]:
        """Return the ward board: every ward with at least one patient, by ward name."""
        ...

    def patients(self, *, limit: int = 50, after: str | None = None) -> PatientPage:
        """Return one page of all patients ever admitted, by name.

        :raises ValueError: when ``after`` is not a value that an earlier page gave.
        """
        ...

    def patient(self, patient_id: UUID) -> PatientRow | None:
        """Return one patient's row; None when no event of theirs has arrived here, or erased."""
        ...


@dataclass(frozen=True)
class RowChange:
    """One patient's rows, one for each version: from the one shown so far to the one to show.

    The rows in between are given although no page will show them, because another worker may have
    written one of them: a store that keeps a row in several places must clear every place that the
    patient has passed through, not only the last.
    """

    rows: Sequence[PatientRow]

    def __post_init__(self) -> None:
        """Refuse rows of several patients, or versions that do not follow one another.

        :raises ValueError: naming what was found.
        """
        found = [(row.patient_id, row.version) for row in self.rows]
        if not found:
            raise ValueError("A change of a row needs at least the row to show; found none.")
        patient_id, first = found[0]
        if found != [(patient_id, first + n) for n in range(len(found))]:
            raise ValueError(
                "A change of a row needs every version of one patient in order; found "
                + ", ".join(f"version {version} of {patient}" for patient, version in found)
                + "."
            )

    @property
    def after(self) -> PatientRow:
        """The row to show."""
        return self.rows[-1]

    @property
    def passed(self) -> Sequence[PatientRow]:
        """The rows that are not to be shown any longer."""
        return self.rows[:-1]


class ReadModelStore(ReadModelQueries, Protocol):
    """The write side, used by workers only."""

    def rows(self, patient_ids: Sequence[UUID]) -> Mapping[UUID, PatientRow]:
        """Return the present rows of those of the patients who have one.

        An erased patient has the row that says so, which is above all events that a worker may
        still have seen.
        """
        ...

    def replace(self, before: PatientRow | None, after: PatientRow) -> None:
        """Show ``after`` instead of ``before`` in every read model.

        Doing it twice, or after a newer row was written, changes nothing; doing it again completes
        what a failure cut off. As soon as :meth:`patient` returns a row, the list and the board
        show it too, or a newer one. ``before`` is the row of
        the version before, or None for a patient who has no row yet.

        :raises ValueError: when ``after`` is not the version that follows ``before``.
        """
        ...

    def replace_all(self, changes: Sequence[RowChange]) -> None:
        """Carry out many changes, at most one of each patient, each as :meth:`replace` would.

        A failure leaves some of them done and the others not; doing all again is right.
        """
        ...

    def erase(self, patient_id: UUID, *, names: Set[str], wards: Set[str]) -> None:
        """Show the patient nowhere, for good: whatever workers write of them from now on is hidden.

        Doing it again completes what a failure cut off.

        :param names: every name that the patient ever had, by their events.
        :param wards: every ward that they were ever on.
        """
        ...

    def checkpoint(self) -> str | None:
        """Return the saved position in the feed; None before the first."""
        ...

    def save_checkpoint(self, checkpoint: str) -> None:
        """Save the position; called after the rows are written, never before."""
        ...


class ReadModelsUnavailableError(Exception):
    """The read models' database cannot be reached; the reason is the message."""
