"""A patient as somebody asks for them: at present, as of a version, or as of a moment."""

from datetime import UTC, datetime
from uuid import UUID

from patientmgmt.application import PatientManagement
from patientmgmt.web.asked import PatientAsked, refused, up_to
from patientmgmt.web.history import (
    PatientHistory,
    history_to_moment,
    history_to_version,
    read_history,
)
from patientmgmt.web.presentation import timestamp


def read_asked(
    application: PatientManagement, patient_id: UUID, asked: PatientAsked
) -> PatientHistory:
    """Return the history up to what is asked for.

    :raises PatientNotFoundError: when no event of this patient is recorded.
    :raises InvalidInputError: when both a version and a moment are asked for, or the patient was
        not known there.
    """
    if asked.version is not None and asked.at is not None:
        raise refused("at", "expected either version or at, found both")
    if asked.version is not None:
        history = history_to_version(application, patient_id, asked.version)
        reason = "expected a version that the patient has had"
    elif asked.at is not None:
        moment = up_to(datetime.now(UTC), asked.at)
        history = history_to_moment(application, patient_id, moment)
        reason = "expected a moment since the patient was first admitted"
    else:
        return read_history(application, patient_id)
    if history is None:
        found = asked.version or timestamp(asked.at)
        raise refused("at" if asked.at else "version", f"{reason}, found {found}")
    return history
