"""What went wrong in one request, said once for pages and API alike."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from eventsourcing.persistence import MapperDeserialisationError, PersistenceError
from flask import request, url_for
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from patientmgmt.application import UnknownResultError
from patientmgmt.domain.errors import (
    PatientAlreadyAdmittedError,
    PatientIdTakenError,
    PatientNotAdmittedError,
    PatientNotFoundError,
    RuleBrokenError,
    SameWardError,
    VersionConflictError,
)
from patientmgmt.web.problem_types import (
    BODY_TOO_LARGE,
    FORM_EXPIRED,
    INVALID_VALUES,
    MALFORMED_REQUEST,
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    OUTCOME_UNKNOWN,
    PATIENT_ALREADY_ADMITTED,
    PATIENT_ID_TAKEN,
    PATIENT_NOT_ADMITTED,
    PATIENT_NOT_FOUND,
    RULE_BROKEN,
    SAME_WARD,
    STALE_VERSION,
    STORE_UNREACHABLE,
    UNREADABLE_EVENT,
    UNSUPPORTED_CONTENT_TYPE,
    ProblemType,
)
from patientmgmt.web.validation import InvalidInputError
from projections.errors import ReadModelsUnavailableError

RETRY_AFTER_SECONDS = 5
"""When to come back to a store that does not answer: a node is back within seconds or not soon."""


@dataclass(frozen=True)
class Problem:
    """What went wrong in one request."""

    type: ProblemType
    detail: str
    members: Mapping[str, object] = field(default_factory=dict)
    """Further members of the problem's JSON, in JSON's types."""

    def to_json(self) -> dict[str, object]:
        """Return the JSON object of RFC 9457."""
        return {
            "type": self.type.uri,
            "title": self.type.title,
            "status": self.type.status,
            "detail": self.detail,
            **self.members,
        }


class ProblemError(Exception):
    """Ends the request with the given problem."""

    def __init__(self, problem_type: ProblemType, detail: str) -> None:
        self.problem = Problem(problem_type, detail)
        super().__init__(detail)


_OF_RULE: Mapping[type[RuleBrokenError], ProblemType] = {
    PatientNotAdmittedError: PATIENT_NOT_ADMITTED,
    PatientAlreadyAdmittedError: PATIENT_ALREADY_ADMITTED,
    SameWardError: SAME_WARD,
}
_OF_STATUS: Mapping[int | None, ProblemType] = {
    400: MALFORMED_REQUEST,
    404: NOT_FOUND,
    405: METHOD_NOT_ALLOWED,
    413: BODY_TOO_LARGE,
    415: UNSUPPORTED_CONTENT_TYPE,
}


def problem_of(error: Exception) -> Problem | None:
    """Return what the sender shall be told, or None when the error is none of theirs to know."""
    match error:
        case ProblemError():
            return error.problem
        case InvalidInputError():
            errors = [{"field": e.field, "reason": e.reason} for e in error.errors]
            return Problem(INVALID_VALUES, f"{error}.", {"errors": errors})
        case PatientNotFoundError():
            return Problem(PATIENT_NOT_FOUND, str(error))
        case VersionConflictError():
            versions = {"expected_version": error.expected, "actual_version": error.actual}
            return Problem(STALE_VERSION, str(error), versions)
        case PatientIdTakenError():
            return Problem(PATIENT_ID_TAKEN, str(error), {"id": str(error.patient_id)})
        case RuleBrokenError():
            return Problem(_OF_RULE.get(type(error), RULE_BROKEN), str(error))
        case MapperDeserialisationError():
            return Problem(UNREADABLE_EVENT, str(error))
        case UnknownResultError():
            return Problem(OUTCOME_UNKNOWN, str(error), _where_to_look(error))
        case PersistenceError():
            return store_unreachable("event store")
        case ReadModelsUnavailableError():
            return store_unreachable("read models")
        case CSRFError():
            return Problem(FORM_EXPIRED, FORM_EXPIRED.explanation)
        case HTTPException() if error.code in _OF_STATUS:
            problem_type = _OF_STATUS[error.code]
            return Problem(problem_type, problem_type.explanation)
        case _:
            return None


def _where_to_look(error: UnknownResultError) -> Mapping[str, object]:
    """Return the patient's address, and what makes it safe to send the command again."""
    where: dict[str, object] = {
        "id": str(error.patient_id),
        "patient": url_for("api.patient", patient_id=error.patient_id),
    }
    return where if error.version == 1 else where | {"expected_version": error.version - 1}


def store_unreachable(*parts: str) -> Problem:
    """Return the problem for the given parts of the database, which cannot be used."""
    nothing = "Nothing was recorded. " if request.method == "POST" else ""
    return Problem(
        STORE_UNREACHABLE,
        f"The {' and the '.join(parts)} cannot be used at present. {nothing}Try again in "
        f"{RETRY_AFTER_SECONDS} seconds.",
        {"unreachable": list(parts)},
    )
