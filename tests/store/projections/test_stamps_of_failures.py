"""Rows that were written before something failed are noticed by pages as well."""

from typing import Any
from uuid import uuid4

import pytest
from eventsourcing.popo import POPOApplicationRecorder

from projections.errors import ReadModelsUnavailableError
from projections.feeds.log import LogFeed
from projections.feeds.type_view import TypeViewFeed
from projections.generations import Generations
from projections.sqlite import SQLiteDatabase
from projections.stamps import stamp
from read_models import patient_list
from read_models.patient_events import TOPICS
from tests.store.projections.comparing import Hospital
from tests.store.projections.projecting import Misbehaving, projection
from tests.store.projections.rows import versions
from tests.unit.projections.events import admitted


def stamped(database: SQLiteDatabase) -> str:
    return stamp(database.records, Generations(database).live(patient_list.MODEL))


def write_and_fail(carry_out: Any, changes: Any) -> None:
    carry_out(changes)
    raise ReadModelsUnavailableError("A node did not answer.")


def test_who_shows_again_and_fails_leaves_a_stamp(sqlite_database: SQLiteDatabase) -> None:
    log, patient_id = POPOApplicationRecorder(), uuid4()
    log.insert_events([admitted(patient_id)])
    failing: Any = Misbehaving(sqlite_database, carry_out=write_and_fail)
    before = stamped(sqlite_database)
    with pytest.raises(ReadModelsUnavailableError, match="did not answer"):
        projection(failing, LogFeed(log, TOPICS)).show_again([patient_id])
    assert versions(sqlite_database, patient_id) == [1]
    assert stamped(sqlite_database) != before


def test_if_that_fails_too_the_next_step_leaves_it(sqlite_database: SQLiteDatabase) -> None:
    hospital, patient_id, away = Hospital(), uuid4(), list[bool]()
    hospital.append(admitted(patient_id))  # which the view does not show

    def save(original: Any, *args: Any, **kwargs: Any) -> None:
        if away:
            raise ReadModelsUnavailableError("No node answers.")
        original(*args, **kwargs)

    failing: Any = Misbehaving(sqlite_database, save=save)
    follower = projection(failing, TypeViewFeed(hospital.view, TOPICS))
    follower.catch_up()
    before = stamped(sqlite_database)
    away.append(True)
    with pytest.raises(ReadModelsUnavailableError, match="No node answers"):
        follower.show_again([patient_id])
    assert versions(sqlite_database, patient_id) == [1]
    assert stamped(sqlite_database) == before
    away.clear()
    follower.step()
    assert stamped(sqlite_database) != before
