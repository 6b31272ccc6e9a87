"""``patientmgmt store erase`` as an operator meets it, and what becomes of a patient."""

from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import UUID, uuid4

import pytest
from eventsourcing.cipher import AESCipher
from eventsourcing.persistence import NotSupportedError

from eventstore_cassandra.operations import finish
from patientmgmt.domain.commands import AdmitPatient, TransferPatient
from patientmgmt.erasing import erase_patient
from patientmgmt.runtime import Runtime, open_runtime
from projections.database import Database, Generation, Tables
from projections.errors import ReadModelsUnavailableError
from projections.generations import KIND
from tests.store.projections.rows import Shown, shown
from tests.store.projections.waiting import wait_until
from tests.system.test_commands import Env, finished

ENCODED = {
    "COMPRESSOR_TOPIC": "eventsourcing.compressor:ZlibCompressor",
    "CIPHER_TOPIC": "eventsourcing.cipher:AESCipher",
    "CIPHER_KEY": AESCipher.create_key(32),
}
NOWHERE = Shown(None, [], [])


def admit(runtime: Runtime, *wards: str, name: str = "Ida Moe") -> UUID:
    first, *others = wards
    patient_id = runtime.application.admit(AdmitPatient(name=name, age=40, ward=first)).patient_id
    for ward in others:
        runtime.application.transfer(TransferPatient(patient_id=patient_id, ward=ward))
    return patient_id


@pytest.mark.parametrize("settings", [{}, ENCODED], ids=["plain", "encoded"])
def test_a_patient_is_erased_for_good(cassandra_env: Env, settings: Env) -> None:
    env = cassandra_env | settings
    with open_runtime(env) as runtime:
        patient_id, other = admit(runtime, "AA", "BB"), admit(runtime, "BB", name="Bo Lund")
        runtime.worker().catch_up()

        code, output = finished(env, "store", "erase", str(patient_id))
        assert code == 0, output
        assert "\n       2 events\n       2 events in the log" in output
        assert "Nothing was written." in output
        assert shown(runtime.queries, patient_id).patient is not None

        for found in (2, 0):
            code, output = finished(env, "store", "erase", str(patient_id), "--write")
            assert code == 0, output
            assert f"\n       {found} events\n       {found} events in the log" in output
            assert "The patient is erased since" in output
            assert shown(runtime.queries, patient_id) == NOWHERE
        runtime.worker().catch_up()
        assert shown(runtime.queries, patient_id) == NOWHERE
        assert shown(runtime.queries, other).patient is not None
        assert runtime.application.patient(other).name == "Bo Lund"
    code, output = finished(env, "store", "verify")
    assert code == 0, output
    assert "3 events of 2 aggregates (1 of them erased)" in output


def test_an_id_that_never_was_is_told(cassandra_env: Env) -> None:
    unknown = uuid4()
    for arguments in ([], ["--write"]):
        code, output = finished(cassandra_env, "store", "erase", str(unknown), *arguments)
        assert code == 1
        assert f"Expected something of {unknown} in the store, found nothing." in output
    code, output = finished(cassandra_env, "store", "erase", "somebody")
    assert code == 2
    assert "expected the id of a patient, a UUID, found 'somebody'" in output
    assert "Traceback" not in output


def test_workers_that_run_meanwhile_neither_wait_nor_bring_a_patient_back(
    cassandra_env: Env,
) -> None:
    with open_runtime(cassandra_env) as runtime:
        workers = [runtime.worker() for _ in range(2)]
        threads = [Thread(target=worker.run) for worker in workers]
        for thread in threads:
            thread.start()
        try:
            ids = [admit(runtime, "AA", "BB", "CC", "AA") for _ in range(8)]
            for patient_id in ids:
                finish(erase_patient(runtime, str(patient_id), write=True))
            last = admit(runtime, "CC", name="Bo Lund")
            wait_until(lambda: runtime.queries.patients.patient(last) is not None)
        finally:
            for worker in workers:
                worker.stop()
            for thread in threads:
                thread.join()
        runtime.worker().catch_up()
        assert [shown(runtime.queries, patient_id) for patient_id in ids] == [NOWHERE] * 8
        [ward] = runtime.queries.board.wards()
        assert [row.patient_id for row in ward.patients] == [last]
    assert finished(cassandra_env, "store", "verify")[0] == 0


class _OutOfReach:
    """Read models that fail when a patient is to be erased from them."""

    def __init__(self, database: Database) -> None:
        self.records = database.records

    def open(self, generation: Generation) -> Tables:
        raise ReadModelsUnavailableError("The read models' node is down.")


def test_read_models_that_were_out_of_reach_are_erased_when_it_is_run_again(
    cassandra_env: Env,
) -> None:
    with open_runtime(cassandra_env) as runtime:
        patient_id = admit(runtime, "AA", "BB")
        runtime.worker().catch_up()
        database: Any = _OutOfReach(runtime.database)
        down = replace(runtime, database=database)
        with pytest.raises(ReadModelsUnavailableError):
            finish(erase_patient(down, str(patient_id), write=True))
        assert shown(runtime.queries, patient_id) != NOWHERE
        finish(erase_patient(runtime, str(patient_id), write=True))
        assert shown(runtime.queries, patient_id) == NOWHERE


def test_where_other_code_has_made_a_read_model_nothing_is_erased_until_it_is_rebuilt(
    cassandra_env: Env,
) -> None:
    with open_runtime(cassandra_env) as runtime:
        patient_id, records = admit(runtime, "AA", "BB"), runtime.database.records
        runtime.worker().catch_up()
        made = records.load(KIND, "stays")
        assert made is not None
        older = made.replace('"version":1', '"version":99')
        assert records.replace(KIND, "stays", made, older)
        code, output = finished(cassandra_env, "store", "erase", str(patient_id), "--write")
        assert code == 1
        assert "Run `patientmgmt projections rebuild stays`. Then erase again" in output
        assert runtime.application.patient(patient_id).ward == "BB"
        code, output = finished(cassandra_env, "projections", "rebuild", "stays")
        assert code == 0, output
        code, output = finished(cassandra_env, "store", "erase", str(patient_id), "--write")
        assert code == 0, output
        wait_until(lambda: shown(runtime.queries, patient_id) == NOWHERE)


def test_a_store_that_is_not_on_cassandra_is_refused(tmp_path: Path) -> None:
    with (
        open_runtime({"PATIENTMGMT_DATA": str(tmp_path)}) as runtime,
        pytest.raises(NotSupportedError, match="on Cassandra"),
    ):
        erase_patient(runtime, str(uuid4()), write=True)
