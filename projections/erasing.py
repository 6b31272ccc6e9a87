"""Erasing a patient from the read models, by what their events tell of where they stood."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from uuid import UUID

from eventsourcing.persistence import StoredEvent

from projections.patient_events import PatientAdmitted, PatientTransferred, read_event
from projections.read_models import ReadModelStore


def erase_patient(
    store: ReadModelStore,
    patient_id: UUID,
    events: Iterable[StoredEvent],
    decode: Callable[[StoredEvent], Mapping[str, Any]],
) -> None:
    """Erase a patient from the store. It may be done again, and with none of the events left.

    Events that cannot be read have never been shown, and are passed over.

    :param events: all events of the patient that have their contents still.
    :param decode: returns the JSON payload of a stored event, and raises a ``ValueError`` when it
        cannot.
    :raises ReadModelsUnavailableError: when the read models cannot be reached.
    """
    names: set[str] = set()
    wards: set[str] = set()
    for event in events:
        try:
            found = read_event(event, decode(event))
        except ValueError:
            continue
        match found:
            case PatientAdmitted(name=name, ward=ward):
                names.add(name)
                wards.add(ward)
            case PatientTransferred(new_ward=ward):
                wards.add(ward)
            case _:
                pass
    store.erase(patient_id, names=names, wards=wards)
