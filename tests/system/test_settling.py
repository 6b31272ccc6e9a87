"""What a writer left undecided is decided by a worker, though nobody reads the log."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Barrier, Thread
from uuid import UUID

import pytest
from eventsourcing.persistence import OperationalError

from eventstore_cassandra import CassandraApplicationRecorder, CassandraDatastore
from patientmgmt.application import PatientManagement, UnknownResultError
from patientmgmt.domain.commands import AdmitPatient, TransferPatient
from patientmgmt.runtime import open_runtime
from patientmgmt.settling import Settler
from tests.lost_answers import losing_runtime
from tests.store.projections.waiting import wait_until
from tests.system.test_commands import Env, finished, running

ADA = AdmitPatient(name="Ada Marsh", age=34, ward="AA")


def admitted_and_left_undecided(env: Env) -> UUID:
    """Admit somebody; let their transfer be an intent in the log, whose writer goes away.

    It stays undecided until somebody settles the log.
    """
    with losing_runtime(env) as (runtime, connection):
        patient_id = runtime.application.admit(ADA).patient_id
        with connection.losing("request"), pytest.raises(UnknownResultError):
            runtime.application.transfer(TransferPatient(patient_id=patient_id, ward="BB"))
    return patient_id


@contextmanager
def recorder(env: Env) -> Iterator[CassandraApplicationRecorder]:
    with PatientManagement(env) as application:
        assert isinstance(application.recorder, CassandraApplicationRecorder)
        yield application.recorder


@pytest.mark.parametrize("command", [["worker"], ["run", "--port", "0"]])
def test_a_dead_writers_append_is_decided_while_a_worker_runs(
    cassandra_env: Env, command: list[str]
) -> None:
    patient_id = admitted_and_left_undecided(cassandra_env)
    with (
        PatientManagement(cassandra_env) as application,
        running(cassandra_env, *command) as worker,
    ):
        wait_until(lambda: application.patient(patient_id).ward == "BB")
        worker.send_signal(signal.SIGTERM)
        rest, _ = worker.communicate(timeout=30)
    assert worker.returncode == 0, rest
    assert "left undecided" in rest


def test_a_worker_that_catches_up_once_decides_it_too(cassandra_env: Env) -> None:
    patient_id = admitted_and_left_undecided(cassandra_env)
    code, output = finished(cassandra_env, "worker", "--once")
    assert code == 0, output
    with open_runtime(cassandra_env) as runtime:
        row = runtime.queries.patients.patient(patient_id)
        assert row
        assert row.ward == "BB"


class Noting(CassandraApplicationRecorder):
    """Notes from where the log was settled."""

    def __init__(self, datastore: CassandraDatastore) -> None:
        super().__init__(datastore)
        self.began: list[int] = []

    def settle(self, after: int) -> int:
        self.began.append(after)
        return super().settle(after)


def test_a_restart_goes_on_where_the_log_was_settled(cassandra_env: Env) -> None:
    admitted_and_left_undecided(cassandra_env)
    with recorder(cassandra_env) as opened:
        Settler(opened).catch_up()
        again = Noting(opened.datastore)
        Settler(again).catch_up()
    assert again.began == [2]


def test_a_log_that_was_made_anew_is_settled_from_its_end(cassandra_env: Env) -> None:
    with recorder(cassandra_env) as opened:
        keyspace = opened.datastore.settings.keyspace
        with open_runtime(cassandra_env) as runtime:
            for _ in range(3):
                runtime.application.admit(ADA)
        Settler(opened).catch_up()
        opened.datastore.session.execute(f"TRUNCATE {keyspace}.notification_log", timeout=60)
    patient_id = admitted_and_left_undecided(cassandra_env)
    with recorder(cassandra_env) as opened, PatientManagement(cassandra_env) as application:
        assert application.patient(patient_id).ward == "AA"
        Settler(opened).catch_up()
        assert application.patient(patient_id).ward == "BB"


@pytest.mark.timeout(600)
def test_a_position_that_cannot_be_kept_is_told_at_once(cassandra_env: Env) -> None:
    patient = {**cassandra_env, "CASSANDRA_VIEW_PATIENCE": "3600"}
    with losing_runtime(patient) as (runtime, connection):
        runtime.application.admit(ADA)
        settler = runtime.settler()
        assert settler
        with connection.losing("request", after=0), pytest.raises(OperationalError):
            settler.catch_up()
        settler.catch_up()


def test_several_at_once_decide_an_append_once(cassandra_env: Env) -> None:
    patient_id = admitted_and_left_undecided(cassandra_env)
    barrier = Barrier(3)

    def settle() -> None:
        with recorder(cassandra_env) as opened:
            barrier.wait(timeout=30)
            Settler(opened).catch_up()

    threads = [Thread(target=settle) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with PatientManagement(cassandra_env) as application:
        assert [e.originator_version for e in application.history(patient_id)] == [1, 2]


def test_without_a_log_nothing_is_undecided(cassandra_env: Env) -> None:
    with open_runtime(cassandra_env | {"CASSANDRA_NOTIFICATION_LOG": "no"}) as runtime:
        assert runtime.settler() is None
