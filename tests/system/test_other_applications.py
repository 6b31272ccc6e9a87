"""Events of other applications in the store: they disturb nobody, and stop nothing."""

import json
from collections.abc import Sequence
from uuid import UUID, uuid4

from eventsourcing.persistence import StoredEvent

from eventstore_cassandra import CassandraApplicationRecorder
from patientmgmt.domain.commands import AdmitPatient, TransferPatient
from patientmgmt.runtime import MODELS, Runtime, open_runtime
from patientmgmt.web import create_app
from projections.generations import Generations
from projections.parking import Parking
from projections.projection import Projection
from projections.sweeping import Sweeper, last_sweep
from tests.system.test_commands import Env
from tests.system.test_projection_faults import is_right

BY_HAND = (
    "BEGIN BATCH UPDATE {keyspace}.events SET current_version = %(version)s WHERE id = %(id)s"
    " IF current_version = %(before)s; INSERT INTO {keyspace}.events"
    " (id, version, type, payload, savetime) VALUES"
    " (%(id)s, %(version)s, %(type)s, %(payload)s, toTimestamp(now())); APPLY BATCH"
)


def write_by_hand(runtime: Runtime, id_: UUID, version: int, type_: int, payload: str) -> None:
    recorder = runtime.application.recorder
    assert isinstance(recorder, CassandraApplicationRecorder)
    values = {"id": id_, "version": version, "type": type_, "payload": payload}
    values["before"] = version - 1 or None
    recorder.datastore.session.execute(recorder.datastore.in_keyspace(BY_HAND), values)


def sweep(runtime: Runtime) -> None:
    """Sweep all read models once, to the end."""
    for model in MODELS.values():
        live = Generations(runtime.database).live(model)
        projection = Projection(live, runtime.feed, runtime.database, runtime.decode)
        projection.catch_up()
        sweeper = Sweeper(projection, runtime.database, runtime.truth)
        while not (
            (last := last_sweep(runtime.database.records, live, projection.shard)) and last.ended
        ):
            sweeper.step()


def parked(runtime: Runtime) -> Sequence[UUID]:
    found: list[UUID] = []
    for model in MODELS.values():
        parking = Parking(runtime.database, Generations(runtime.database).live(model))
        found += [each.aggregate_id for each in parking.all()]
    return found


def test_a_type_that_nobody_registered_stops_its_patient_and_nobody_else(
    cassandra_env: Env,
) -> None:
    with open_runtime(cassandra_env) as runtime:
        odd = runtime.application.admit(AdmitPatient(name="Ada Marsh", age=34, ward="AA"))
        write_by_hand(runtime, odd.patient_id, 2, 45, "{}")
        move = json.dumps({"id": str(odd.patient_id), "new_ward": "BB"})
        write_by_hand(runtime, odd.patient_id, 3, 2, move)
        other = runtime.application.admit(AdmitPatient(name="Bo Lind", age=29, ward="AA"))

        runtime.worker().catch_up()
        sweep(runtime)

        [ward] = runtime.queries.board.wards()
        assert {row.patient_id for row in ward.patients} == {odd.patient_id, other.patient_id}
        assert set(parked(runtime)) == {odd.patient_id}
        app = create_app(runtime.application, runtime.queries, {"SECRET_KEY": "test"})
        answer = app.test_client().get(f"/api/patients/{odd.patient_id}")
        assert answer.status_code == 500
        assert answer.json is not None
        assert answer.json["type"].endswith("unreadable-event")
        assert "unregistered event type 45" in answer.json["detail"]

        recorder = runtime.application.recorder
        assert isinstance(recorder, CassandraApplicationRecorder)
        recorder.register_event_types({"Weighed": 45})
        accepted = runtime.application.transfer(
            TransferPatient(patient_id=other.patient_id, ward="BB")
        )
        assert accepted.version == 2


def test_aggregates_that_are_no_patients_are_nothing_to_the_read_models(
    cassandra_env: Env,
) -> None:
    with open_runtime(cassandra_env) as runtime:
        recorder = runtime.application.recorder
        runtime.application.admit(AdmitPatient(name="Ada Marsh", age=34, ward="AA"))
        for _ in range(3):
            bed = uuid4()
            recorder.insert_events([StoredEvent(bed, n, "BedMade", b"{}") for n in (1, 2)])
        write_by_hand(runtime, uuid4(), 1, 45, "{}")

        runtime.worker().catch_up()
        sweep(runtime)

        assert parked(runtime) == []
        assert is_right(runtime)
