"""Programs of the original, which know its three methods and no status codes."""

import json
from typing import Any
from uuid import uuid4

from patientmgmt.application import PatientManagement
from patientmgmt.domain.commands import AdmitPatient, TransferPatient
from patientmgmt.runtime import open_runtime
from tests.services.store.serving import Server

ADMITTED, TRANSFERRED = 1, 2


def admission(name: str = "Ada Marsh", ward: str = "AA") -> dict[str, Any]:
    return {"type": ADMITTED, "payload": json.dumps({"name": name, "age": 34, "ward": ward})}


def test_the_three_methods_as_the_original_answers_them(server: Server) -> None:
    id_ = str(uuid4())
    first = admission() | {"payload": json.dumps({"id": id_, "name": "Ada", "age": 3, "ward": "A"})}

    written = server.old("Update", id=id_, version=0, events=[first])
    found = server.old("FindByID", id=id_)

    assert (written.success, written.error) == (True, "")
    assert (found.success, found.error) == (True, "")
    [event] = found.events
    assert (event.id, event.type, event.payload) == (id_, ADMITTED, first["payload"])
    assert found.latest == event.savetime > 1_700_000_000_000
    by_type = server.old("FindByType", type=ADMITTED, since=event.savetime - 1, batchSize=100)
    assert event in by_type.events
    after = server.old("FindByType", type=ADMITTED, since=by_type.latest, batchSize=100)
    assert event not in after.events


def test_errors_are_in_the_response(server: Server) -> None:
    id_ = str(uuid4())
    server.old("Update", id=id_, version=0, events=[admission()])

    conflict = server.old("Update", id=id_, version=0, events=[admission()])
    bad_id = server.old("FindByID", id="nobody")
    unknown = server.old("FindByType", type=77)

    assert (conflict.success, bad_id.success, unknown.success) == (False, False, False)
    assert "at no events, found it at version 1" in conflict.error
    assert "as a UUID, found 'nobody'" in bad_id.error
    assert "1 (PatientAdmitted)" in unknown.error


def test_nobody_is_not_an_error(server: Server) -> None:
    found = server.old("FindByID", id=str(uuid4()))

    assert (found.success, found.error, list(found.events), found.latest) == (True, "", [], 0)


def test_a_patient_of_an_old_program_is_a_patient_of_the_application(
    server: Server, shared_cassandra_env: dict[str, str]
) -> None:
    id_ = uuid4()
    payload = json.dumps({"id": str(id_), "name": "Ada Marsh", "age": 34, "ward": "AA"})
    server.old("Update", id=str(id_), version=0, events=[{"type": 1, "payload": payload}])

    with open_runtime(shared_cassandra_env) as runtime:
        application = runtime.application
        log = application.recorder.select_notifications(1, 100_000)
        assert id_ in {each.originator_id for each in log}
        accepted = application.transfer(TransferPatient(patient_id=id_, ward="BB"))
        assert accepted.version == 2
        runtime.worker().catch_up()
        wards = {ward.name: ward.patients for ward in runtime.queries.board.wards()}
        assert id_ in {row.patient_id for row in wards["BB"]}


def test_a_patient_of_the_application_is_found_by_an_old_program(
    server: Server, shared_cassandra_env: dict[str, str]
) -> None:
    with PatientManagement(shared_cassandra_env) as application:
        accepted = application.admit(AdmitPatient(name="Bo Lind", age=29, ward="AA"))

    [event] = server.old("FindByID", id=str(accepted.patient_id)).events

    assert event.type == ADMITTED
    assert json.loads(event.payload)["name"] == "Bo Lind"


def test_who_polls_by_milliseconds_loses_nothing_that_a_page_cuts(server: Server) -> None:
    """Some appends of many events, most of which are saved within one millisecond."""
    ids = [str(uuid4()) for _ in range(6)]
    begin = server.old("FindByType", type=TRANSFERRED, since=0, batchSize=2**31 - 1).latest
    for id_ in ids:
        moves = [{"type": TRANSFERRED, "payload": f'{{"new_ward": "{n}"}}'} for n in range(40)]
        answer = server.old("Update", id=id_, version=0, events=[admission(), *moves])
        assert answer.success

    for batch_size in (1, 7, 40, 100, 0):
        found, since = [], begin
        while events := server.old(
            "FindByType", type=TRANSFERRED, since=since, batchSize=batch_size
        ):
            if not events.events:
                break
            found += [(event.id, event.payload) for event in events.events]
            since = events.latest
        assert len(found) == len(set(found)) == 240, batch_size
