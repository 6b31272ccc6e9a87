"""Commands, events and read models together, on a real Cassandra."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Thread
from uuid import UUID, uuid4

import pytest

from eventstore_cassandra import CassandraApplicationRecorder
from patientmgmt import demo_data
from patientmgmt.application import PatientManagement
from patientmgmt.domain.commands import (
    AdmitPatient,
    DischargePatient,
    ReadmitPatient,
    TransferPatient,
)
from patientmgmt.domain.errors import PatientNotFoundError, VersionConflictError
from patientmgmt.domain.events import EVENT_TYPES
from patientmgmt.domain.patient import Patient
from patientmgmt.runtime import MODELS, Runtime, open_runtime
from patientmgmt.scenario import Scenario
from projections.checkpoints import Checkpoints
from projections.generations import Generations
from tests.unit.application.test_races import PausingBeforeAppend, race

Env = dict[str, str]


def test_two_writers_of_one_patient_one_wins_and_the_other_gets_a_conflict(
    shared_cassandra_env: Env,
) -> None:
    with ExitStack() as stack:
        writers = [stack.enter_context(PausingBeforeAppend(shared_cassandra_env)) for _ in range(2)]
        race(writers, say_version=True)


def test_writers_that_say_no_version_do_not_overwrite_each_other(shared_cassandra_env: Env) -> None:
    with PausingBeforeAppend(shared_cassandra_env) as writer:
        race([writer] * 4, say_version=False)


def test_a_restart_keeps_everything(cassandra_env: Env) -> None:
    with open_runtime(cassandra_env) as before:
        patient = before.application.admit(AdmitPatient(name="Ada Marsh", age=34, ward="AA"))
        before.application.transfer(TransferPatient(patient_id=patient.patient_id, ward="BB"))
        before.worker().catch_up()
        wards = before.queries.board.wards()
    with open_runtime(cassandra_env) as after:
        assert after.application.patient(patient.patient_id).ward == "BB"
        assert after.queries.board.wards() == wards
        assert after.worker().catch_up() == 0
        after.application.discharge(
            DischargePatient(patient_id=patient.patient_id, expected_version=2)
        )
        assert after.worker().catch_up() == 1
        assert after.queries.board.wards() == []


def test_a_worker_that_died_before_its_checkpoint_repeats_harmlessly(cassandra_env: Env) -> None:
    with open_runtime(cassandra_env) as runtime:
        patient = runtime.application.admit(AdmitPatient(name="Bo Lind", age=29, ward="AA"))
        runtime.worker().catch_up()
        shown = runtime.queries.patients.patient(patient.patient_id)
        for model in MODELS.values():
            live = Generations(runtime.database).live(model)
            Checkpoints(runtime.database.records, live).forget_all()
        assert runtime.worker().catch_up() == 0
        assert runtime.queries.patients.patient(patient.patient_id) == shown


def test_the_scripted_scenario_finds_what_it_expects(shared_cassandra_env: Env) -> None:
    with open_runtime(shared_cassandra_env) as runtime:
        script = Scenario(runtime.application, runtime.queries, runtime.worker())
        steps = list(script.play())
    assert [step for step in steps if not step.passed] == []


def test_the_read_models_follow_a_busy_hospital(cassandra_env: Env) -> None:
    with open_runtime(cassandra_env) as runtime:
        worker = runtime.worker()
        thread = Thread(target=worker.run)
        thread.start()
        try:
            with ThreadPoolExecutor(4) as pool:
                days = list(pool.map(lambda seed: _play(runtime, seed), range(4)))
        finally:
            worker.stop()
            thread.join()
        runtime.worker().catch_up()
        patients = {id_ for day in days for id_ in day}
        truth = [runtime.application.patient(id_) for id_ in patients]
        assert _on_wards(runtime) == sorted(
            (patient.ward, str(patient.id), patient.version) for patient in truth if patient.ward
        )


def test_the_types_have_the_originals_integers(shared_cassandra_env: Env) -> None:
    with PatientManagement(shared_cassandra_env) as application:
        recorder = application.recorder
        assert isinstance(recorder, CassandraApplicationRecorder)
        assert {topic: recorder.event_types.type_of(topic) for topic in EVENT_TYPES} == {
            "PatientAdmitted": 1,
            "PatientTransferred": 2,
            "PatientDischarged": 3,
        }


def test_snapshots_shorten_loading_and_change_nothing(shared_cassandra_env: Env) -> None:
    class Snapshotting(PatientManagement):
        snapshotting_intervals = {Patient: 3}  # noqa: RUF012 - as the library has it

    with (
        Snapshotting(shared_cassandra_env) as application,
        PatientManagement(shared_cassandra_env) as plain,
    ):
        id_ = application.admit(AdmitPatient(name="Chiara Rossi", age=12, ward="W1")).patient_id
        for ward in ("W2", "W3", "W4"):
            application.transfer(TransferPatient(patient_id=id_, ward=ward))
        application.discharge(DischargePatient(patient_id=id_))
        application.readmit(ReadmitPatient(patient_id=id_, ward="W5"))
        assert application.snapshots is not None
        versions = [s.originator_version for s in application.snapshots.get(id_)]
        assert versions == [3, 6]
        assert application.patient(id_) == plain.patient(id_)


def test_unknown_patients_and_stale_versions_write_nothing(shared_cassandra_env: Env) -> None:
    with PatientManagement(shared_cassandra_env) as application:
        with pytest.raises(PatientNotFoundError):
            application.discharge(DischargePatient(patient_id=uuid4()))
        id_ = application.admit(AdmitPatient(name="Ada Marsh", age=34, ward="AA")).patient_id
        application.transfer(TransferPatient(patient_id=id_, ward="BB"))
        with pytest.raises(VersionConflictError, match="expected version 1, found version 2"):
            application.discharge(DischargePatient(patient_id=id_, expected_version=1))
        assert [event.originator_version for event in application.history(id_)] == [1, 2]


def _play(runtime: Runtime, seed: int) -> set[UUID]:
    done = demo_data.generate(runtime.application, patients=15, seed=seed)
    return {accepted.patient_id for accepted in done}


def _on_wards(runtime: Runtime) -> Sequence[tuple[str, str, int]]:
    return sorted(
        (ward.name, str(patient.patient_id), patient.version)
        for ward in runtime.queries.board.wards()
        for patient in ward.patients
    )
