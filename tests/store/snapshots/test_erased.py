"""Of an aggregate that is erased no snapshot is loaded, and none stays."""

from collections import deque
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from cassandra import OperationTimedOut
from cassandra.query import BatchStatement
from eventsourcing.persistence import ProgrammingError, StoredEvent

from eventstore_cassandra import CassandraDatastore, CassandraSnapshotRecorder, Settings
from eventstore_cassandra.operations import erase
from tests.store.snapshots.wards import Wards, cql, told


def test_a_snapshot_of_an_erased_aggregate_is_neither_loaded_nor_taken(
    wards: Wards, ward_id: UUID, datastore: CassandraDatastore, caplog: pytest.LogCaptureFixture
) -> None:
    erase = "UPDATE {keyspace}.events SET erased = toTimestamp(now()) WHERE id = ?"
    cql(datastore, erase, ward_id)
    assert wards.snapshot_versions(ward_id) == []
    assert "the aggregate is erased" in told(caplog)[0]
    with pytest.raises(ProgrammingError, match="it is erased"):
        CassandraSnapshotRecorder(datastore).insert_events([StoredEvent(ward_id, 5, "T", b"{}")])
    with pytest.raises(ProgrammingError, match="it is erased"):
        CassandraSnapshotRecorder(datastore).insert_events([StoredEvent(ward_id, 99, "T", b"{}")])


class ErasingMeanwhile(CassandraDatastore):
    """Has an aggregate erased just before, or just after, its snapshot is inserted."""

    def __init__(self, settings: Settings, moment: str, eraser: CassandraDatastore) -> None:
        super().__init__(settings)
        self._moment = moment
        self._eraser = eraser
        self.aggregate: UUID | None = None

    def execute(self, statement: Any, profile: str | None = None) -> Any:
        is_insert = isinstance(statement, BatchStatement)
        if is_insert and self._moment == "before":
            self._erase()
        answer = super().execute(statement, profile)
        if is_insert and self._moment == "after":
            self._erase()
        return answer

    def _erase(self) -> None:
        if self.aggregate:
            deque(erase(self._eraser, self.aggregate, write=True), maxlen=0)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("version", [5, 99])
def test_a_snapshot_that_is_taken_while_its_aggregate_is_erased_does_not_stay(
    ward_id: UUID, datastore: CassandraDatastore, moment: str, version: int
) -> None:
    erasing = ErasingMeanwhile(datastore.settings, moment, datastore)
    recorder = CassandraSnapshotRecorder(erasing)
    erasing.aggregate = ward_id
    with pytest.raises(ProgrammingError, match="it is erased"):
        recorder.insert_events([StoredEvent(ward_id, version, "T", b"{}")])
    assert list(recorder.select_events(ward_id)) == []
    erasing.close()


class LateInsert(CassandraDatastore):
    """No insert is answered; the last one arrives after the aggregate was erased meanwhile."""

    eraser: CassandraDatastore
    aggregate: UUID | None = None

    def execute(self, statement: Any, profile: str | None = None) -> Any:
        if not isinstance(statement, BatchStatement) or self.aggregate is None:
            return super().execute(statement, profile)
        deque(erase(self.eraser, self.aggregate, write=True), maxlen=0)
        super().execute(statement, profile)
        raise OperationTimedOut("late")


def test_a_snapshot_whose_insert_was_not_answered_does_not_stay_of_an_erased_aggregate(
    ward_id: UUID, datastore: CassandraDatastore
) -> None:
    late = LateInsert(replace(datastore.settings, append_attempts=1))
    recorder = CassandraSnapshotRecorder(late)
    late.eraser, late.aggregate = datastore, ward_id
    with pytest.raises(ProgrammingError, match="it is erased"):
        recorder.insert_events([StoredEvent(ward_id, 5, "T", b"{}")])
    assert list(recorder.select_events(ward_id)) == []
    late.close()
