"""The kinds of problems a sender can meet, each with an address of its own as in RFC 9457."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class ProblemType:
    """A kind of problem."""

    slug: str
    status: int
    title: str
    explanation: str

    @property
    def uri(self) -> str:
        """Return the address that names the kind, relative to the server."""
        return f"/problems/{self.slug}"


MALFORMED_REQUEST = ProblemType(
    "malformed-request",
    400,
    "The request cannot be read",
    "The body must be one JSON object in UTF-8, as RFC 8259 defines it. Nothing was recorded.",
)
FORM_EXPIRED = ProblemType(
    "form-expired",
    400,
    "The form has expired",
    "Each form carries a token that shows that this site made it for this browser. The token was "
    "missing, wrong or too old. Nothing was recorded: open the form again and send it from there.",
)
INCOMPLETE_FORM = ProblemType(
    "incomplete-form",
    400,
    "The form is incomplete",
    "A form for a known patient carries the version of the patient that its reader saw, so that "
    "nobody's change is overwritten unseen; a form for a new patient carries the id that they will "
    "get, so that they are admitted once however often the form is sent. It was missing. Nothing "
    "was recorded: open the form again and send it from there.",
)
NOT_FOUND = ProblemType(
    "not-found", 404, "Nothing is at this address", "The address is wrong, or no longer in use."
)
PATIENT_NOT_FOUND = ProblemType(
    "patient-not-found",
    404,
    "No such patient",
    "The id is well formed, but no event of a patient with this id is recorded.",
)
MALFORMED_PATIENT_ID = ProblemType(
    "malformed-patient-id",
    404,
    "This is not a patient's id",
    "A patient's id is a UUID of 32 hexadecimal digits in five groups, such as "
    "123e4567-e89b-12d3-a456-426614174000. Take it from the answer to the admission or from the "
    "list of patients.",
)
METHOD_NOT_ALLOWED = ProblemType(
    "method-not-allowed",
    405,
    "This method is not possible here",
    "The address exists, but takes other methods. The header Allow of the answer lists them.",
)
STALE_VERSION = ProblemType(
    "stale-version",
    409,
    "The patient has changed in the meantime",
    "The command was made from an older version of the patient than the present one. Nothing was "
    "recorded, so that nobody's change is overwritten unseen. Read the patient again and decide "
    "again; expected_version and actual_version tell the two versions.",
)
PATIENT_ID_TAKEN = ProblemType(
    "patient-id-taken",
    409,
    "The id is that of another admission",
    "An id that the sender gives to a new patient has to be new. The same admission may be sent "
    "again under its id, with the same name, age and ward, and is then answered as it was before. "
    "Here something was different. Nothing was recorded: look at the patient with this id, or make "
    "a new id for another patient.",
)
PATIENT_NOT_ADMITTED = ProblemType(
    "patient-not-admitted",
    409,
    "The patient is not admitted",
    "Only a patient who is on a ward can be transferred or discharged. Nothing was recorded.",
)
PATIENT_ALREADY_ADMITTED = ProblemType(
    "patient-already-admitted",
    409,
    "The patient is already admitted",
    "Only a discharged patient can be admitted again. Nothing was recorded.",
)
SAME_WARD = ProblemType(
    "same-ward",
    409,
    "The patient is already on this ward",
    "A transfer needs a ward other than the one the patient is on. Nothing was recorded.",
)
RULE_BROKEN = ProblemType(
    "rule-broken",
    409,
    "The patient's state does not allow this",
    "The request is well formed, but a rule of the hospital forbids it now. Nothing was recorded.",
)
BODY_TOO_LARGE = ProblemType(
    "body-too-large",
    413,
    "The request is too large",
    "No request to this application needs more than a few hundred bytes. Nothing was recorded.",
)
UNSUPPORTED_CONTENT_TYPE = ProblemType(
    "unsupported-content-type",
    415,
    "The body has the wrong content type",
    "Send the body as JSON and say so with the header Content-Type: application/json, also when "
    "the body is empty. Nothing was recorded.",
)
INVALID_VALUES = ProblemType(
    "invalid-values",
    422,
    "Some values are not possible",
    "The member errors lists each field with the reason: what was expected and what was found. "
    "Nothing was recorded.",
)
UNEXPECTED_ERROR = ProblemType(
    "unexpected-error",
    500,
    "Something went wrong on our side",
    "The cause is in the server's log, under the reference that the answer names. A change that "
    "was sent may have been recorded all the same: look before you send it again.",
)
UNREADABLE_EVENT = ProblemType(
    "unreadable-event",
    500,
    "An event of this patient cannot be read",
    "What is stored is not as this program expects it: it is damaged, or was written by a newer "
    "program. Nothing was recorded, and other patients are not concerned. The person who runs this "
    "application finds the same sentence in the server's log.",
)
STORE_UNREACHABLE = ProblemType(
    "store-unreachable",
    503,
    "The database cannot be used at present",
    "The application runs, but its database does not answer, or not as it should. The application "
    "recovers by itself as soon as the database does; the cause is in the server's log. Nothing "
    "was recorded, so that a change can be sent again.",
)
READ_MODELS_BEHIND = ProblemType(
    "read-models-behind",
    503,
    "The pages are behind what has happened",
    "The application runs and its database answers, but pages and lists do not keep up with what "
    "is recorded, or it is not known whether they do: no worker runs, it has more to do than it "
    "can, or somebody has paused it. Changes can be made, and each patient's own page shows them. "
    "The member projections tells of each read model as of when it is current; `patientmgmt "
    "projections status` tells more.",
)
OUTCOME_UNKNOWN = ProblemType(
    "outcome-unknown",
    504,
    "It is not known whether this was recorded",
    "The database has not answered in time. The change may be recorded, or be recorded in a "
    "moment, or never. Until this is decided, which takes seconds once the database answers again, "
    "the patient may be shown without it. Do not send an admission again without its id: that "
    "could admit the patient twice. The same admission under the id that the answer names, and the "
    "same change with the expected_version that it names, can be sent again at any time: it is "
    "recorded once at most. An admission that is recorded already is then answered as if it were "
    "the first; any other change is refused (409), and the patient's events show whether it is "
    "there.",
)

PROBLEM_TYPES: Mapping[str, ProblemType] = {
    kind.slug: kind
    for kind in (
        MALFORMED_REQUEST,
        FORM_EXPIRED,
        INCOMPLETE_FORM,
        NOT_FOUND,
        PATIENT_NOT_FOUND,
        MALFORMED_PATIENT_ID,
        METHOD_NOT_ALLOWED,
        STALE_VERSION,
        PATIENT_ID_TAKEN,
        PATIENT_NOT_ADMITTED,
        PATIENT_ALREADY_ADMITTED,
        SAME_WARD,
        RULE_BROKEN,
        BODY_TOO_LARGE,
        UNSUPPORTED_CONTENT_TYPE,
        INVALID_VALUES,
        UNEXPECTED_ERROR,
        UNREADABLE_EVENT,
        STORE_UNREACHABLE,
        READ_MODELS_BEHIND,
        OUTCOME_UNKNOWN,
    )
}
"""All kinds, by the last part of their address."""
