"""Snapshots shorten loading and change nothing else."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar
from uuid import UUID

import pytest

from patientmgmt.application import Accepted, PatientManagement
from patientmgmt.domain.commands import (
    AdmitPatient,
    DischargePatient,
    ReadmitPatient,
    TransferPatient,
)
from patientmgmt.domain.errors import SameWardError, VersionConflictError
from patientmgmt.domain.patient import Patient, PatientSnapshot
from tests.unit.application.conftest import Environment


class Snapshotting(PatientManagement):
    snapshotting_intervals: ClassVar[dict[Any, int]] = {Patient: 3}


@pytest.fixture
def snapshotting(sqlite_environment: Environment) -> Iterator[Snapshotting]:
    with Snapshotting(sqlite_environment) as application:
        yield application


@pytest.fixture
def patient_id(snapshotting: Snapshotting) -> UUID:
    """A patient at version 4, one after the snapshot."""
    patient_id = snapshotting.admit(AdmitPatient(name="Ada Marsh", age=34, ward="AA")).patient_id
    for ward in ["BB", "CC", "DD"]:
        snapshotting.transfer(TransferPatient(patient_id=patient_id, ward=ward))
    return patient_id


def snapshot_versions(application: Snapshotting, patient_id: UUID) -> list[int]:
    assert application.snapshots is not None
    return [snapshot.originator_version for snapshot in application.snapshots.get(patient_id)]


def test_a_snapshot_is_taken_at_every_third_version(
    snapshotting: Snapshotting, patient_id: UUID
) -> None:
    assert snapshot_versions(snapshotting, patient_id) == [3]
    for ward in ["EE", "FF", "GG"]:
        snapshotting.transfer(TransferPatient(patient_id=patient_id, ward=ward))
    assert snapshot_versions(snapshotting, patient_id) == [3, 6]


def test_the_state_is_the_same_with_and_without_snapshots(
    snapshotting: Snapshotting, patient_id: UUID, sqlite_environment: Environment
) -> None:
    with PatientManagement(sqlite_environment) as without:
        assert without.snapshots is None
        assert snapshotting.patient(patient_id) == without.patient(patient_id)


def test_loading_begins_at_the_latest_snapshot(
    snapshotting: Snapshotting, patient_id: UUID
) -> None:
    assert snapshotting.snapshots is not None
    renamed = replace(snapshotting.patient(patient_id), name="As in the snapshot")
    snapshotting.snapshots.put([PatientSnapshot.take(renamed)])
    snapshotting.transfer(TransferPatient(patient_id=patient_id, ward="EE"))
    assert snapshotting.patient(patient_id) == replace(renamed, version=5, ward="EE")


def test_a_stay_and_a_further_stay_go_on_across_snapshots(
    snapshotting: Snapshotting, patient_id: UUID
) -> None:
    snapshotting.discharge(DischargePatient(patient_id=patient_id))
    assert snapshotting.readmit(ReadmitPatient(patient_id=patient_id, ward="AA")) == Accepted(
        patient_id, 6
    )
    assert snapshotting.patient(patient_id).ward == "AA"


def test_the_rules_hold_on_a_state_from_a_snapshot(
    snapshotting: Snapshotting, patient_id: UUID
) -> None:
    with pytest.raises(SameWardError):
        snapshotting.transfer(TransferPatient(patient_id=patient_id, ward="DD"))
    with pytest.raises(VersionConflictError) as conflict:
        snapshotting.discharge(DischargePatient(patient_id=patient_id, expected_version=3))
    assert (conflict.value.expected, conflict.value.actual) == (3, 4)


def test_snapshots_are_kept_over_a_restart(
    snapshotting: Snapshotting, patient_id: UUID, sqlite_environment: Environment
) -> None:
    before = snapshotting.patient(patient_id)
    with Snapshotting(sqlite_environment) as restarted:
        assert snapshot_versions(restarted, patient_id) == [3]
        assert restarted.patient(patient_id) == before
