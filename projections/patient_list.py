"""The patient list: one row for each patient ever admitted, by name."""

import unicodedata
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import replace
from typing import Any
from uuid import UUID

from eventsourcing.persistence import StoredEvent

from projections.feed import aggregate_id
from projections.patient_events import (
    EventNotUnderstoodError,
    PatientAdmitted,
    PatientDischarged,
    PatientTransferred,
    read_event,
)
from projections.read_models import PatientPage, PatientRow, RowChange

_MOST_ROWS = 2**31 - 1


def project(
    before: PatientRow | None, event: StoredEvent, payload: Mapping[str, Any]
) -> PatientRow:
    """Return the patient's row after the event, which must be the next one of this patient.

    :raises EventNotUnderstoodError: when the event does not fit the row, or cannot be read.
    """
    version = before.version if before else 0
    if event.originator_version != version + 1:
        raise EventNotUnderstoodError(event, f"expected event {version + 1} of this patient")
    match read_event(event, payload):
        case PatientAdmitted(name=name, ward=ward, age=age, recorded_at=recorded_at):
            return PatientRow(
                patient_id=aggregate_id(event),
                version=event.originator_version,
                name=name,
                age=age,
                ward=ward,
                admitted_at=recorded_at,
                updated_at=recorded_at,
            )
        case PatientTransferred(new_ward=ward, recorded_at=recorded_at) if before:
            return replace(
                before, version=event.originator_version, ward=ward, updated_at=recorded_at
            )
        case PatientDischarged(recorded_at=recorded_at) if before:
            return replace(
                before,
                version=event.originator_version,
                ward=None,
                admitted_at=None,
                updated_at=recorded_at,
            )
    raise EventNotUnderstoodError(event, "the history begins with it, expected an admission")


def name_key(name: str) -> str:
    """Return what names are sorted by: capitals and compatible forms of a letter do not matter."""
    return unicodedata.normalize("NFKC", name).casefold()


def vacated_keys(change: RowChange) -> Set[str]:
    """Return the name keys at which the patient no longer stands after the change."""
    return {name_key(row.name) for row in change.passed} - {name_key(change.after.name)}


def page_start(after: str, look_up: Callable[[UUID], PatientRow | None]) -> PatientRow:
    """Return the row behind which a page begins, given the value that the page before gave.

    The value is that patient's id: a name in an address would end up in the logs of proxies.

    :raises ValueError: when the value is not the id of a patient in the list.
    """
    try:
        start = look_up(UUID(after))
    except ValueError:
        start = None
    if start is None:
        raise ValueError(
            f"There is no page after {after!r:.80}: expected a value that the page before gave. "
            "Begin again at the first page."
        )
    return start


def rows_to_read(limit: int) -> int:
    """Return how many rows to read for a page: one more, as far as databases can count.

    :raises ValueError: when ``limit`` is below 1.
    """
    if limit < 1:
        raise ValueError(f"A page holds at least one patient; found a limit of {limit}.")
    return min(limit, _MOST_ROWS - 1) + 1


def page(rows: Sequence[PatientRow], limit: int) -> PatientPage:
    """Make a page of rows of which one more than ``limit`` was asked for."""
    shown = rows[:limit]
    return PatientPage(shown, str(shown[-1].patient_id) if len(rows) > limit else None)
