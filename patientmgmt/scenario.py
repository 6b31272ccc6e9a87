"""A fixed script through the whole system; each step says what it expects and what it finds.

Three patients are admitted, the first is transferred twice, the two others are discharged, and in
between the ward board is asked how many of the three are on wards. At last two changes are made
from one version of a patient, and the second of them must be refused.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import monotonic, sleep
from typing import TypeVar
from uuid import UUID

from patientmgmt.application import Accepted, PatientManagement
from patientmgmt.domain.commands import AdmitPatient, DischargePatient, TransferPatient
from patientmgmt.domain.errors import CommandRefusedError, VersionConflictError
from patientmgmt.queries import Queries
from projections.worker import Worker

PATIENCE = 10.0
"""Seconds. A read model is behind by milliseconds; one that stays behind for so long is broken."""
PAUSE = 0.02
"""Seconds between two looks at a read model that is behind."""

ADA, BO, CHIARA = "Ada Marsh", "Bo Lind", "Chiara Rossi"

CommandT = TypeVar("CommandT")


@dataclass(frozen=True)
class Step:
    """One step of the script, after it was done."""

    action: str
    expected: str
    found: str

    @property
    def passed(self) -> bool:
        """Whether the step found what it expected."""
        return self.found == self.expected


class Scenario:
    """The script, on one application with its read models.

    Other patients in the store make no difference, nor do other workers beside the given one.
    """

    def __init__(
        self,
        application: PatientManagement,
        queries: Queries,
        worker: Worker,
        *,
        patience: float = PATIENCE,
    ) -> None:
        self._application = application
        self._queries = queries
        self._worker = worker
        self._patience = patience
        self._patients: dict[str, Accepted] = {}
        """By name: the last that the command handlers answered."""

    def play(self) -> Iterator[Step]:
        """Do the steps, each when it is asked for.

        What a command handler refuses is found, not raised; a store or a read model that cannot be
        reached raises its own error.
        """
        yield self._admit(ADA, age=34, ward="AA", expected="version 1")
        yield self._admit(BO, age=29, ward="AA", expected="version 1")
        yield self._admit(CHIARA, age=12, ward="BB", expected="version 1")
        yield self._transfer(ADA, ward="BB", seen=1, expected="version 2")
        yield self._transfer(ADA, ward="CC", seen=2, expected="version 3")
        yield self._count(expected="3 on wards")
        yield self._discharge(BO, seen=1, expected="version 2")
        yield self._count(expected="2 on wards")
        yield self._discharge(CHIARA, seen=1, expected="version 2")
        yield self._count(expected="1 on wards")
        yield self._transfer(ADA, ward="AA", seen=3, expected="version 4")
        yield self._discharge(ADA, seen=3, expected="refused, the patient is at version 4")

    def _admit(self, name: str, *, age: int, ward: str, expected: str) -> Step:
        command = AdmitPatient(name=name, age=age, ward=ward)
        found = self._send(name, self._application.admit, command)
        return Step(f"Admit {name}, aged {age}, to ward {ward}", expected, found)

    def _transfer(self, name: str, *, ward: str, seen: int, expected: str) -> Step:
        command = TransferPatient(
            patient_id=self._patients[name].patient_id, ward=ward, expected_version=seen
        )
        found = self._send(name, self._application.transfer, command)
        return Step(f"Transfer {name} to ward {ward}, from version {seen}", expected, found)

    def _discharge(self, name: str, *, seen: int, expected: str) -> Step:
        command = DischargePatient(
            patient_id=self._patients[name].patient_id, expected_version=seen
        )
        found = self._send(name, self._application.discharge, command)
        return Step(f"Discharge {name}, from version {seen}", expected, found)

    def _send(self, name: str, handler: Callable[[CommandT], Accepted], command: CommandT) -> str:
        try:
            self._patients[name] = handler(command)
        except VersionConflictError as e:
            return f"refused, the patient is at version {e.actual}"
        except CommandRefusedError as e:
            return f"refused, {e}".removesuffix(".")
        return f"version {self._patients[name].version}"

    def _count(self, *, expected: str) -> Step:
        action = "Count the three on the ward board"
        if behind := self._wait_for_read_model():
            names = " and ".join(behind)
            return Step(action, expected, f"no news of {names} in {self._patience:g} seconds")
        on_wards = {row.patient_id for ward in self._queries.board.wards() for row in ward.patients}
        ours = {accepted.patient_id for accepted in self._patients.values()}
        return Step(action, expected, f"{len(on_wards & ours)} on wards")

    def _wait_for_read_model(self) -> list[str]:
        """Bring the read model up to date; return who is still behind when patience ends."""
        deadline = monotonic() + self._patience
        while True:
            self._worker.catch_up()
            behind = [
                name
                for name, accepted in self._patients.items()
                if self._shown_version(accepted.patient_id) < accepted.version
            ]
            if not behind or monotonic() > deadline:
                return behind
            sleep(PAUSE)

    def _shown_version(self, patient_id: UUID) -> int:
        return self._queries.board.version(patient_id)
