"""Why a command was refused. Each error says what was expected, what was found and what to do."""

from collections.abc import Sequence
from uuid import UUID


class CommandRefusedError(Exception):
    """Base of everything a command handler refuses; nothing was written."""


class PatientNotFoundError(CommandRefusedError):
    """No event of this patient is recorded."""

    def __init__(self, patient_id: UUID) -> None:
        self.patient_id = patient_id
        super().__init__(
            f"No patient has the id {patient_id}. Look the patient up in the list, or admit them."
        )


class PatientIdTakenError(CommandRefusedError):
    """The id that was given for a new patient is that of another admission."""

    def __init__(self, patient_id: UUID, different: Sequence[str]) -> None:
        self.patient_id = patient_id
        super().__init__(
            f"Expected a new id, or the same admission again, found {patient_id} taken by an "
            f"admission with another {' and '.join(different)}. If it is the same person, look at "
            "the patient with this id; otherwise admit them under a new id."
        )


class RuleBrokenError(CommandRefusedError):
    """The command is well formed, but the patient's state does not allow it."""


class PatientNotAdmittedError(RuleBrokenError):
    """A transfer or discharge of somebody who is not in the hospital."""

    def __init__(self, name: str, action: str) -> None:
        super().__init__(
            f"{name} was discharged and is on no ward, so they cannot be {action}. "
            "Admit the patient again first."
        )


class PatientAlreadyAdmittedError(RuleBrokenError):
    """An admission of somebody who is in the hospital already."""

    def __init__(self, name: str, ward: str) -> None:
        super().__init__(
            f"{name} is already admitted, on ward {ward}. "
            "Transfer the patient, or discharge them before admitting them again."
        )


class SameWardError(RuleBrokenError):
    """A transfer to the ward that the patient is on."""

    def __init__(self, name: str, ward: str) -> None:
        super().__init__(f"{name} is already on ward {ward}. Choose another ward.")


class VersionConflictError(CommandRefusedError):
    """The patient has changed since the sender looked (optimistic concurrency control)."""

    def __init__(self, patient_id: UUID, *, expected: int, actual: int) -> None:
        self.patient_id = patient_id
        self.expected = expected
        self.actual = actual
        super().__init__(
            f"The patient changed in the meantime: expected version {expected}, found version "
            f"{actual}. Look at what happened since and decide again."
        )
