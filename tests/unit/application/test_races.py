"""Two writers who change one patient at the same moment."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Barrier
from uuid import UUID

from patientmgmt.application import Accepted, PatientManagement
from patientmgmt.domain.commands import AdmitPatient, TransferPatient
from patientmgmt.domain.errors import VersionConflictError
from patientmgmt.domain.patient import Patient
from tests.unit.application.conftest import Environment

ROUNDS = 25


class PausingBeforeAppend(PatientManagement):
    """Holds every command between loading and appending until all writers have loaded."""

    barrier: Barrier | None = None

    def _load(self, patient_id: UUID, expected_version: int | None) -> Patient:
        patient = super()._load(patient_id, expected_version)
        if self.barrier:
            self.barrier.wait(timeout=30)
        return patient


def race(writers: Sequence[PausingBeforeAppend], *, say_version: bool) -> None:
    """Let each writer transfer the patient to a ward of its own, all from the same version."""
    patient_id = writers[0].admit(AdmitPatient(name="Ada Marsh", age=34, ward="AA")).patient_id
    barrier = Barrier(len(writers))
    for writer in writers:
        writer.barrier = barrier

    with ThreadPoolExecutor(len(writers)) as pool:
        for seen in range(1, ROUNDS + 1):
            commands = [
                TransferPatient(
                    patient_id=patient_id,
                    ward=f"{seen}-{number}",
                    expected_version=seen if say_version else None,
                )
                for number in range(len(writers))
            ]
            outcomes = list(pool.map(_transfer, writers, commands))
            won = [outcome for outcome in outcomes if isinstance(outcome, Accepted)]
            lost = [outcome for outcome in outcomes if isinstance(outcome, VersionConflictError)]
            assert won == [Accepted(patient_id, seen + 1)]
            assert len(lost) == len(writers) - 1
            assert {(error.expected, error.actual) for error in lost} == {(seen, seen + 1)}
            winner = commands[outcomes.index(won[0])]
            assert writers[0].patient(patient_id).ward == winner.ward

    history = writers[0].history(patient_id)
    assert [event.originator_version for event in history] == list(range(1, ROUNDS + 2))


def _transfer(
    writer: PatientManagement, command: TransferPatient
) -> Accepted | VersionConflictError:
    try:
        return writer.transfer(command)
    except VersionConflictError as error:
        return error


def test_of_two_threads_on_a_store_in_memory_one_wins_and_the_other_gets_a_conflict() -> None:
    with PausingBeforeAppend({"PERSISTENCE_MODULE": "eventsourcing.popo"}) as application:
        race([application, application], say_version=True)


def test_of_two_applications_on_one_sqlite_file_one_wins_and_the_other_gets_a_conflict(
    sqlite_environment: Environment,
) -> None:
    with ExitStack() as stack:
        race(
            [stack.enter_context(PausingBeforeAppend(sqlite_environment)) for _ in range(2)],
            say_version=True,
        )


def test_of_five_threads_on_one_sqlite_file_one_wins_and_the_others_get_a_conflict(
    sqlite_environment: Environment,
) -> None:
    with PausingBeforeAppend(sqlite_environment) as application:
        race([application] * 5, say_version=True)


def test_commands_that_say_no_version_do_not_overwrite_each_other_either(
    sqlite_environment: Environment,
) -> None:
    with PausingBeforeAppend(sqlite_environment) as application:
        race([application] * 2, say_version=False)
