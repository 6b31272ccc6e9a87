"""How patient events are written: plain JSON with the original's keys, and no Python names.

A ``PatientAdmitted`` is stored under that name (integer 1 on Cassandra) as
``{"id": ..., "name": ..., "ward": ..., "age": ..., "recorded_at": ...}``. A reader must tolerate
more keys than it knows; so does this one.
"""

import json
from typing import Any, cast
from uuid import UUID

from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import Mapper, MapperDeserialisationError, StoredEvent
from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from patientmgmt.domain.events import EVENT_NAMES
from patientmgmt.domain.patient import PatientSnapshot

_NAMES: dict[type[Any], str] = {**EVENT_NAMES, PatientSnapshot: "PatientSnapshot"}
_ADAPTERS: dict[str, TypeAdapter[Any]] = {name: TypeAdapter(cls) for cls, name in _NAMES.items()}


class PatientMapper(Mapper[UUID]):
    """Maps patient events to and from stored events, through the cipher and compressor if any."""

    def to_stored_event(self, domain_event: DomainEventProtocol[UUID]) -> StoredEvent:
        """Return the event as it is stored; its state is UTF-8 JSON unless encoded further."""
        topic = _NAMES[type(domain_event)]
        values = _ADAPTERS[topic].dump_python(domain_event, mode="json")
        values.pop("originator_version")
        body = {"id": values.pop("originator_id"), **values}
        state = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        if self.compressor:
            state = self.compressor.compress(state)
        if self.cipher:
            state = self.cipher.encrypt(state)
        return StoredEvent(
            originator_id=domain_event.originator_id,
            originator_version=domain_event.originator_version,
            topic=topic,
            state=state,
        )

    def to_payload(self, stored_event: StoredEvent) -> dict[str, Any]:
        """Return the JSON object in the event's state.

        :raises MapperDeserialisationError: when the state is not the JSON object it should be.
        """
        state = stored_event.state
        try:
            if self.cipher:
                state = self.cipher.decrypt(state)
            if self.compressor:
                state = self.compressor.decompress(state)
            # Unlike json.loads, this refuses lone surrogates, which nothing can encode again.
            payload = from_json(state)
        except Exception as e:
            raise _unreadable(stored_event, e) from e
        if not isinstance(payload, dict):
            raise _unreadable(
                stored_event, f"expected a JSON object, found {type(payload).__name__}"
            )
        return payload

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[UUID]:
        """Return the domain event.

        :raises MapperDeserialisationError: when the name is unknown, or a value missing or wrong.
        """
        adapter = _ADAPTERS.get(stored_event.topic)
        if adapter is None:
            raise _unreadable(stored_event, f"the names known here are {', '.join(_ADAPTERS)}")
        values = self.to_payload(stored_event)
        values["originator_id"] = stored_event.originator_id
        values["originator_version"] = stored_event.originator_version
        try:
            return cast("DomainEventProtocol[UUID]", adapter.validate_python(values))
        except ValidationError as e:
            raise _unreadable(stored_event, _reasons(e)) from None


def _reasons(error: ValidationError) -> str:
    # Without the values: they are about a person, and error messages end in logs.
    return "; ".join(
        f"{'.'.join(map(str, reason['loc']))}: {reason['msg']}" for reason in error.errors()
    )


def _unreadable(stored_event: StoredEvent, reason: object) -> MapperDeserialisationError:
    return MapperDeserialisationError(
        f"Event {stored_event.originator_version} of patient {stored_event.originator_id}, stored "
        f"as {stored_event.topic!r}, cannot be read: {reason}."
    )
