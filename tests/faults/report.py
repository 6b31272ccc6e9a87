"""What came of a run, in figures."""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.faults.history import Attempt, Told


@dataclass(frozen=True)
class Report:
    """What came of a run."""

    seed: int
    attempts: Sequence[Attempt]
    helps: int
    """Appends that readers have decided, or tried to."""
    troubles: int
    """Reads that failed, and were repeated."""
    empty_positions: int
    violations: Sequence[str]
    erased: int = 0
    """Aggregates that were erased."""
    misleading: int = 0
    """Committed appends that a quorum read showed as aborted for a moment."""
    in_part: int = 0
    """Events that a quorum read showed without their type or state for a moment."""

    def count(self, told: Told) -> int:
        """Return how many appends were answered so."""
        return sum(attempt.told is told for attempt in self.attempts)

    def __str__(self) -> str:
        answers = ", ".join(f"{self.count(told)} {told.value}" for told in Told)
        return (
            f"seed {self.seed}: {len(self.attempts)} appends ({answers}), {self.helps} helps, "
            f"{self.erased} erased, {self.empty_positions} empty positions, {self.troubles} failed "
            f"reads, {self.misleading} misleading, {self.in_part} in part, "
            f"{len(self.violations)} violations"
        )
