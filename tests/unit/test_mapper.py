"""Stored events are a contract with programs in other languages."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from eventsourcing.cipher import AESCipher
from eventsourcing.compressor import ZlibCompressor
from eventsourcing.persistence import JSONTranscoder, MapperDeserialisationError, StoredEvent
from eventsourcing.utils import Environment

from patientmgmt.domain.events import (
    EVENT_NAMES,
    EVENT_TYPES,
    PatientAdmitted,
    PatientDischarged,
    PatientEvent,
    PatientTransferred,
)
from patientmgmt.domain.patient import Patient, PatientSnapshot
from patientmgmt.mapper import PatientMapper

PATIENT = UUID("6f9619ff-8b86-4d01-b42d-00c04fc964ff")
MORNING = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)

ADMITTED = PatientAdmitted(
    originator_id=PATIENT,
    originator_version=1,
    recorded_at=MORNING,
    name="Zoë Núñez",
    ward="AA",
    age=34,
)
TRANSFERRED = PatientTransferred(
    originator_id=PATIENT, originator_version=2, recorded_at=MORNING, new_ward="BB"
)
DISCHARGED = PatientDischarged(originator_id=PATIENT, originator_version=3, recorded_at=MORNING)
EVENTS = [ADMITTED, TRANSFERRED, DISCHARGED]
STAYING = Patient(id=PATIENT, version=2, name="Zoë Núñez", age=34, ward="BB", admitted_at=MORNING)


@pytest.fixture
def mapper() -> PatientMapper:
    return PatientMapper(JSONTranscoder())


def encrypting_mapper() -> PatientMapper:
    environment = Environment(env={"CIPHER_KEY": AESCipher.create_key(32)})
    return PatientMapper(JSONTranscoder(), ZlibCompressor(), AESCipher(environment))


def stored(topic: str, state: str | bytes, version: int = 1) -> StoredEvent:
    return StoredEvent(
        originator_id=PATIENT,
        originator_version=version,
        topic=topic,
        state=state.encode() if isinstance(state, str) else state,
    )


@pytest.mark.parametrize(
    ("event", "name", "type_", "payload"),
    [
        (
            ADMITTED,
            "PatientAdmitted",
            1,
            {"id": str(PATIENT), "name": "Zoë Núñez", "ward": "AA", "age": 34},
        ),
        (TRANSFERRED, "PatientTransferred", 2, {"id": str(PATIENT), "new_ward": "BB"}),
        (DISCHARGED, "PatientDischarged", 3, {"id": str(PATIENT)}),
    ],
)
def test_an_event_has_the_original_name_type_and_keys_and_the_time_beside_them(
    mapper: PatientMapper, event: PatientEvent, name: str, type_: int, payload: dict[str, object]
) -> None:
    row = mapper.to_stored_event(event)
    assert row.topic == name
    assert EVENT_TYPES[name] == type_
    assert json.loads(row.state) == payload | {"recorded_at": "2026-03-01T08:30:00Z"}


def test_the_id_comes_first_and_the_text_is_readable_as_it_stands(mapper: PatientMapper) -> None:
    text = mapper.to_stored_event(ADMITTED).state.decode("utf-8")
    assert text.startswith(f'{{"id":"{PATIENT}","')
    assert '"name":"Zoë Núñez"' in text


def test_every_event_class_has_a_stored_name_and_a_type_of_its_own() -> None:
    assert set(EVENT_NAMES) == set(PatientEvent.__subclasses__())
    assert set(EVENT_NAMES.values()) == set(EVENT_TYPES)
    assert len(set(EVENT_TYPES.values())) == len(EVENT_TYPES)


@pytest.mark.parametrize("event", EVENTS)
def test_an_event_is_read_as_it_was_written(mapper: PatientMapper, event: PatientEvent) -> None:
    assert mapper.to_domain_event(mapper.to_stored_event(event)) == event


@pytest.mark.parametrize("event", EVENTS)
def test_an_event_of_another_program_says_no_time(
    mapper: PatientMapper, event: PatientEvent
) -> None:
    row = mapper.to_stored_event(event)
    payload = json.loads(row.state)
    del payload["recorded_at"]
    assert mapper.to_domain_event(
        stored(row.topic, json.dumps(payload), event.originator_version)
    ) == replace(event, recorded_at=None)


@pytest.mark.parametrize("event", EVENTS)
def test_keys_of_other_programs_are_passed_over(mapper: PatientMapper, event: PatientEvent) -> None:
    row = mapper.to_stored_event(event)
    payload = {"recorded_by": "kiosk 7", **json.loads(row.state), "originator_version": 99}
    assert (
        mapper.to_domain_event(stored(row.topic, json.dumps(payload), event.originator_version))
        == event
    )


@pytest.mark.parametrize("age", [0, 151, -1])
def test_an_age_is_read_as_recorded_even_where_a_command_would_refuse_it(
    mapper: PatientMapper, age: int
) -> None:
    event = mapper.to_domain_event(
        stored("PatientAdmitted", f'{{"id": "{PATIENT}", "name": " ", "ward": "", "age": {age}}}')
    )
    assert event == PatientAdmitted(
        originator_id=PATIENT, originator_version=1, name=" ", ward="", age=age
    )


def test_whitespace_order_and_escapes_of_other_json_writers_do_not_matter(
    mapper: PatientMapper,
) -> None:
    row = stored(
        "PatientAdmitted",
        ' {\n"age" : 34, "ward": "AA", "name": "Zo\\u00eb N\\u00fa\\u00f1ez",\t"id": "x"} ',
    )
    assert mapper.to_domain_event(row) == replace(ADMITTED, recorded_at=None)


@pytest.mark.parametrize("event", EVENTS)
def test_compressed_and_encrypted_events_are_read_as_they_were_written(
    event: PatientEvent,
) -> None:
    mapper = encrypting_mapper()
    row = mapper.to_stored_event(event)
    assert str(PATIENT).encode() not in row.state
    assert mapper.to_domain_event(row) == event
    assert mapper.to_payload(row)["id"] == str(PATIENT)


@pytest.mark.parametrize("state", [STAYING, replace(STAYING, ward=None, admitted_at=None)])
@pytest.mark.parametrize("mapper", [PatientMapper(JSONTranscoder()), encrypting_mapper()])
def test_a_snapshot_is_read_as_it_was_taken_with_ids_and_times_of_their_own_types(
    mapper: PatientMapper, state: Patient
) -> None:
    snapshot = PatientSnapshot.take(state)
    row = mapper.to_stored_event(snapshot)
    assert row.topic == "PatientSnapshot"
    assert mapper.to_domain_event(row) == snapshot


@pytest.mark.parametrize(
    ("topic", "state", "reason"),
    [
        ("PatientAdmitted", b"", "EOF while parsing"),
        ("PatientAdmitted", b'{"name": "Zo\xeb"}', "invalid unicode"),
        ("PatientAdmitted", "{", "EOF while parsing an object"),
        ("PatientAdmitted", "[" * 100_000, "recursion"),
        ("PatientAdmitted", "[1]", "expected a JSON object, found list"),
        ("PatientAdmitted", "null", "expected a JSON object, found NoneType"),
        ("PatientAdmitted", '{"name": "Ada", "ward": "AA"}', "age: Field required"),
        ("PatientAdmitted", '{"name": "Ada", "ward": "AA", "age": "old"}', "age: .*integer"),
        ("PatientAdmitted", '{"name": 7, "ward": null, "age": 1}', "name: .*string; ward: .*str"),
        ("PatientAdmitted", '{"name": "\\ud800", "ward": "AA", "age": 1}', "hex escape"),
        ("PatientTransferred", '{"ward": "BB"}', "new_ward: Field required"),
        ("PatientDischarged", '{"recorded_at": "yesterday"}', "recorded_at: .*datetime"),
        ("PatientSnapshot", '{"state": {"name": "Ada"}}', "state.id: Field required"),
        ("PatientBorn", "{}", "the names known here are PatientAdmitted, PatientTransferred"),
    ],
)
def test_an_unreadable_event_is_named_with_its_patient_version_and_the_reason(
    mapper: PatientMapper, topic: str, state: str | bytes, reason: str
) -> None:
    with pytest.raises(
        MapperDeserialisationError,
        match=rf"^Event 7 of patient {PATIENT}, stored as '{topic}', cannot be read: .*{reason}",
    ):
        mapper.to_domain_event(stored(topic, state, version=7))


def test_an_event_in_clear_is_unreadable_where_encrypted_ones_are_expected(
    mapper: PatientMapper,
) -> None:
    row = mapper.to_stored_event(TRANSFERRED)
    with pytest.raises(MapperDeserialisationError, match=f"Event 2 of patient {PATIENT}"):
        encrypting_mapper().to_domain_event(row)


def test_what_is_wrong_with_an_event_is_told_without_the_patient_s_data(
    mapper: PatientMapper,
) -> None:
    row = stored("PatientAdmitted", '{"name": "Zoë Núñez", "ward": "AA", "age": "forty"}')
    with pytest.raises(MapperDeserialisationError) as error:
        mapper.to_domain_event(row)
    assert "Zoë" not in str(error.value)
    assert "forty" not in str(error.value)
    assert "\n" not in str(error.value)
    assert error.value.__suppress_context__
