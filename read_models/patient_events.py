"""The patient events as any program may read them: stored names and JSON keys, nothing more.

More keys than are named here may stand in a payload; they are ignored.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from eventsourcing.persistence import StoredEvent
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from projections.feeds.feed import aggregate_id

MAX_TEXT_LENGTH = 400
"""Characters. Twice what a command may carry; the tables' keys and batches have room for it."""


def _utc_milliseconds(moment: datetime) -> datetime:
    """Convert to UTC, cut to the milliseconds that every back end keeps; no zone means UTC."""
    try:
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError:
        raise ValueError("outside of the years 1 to 9999 in UTC") from None
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


Text = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=MAX_TEXT_LENGTH)]
Age = Annotated[int, Field(strict=True, ge=0, lt=2**31)]
Moment = Annotated[datetime, AfterValidator(_utc_milliseconds)]


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True)

    patient_id: UUID
    version: int
    recorded_at: Moment | None = None


class PatientAdmitted(_Event):
    """A stay began."""

    name: Text
    ward: Text
    age: Age


class PatientTransferred(_Event):
    """The patient moved to another ward."""

    new_ward: Text


class PatientDischarged(_Event):
    """The stay ended."""


PatientEvent = PatientAdmitted | PatientTransferred | PatientDischarged

_EVENTS: dict[str, type[PatientEvent]] = {
    "PatientAdmitted": PatientAdmitted,
    "PatientTransferred": PatientTransferred,
    "PatientDischarged": PatientDischarged,
}
TOPICS = tuple(_EVENTS)
"""The stored names of the events that the patient read models are made of."""


class EventNotUnderstoodError(ValueError):
    """A stored event has a name, or a payload, that no read model can use."""

    def __init__(self, event: StoredEvent, reason: str) -> None:
        super().__init__(
            f"Event {event.originator_version} of patient {event.originator_id}, stored as "
            f"{event.topic!r}, cannot be shown: {reason}."
        )


def read_event(event: StoredEvent, payload: Mapping[str, Any]) -> PatientEvent:
    """Return the event that the stored name and the JSON payload tell.

    :raises EventNotUnderstoodError: when the name is unknown, or a value is missing or wrong. The
        message tells no values, since they are a patient's.
    """
    model = _EVENTS.get(event.topic)
    if model is None:
        raise EventNotUnderstoodError(event, f"expected one of {', '.join(TOPICS)}")
    try:
        return model.model_validate(
            {
                **payload,
                "patient_id": aggregate_id(event),
                "version": event.originator_version,
            }
        )
    except ValidationError as e:
        faults = e.errors(include_url=False, include_context=False, include_input=False)
        reasons = (f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults)
        raise EventNotUnderstoodError(event, "; ".join(reasons)) from None


def before_admission(event: PatientEvent) -> ValueError:
    """Return the error for an event of somebody who has not been admitted."""
    return ValueError(
        f"Event {event.version} of patient {event.patient_id}, a {type(event).__name__}, cannot be "
        "shown: the history begins with it, expected an admission."
    )
