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

    combined: int = 0
    """Rows of the log with appends of several processes."""

    def acknowledged_of(self, writer: str) -> int:
        """Return how many appends of one writer were acknowledged."""
        return sum(
            each.told is Told.ACKNOWLEDGED and each.events[0].token.startswith(f"{writer}-")
            for each in self.attempts
        )

    def count(self, told: Told) -> int:
        """Return how many appends were answered so."""
        return sum(attempt.told is told for attempt in self.attempts)

    def __str__(self) -> str:
        answers = ", ".join(f"{self.count(told)} {told.value}" for told in Told)
        return (
            f"seed {self.seed}: {len(self.attempts)} appends ({answers}), {self.helps} helps, "
            f"{self.erased} erased, {self.empty_positions} empty positions, {self.troubles} failed "
            f"reads, {self.misleading} misleading, {self.in_part} in part, "
            f"{self.combined} combined, {len(self.violations)} violations"
        )
