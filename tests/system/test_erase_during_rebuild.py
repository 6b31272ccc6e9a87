"""A patient is erased while a read model is made anew, at the worst moment."""

from typing import Any

import pytest

from eventstore_cassandra.operations import finish
from patientmgmt import erasing
from patientmgmt.erasing import erase_patient
from patientmgmt.runtime import MODELS, open_runtime
from projections.erasing import erase_aggregate
from projections.generations import Generations
from projections.projection import Projection
from tests.store.projections.rows import NOWHERE, shown
from tests.system.test_erase_command import admit


def test_a_rebuild_that_began_before_the_events_were_gone_does_not_show_the_patient(
    cassandra_env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_runtime(cassandra_env) as runtime:
        patient_id = admit(runtime, "AA", "BB")
        runtime.worker().catch_up()
        generations, model = Generations(runtime.database), MODELS["ward_board"]

        def erase_and_let_a_rebuild_begin(*args: Any) -> None:
            erase_aggregate(*args)
            if len(generations.all(model)) == 1:
                begun = generations.begin(model)
                Projection(begun, runtime.feed, runtime.database, runtime.decode).catch_up()

        monkeypatch.setattr(erasing, "erase_aggregate", erase_and_let_a_rebuild_begin)
        finish(erase_patient(runtime, str(patient_id), write=True))
        assert generations.switch(generations.begin(model))
    with open_runtime(cassandra_env) as runtime:
        assert shown(runtime.queries, patient_id) == NOWHERE
