"""Commands on one side, read models on the other: each back end as it is put together."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from uuid import UUID

import pytest

from eventstore_cassandra import CassandraDatastore
from patientmgmt.application import PatientManagement
from patientmgmt.domain.commands import (
    AdmitPatient,
    DischargePatient,
    ReadmitPatient,
    TransferPatient,
)
from patientmgmt.queries import Queries
from patientmgmt.runtime import Runtime, open_runtime
from tests.store.projections.rows import all_patients
from tests.store.projections.waiting import running, wait_until

WARDS = ["AA", "BB", "CC", "DD"]


@pytest.fixture(params=["sqlite", "cassandra"])
def environment(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """Settings of an empty system on each back end in turn."""
    if request.param == "sqlite":
        return {
            "PERSISTENCE_MODULE": "eventsourcing.sqlite",
            "SQLITE_DBNAME": str(tmp_path / "patients.sqlite"),
            "PATIENTMGMT_DATA": str(tmp_path),
        }
    datastore: CassandraDatastore = request.getfixturevalue("read_model_datastore")
    request.getfixturevalue("cassandra_database")
    datastore.session.execute(f"TRUNCATE {datastore.settings.keyspace}.events", timeout=60)
    return {
        "PERSISTENCE_MODULE": "eventstore_cassandra",
        "CASSANDRA_CONTACT_POINTS": ",".join(datastore.settings.contact_points),
        "CASSANDRA_PORT": str(datastore.settings.port),
        "CASSANDRA_KEYSPACE": datastore.settings.keyspace,
        "PATIENTMGMT_DATA": str(tmp_path),
    }


@contextmanager
def system(environment: dict[str, str], *, workers: int) -> Iterator[Runtime]:
    with (
        open_runtime(environment) as runtime,
        running(*(runtime.worker() for _ in range(workers))),
    ):
        yield runtime


def shows(queries: Queries, patient_id: UUID, version: int) -> bool:
    patient = queries.patients.patient(patient_id)
    listed = patient is not None and patient.version >= version
    return listed and queries.board.version(patient_id) >= version


def occupancy(queries: Queries) -> dict[str, int]:
    return {ward.name: ward.occupancy for ward in queries.board.wards()}


def test_what_is_commanded_is_shown(environment: dict[str, str]) -> None:
    with system(environment, workers=1) as runtime:
        application, queries = runtime.application, runtime.queries
        ida = application.admit(AdmitPatient(name="Ida Moe", age=40, ward="AA")).patient_id
        wait_until(lambda: shows(queries, ida, 1))
        assert occupancy(queries) == {"AA": 1}
        application.transfer(TransferPatient(patient_id=ida, ward="BB"))
        wait_until(lambda: shows(queries, ida, 2))
        assert occupancy(queries) == {"BB": 1}
        application.discharge(DischargePatient(patient_id=ida))
        wait_until(lambda: shows(queries, ida, 3))
        assert occupancy(queries) == {}
        application.readmit(ReadmitPatient(patient_id=ida, ward="BB"))
        wait_until(lambda: shows(queries, ida, 4))
        [row] = queries.patients.page().patients
        assert (row.name, row.age, row.ward, row.version) == ("Ida Moe", 40, "BB", 4)
        assert row.admitted_at == row.updated_at
        assert row.admitted_at is not None


def test_after_a_restart_the_worker_goes_on_with_what_was_recorded_meanwhile(
    environment: dict[str, str],
) -> None:
    with system(environment, workers=1) as runtime:
        ida = runtime.application.admit(AdmitPatient(name="Ida", age=40, ward="AA")).patient_id
        wait_until(lambda: shows(runtime.queries, ida, 1))
    with system(environment, workers=0) as runtime:
        runtime.application.transfer(TransferPatient(patient_id=ida, ward="BB"))
        assert occupancy(runtime.queries) == {"AA": 1}
    with system(environment, workers=1) as runtime:
        wait_until(lambda: shows(runtime.queries, ida, 2))
        assert occupancy(runtime.queries) == {"BB": 1}


@pytest.mark.parametrize("seed", [1, 2])
def test_two_workers_at_once_end_in_what_the_events_tell(
    environment: dict[str, str], seed: int
) -> None:
    random = Random(seed)
    with system(environment, workers=2) as runtime:
        application, queries = runtime.application, runtime.queries
        patient_ids = [
            application.admit(
                AdmitPatient(name=f"Patient {n}", age=n, ward=random.choice(WARDS))
            ).patient_id
            for n in range(15)
        ]
        for _ in range(150):
            change_somehow(application, random.choice(patient_ids), random)
        patients = [application.patient(patient_id) for patient_id in patient_ids]
        wait_until(lambda: all(shows(queries, p.id, p.version) for p in patients))
    with system(environment, workers=0) as runtime:
        board = [
            (ward.name, row.patient_id)
            for ward in runtime.queries.board.wards()
            for row in ward.patients
        ]
        assert sorted(board) == sorted((p.ward, p.id) for p in patients if p.ward is not None)
        listed = [(row.patient_id, row.version, row.ward) for row in all_patients(runtime.queries)]
        assert sorted(listed, key=str) == sorted(
            ((p.id, p.version, p.ward) for p in patients), key=str
        )


def change_somehow(application: PatientManagement, patient_id: UUID, random: Random) -> None:
    ward = application.patient(patient_id).ward
    if ward is None:
        application.readmit(ReadmitPatient(patient_id=patient_id, ward=random.choice(WARDS)))
    elif random.random() < 0.3:
        application.discharge(DischargePatient(patient_id=patient_id))
    else:
        other = random.choice([other for other in WARDS if other != ward])
        application.transfer(TransferPatient(patient_id=patient_id, ward=other))
