"""Given these events, when this command, then these events: rules of the domain as sentences.

The command goes through its real handler, on a store in memory that holds the given events. Events
are written without their patient, version and time, which the specification fills in and checks.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import cast
from uuid import UUID

import pytest

from patientmgmt.application import Accepted, PatientManagement
from patientmgmt.domain.commands import (
    AdmitPatient,
    Command,
    DischargePatient,
    ReadmitPatient,
    TransferPatient,
)
from patientmgmt.domain.errors import CommandRefusedError
from patientmgmt.domain.events import (
    PatientAdmitted,
    PatientDischarged,
    PatientEvent,
    PatientTransferred,
)

PATIENT = UUID("6f9619ff-8b86-4d01-b42d-00c04fc964ff")
"""The patient of the given events."""


def admitted(ward: str, *, name: str = "Ada Marsh", age: int = 34) -> PatientAdmitted:
    return PatientAdmitted(
        originator_id=PATIENT, originator_version=0, name=name, ward=ward, age=age
    )


def transferred(new_ward: str) -> PatientTransferred:
    return PatientTransferred(originator_id=PATIENT, originator_version=0, new_ward=new_ward)


def discharged() -> PatientDischarged:
    return PatientDischarged(originator_id=PATIENT, originator_version=0)


@dataclass(frozen=True)
class Given:
    """A store with a patient's past."""

    past: Sequence[PatientEvent]

    def when(self, command: Command) -> "When":
        return When(self.past, command)


@dataclass(frozen=True)
class When:
    """A command that meets that past."""

    past: Sequence[PatientEvent]
    command: Command

    def then(self, *expected: PatientEvent) -> None:
        """The command is accepted, and exactly these events are recorded, just now."""
        with _hospital(self.past) as application:
            before = datetime.now(UTC)
            accepted = _carry_out(application, self.command)
            recorded = _recorded_since(application, len(self.past))
            after = datetime.now(UTC)
        assert [replace(event, recorded_at=None) for event in recorded] == _numbered(
            expected, accepted.patient_id, first=accepted.version + 1 - len(expected)
        )
        for event in recorded:
            assert event.recorded_at is not None
            assert before <= event.recorded_at <= after

    def refused(self, error: type[CommandRefusedError], *, match: str | None = None) -> None:
        """The command is refused with this error, and nothing is recorded."""
        with _hospital(self.past) as application:
            with pytest.raises(error, match=match):
                _carry_out(application, self.command)
            assert _recorded_since(application, len(self.past)) == []


def given(*past: PatientEvent) -> Given:
    return Given(_numbered(past, PATIENT, first=1))


def _numbered(
    events: Sequence[PatientEvent], patient_id: UUID, *, first: int
) -> list[PatientEvent]:
    return [
        replace(event, originator_id=patient_id, originator_version=version)
        for version, event in enumerate(events, start=first)
    ]


@contextmanager
def _hospital(past: Sequence[PatientEvent]) -> Iterator[PatientManagement]:
    with PatientManagement({"PERSISTENCE_MODULE": "eventsourcing.popo"}) as application:
        application.save(*past)
        yield application


def _carry_out(application: PatientManagement, command: Command) -> Accepted:
    match command:
        case AdmitPatient():
            return application.admit(command)
        case ReadmitPatient():
            return application.readmit(command)
        case TransferPatient():
            return application.transfer(command)
        case DischargePatient():
            return application.discharge(command)
    raise TypeError(f"No handler carries out a {type(command).__name__}.")


def _recorded_since(application: PatientManagement, position: int) -> list[PatientEvent]:
    notifications = application.notification_log.select(start=position + 1, limit=10)
    return [
        cast("PatientEvent", application.mapper.to_domain_event(notification))
        for notification in notifications
    ]
