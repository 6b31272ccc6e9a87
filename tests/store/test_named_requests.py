"""The same request of a client, made again: its events are written once, and it is told so."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from cassandra import OperationTimedOut
from eventsourcing.persistence import StoredEvent

from eventstore_cassandra import (
    AggregateErasedError,
    CassandraApplicationRecorder,
    CassandraDatastore,
    ConflictError,
    Settings,
    UnknownOutcomeError,
)
from eventstore_cassandra.operations import erase
from eventstore_cassandra.profiles import SERIAL_READ


@pytest.fixture(params=["yes", "no"])
def recorder(
    request: pytest.FixtureRequest, empty_datastore: CassandraDatastore
) -> Iterator[CassandraApplicationRecorder]:
    """With a notification log, and without one."""
    has_log = request.param == "yes"
    datastore = CassandraDatastore(replace(empty_datastore.settings, notification_log=has_log))
    yield CassandraApplicationRecorder(datastore)
    datastore.close()


def events(aggregate: UUID, *versions: int, state: bytes = b"{}") -> list[StoredEvent]:
    return [StoredEvent(aggregate, version, "Happened", state) for version in versions]


def positions(recorder: CassandraApplicationRecorder, aggregate: UUID) -> list[int]:
    """Return the versions that the log has of an aggregate, in the log's order."""
    found = recorder.select_notifications(1, 1000)
    return [each.originator_version for each in found if each.originator_id == aggregate]


def test_a_request_that_is_made_again_is_carried_out_once(
    recorder: CassandraApplicationRecorder,
) -> None:
    aggregate = uuid4()
    for versions in ((1, 2), (3,)):
        for _ in range(3):
            recorder.insert_events(events(aggregate, *versions), request=f"to {versions[-1]}")

    assert [e.originator_version for e in recorder.select_events(aggregate)] == [1, 2, 3]
    if recorder.datastore.settings.notification_log:
        assert positions(recorder, aggregate) == [1, 2, 3]


def test_it_is_known_long_after_others_have_appended(
    recorder: CassandraApplicationRecorder,
) -> None:
    aggregate = uuid4()
    recorder.insert_events(events(aggregate, 1), request="the first")
    for version in range(2, 20):
        recorder.insert_events(events(aggregate, version))

    recorder.insert_events(events(aggregate, 1), request="the first")

    assert len(recorder.select_events(aggregate)) == 19


def test_another_request_conflicts_and_is_told_both_versions(
    recorder: CassandraApplicationRecorder,
) -> None:
    aggregate = uuid4()
    recorder.insert_events(events(aggregate, 1, 2), request="mine")

    for request in (None, "another's"):
        with pytest.raises(ConflictError) as conflict:
            recorder.insert_events(events(aggregate, 2), request=request)
        assert (conflict.value.expected, conflict.value.actual) == (1, 2)
    with pytest.raises(ConflictError) as conflict:
        recorder.insert_events(events(uuid4(), 5), request="mine")
    assert (conflict.value.expected, conflict.value.actual) == (4, None)


def test_the_same_name_with_other_contents_is_another_request(
    recorder: CassandraApplicationRecorder,
) -> None:
    aggregate = uuid4()
    recorder.insert_events(events(aggregate, 1), request="mine")

    with pytest.raises(ConflictError):
        recorder.insert_events(events(aggregate, 1, state=b"[]"), request="mine")


def test_a_request_that_is_made_many_times_at_once_is_carried_out_once(
    recorder: CassandraApplicationRecorder,
) -> None:
    aggregates = [uuid4() for _ in range(10)]
    with ThreadPoolExecutor(16) as pool:
        for aggregate in aggregates:
            for version in (1, 2):
                made = [
                    pool.submit(
                        recorder.insert_events, events(aggregate, version), request=str(version)
                    )
                    for _ in range(8)
                ]
                for each in made:
                    each.result()

    for aggregate in aggregates:
        assert [e.originator_version for e in recorder.select_events(aggregate)] == [1, 2]
        if recorder.datastore.settings.notification_log:
            assert positions(recorder, aggregate) == [1, 2]


def test_a_stream_that_begins_at_0_is_known_again(recorder: CassandraApplicationRecorder) -> None:
    aggregate = uuid4()
    for version in (0, 1):
        for _ in range(2):
            recorder.insert_events(events(aggregate, version), request=str(version))

    assert [e.originator_version for e in recorder.select_events(aggregate)] == [0, 1]


def test_what_was_carried_out_before_the_aggregate_was_erased_was_carried_out(
    recorder: CassandraApplicationRecorder,
) -> None:
    aggregate = uuid4()
    recorder.insert_events(events(aggregate, 1), request="mine")
    list(erase(recorder.datastore, aggregate, write=True))

    recorder.insert_events(events(aggregate, 1), request="mine")

    assert recorder.select_events(aggregate) == []
    with pytest.raises(AggregateErasedError):
        recorder.insert_events(events(aggregate, 2), request="mine")


class BlindDatastore(CassandraDatastore):
    """Answers no serial read while it is told not to."""

    is_blind = False

    def execute(self, statement: object, profile: str | None = None) -> object:
        if self.is_blind and profile == SERIAL_READ:
            raise OperationTimedOut("no answer in time")
        return super().execute(statement, profile)


def test_it_is_never_said_that_nothing_was_written_before_it_was_looked_for(
    settings: Settings,
) -> None:
    datastore = BlindDatastore(settings)
    recorder, aggregate = CassandraApplicationRecorder(datastore), uuid4()
    recorder.insert_events(events(aggregate, 1), request="mine")
    datastore.is_blind = True

    with pytest.raises(UnknownOutcomeError, match="It is not known whether"):
        recorder.insert_events(events(aggregate, 1), request="mine")
    datastore.close()


def test_rows_tell_when_they_were_saved(recorder: CassandraApplicationRecorder) -> None:
    aggregate = uuid4()
    recorder.insert_events(events(aggregate, 1, 2))
    recorder.insert_events(events(aggregate, 3))

    rows = recorder.select_rows(aggregate, gt=1)

    assert [row.event for row in rows] == events(aggregate, 2, 3)
    places = [place for place, _ in recorder.select_events_by_type("Happened", gt=None, limit=10)]
    assert [(row.savetime, row.event.originator_version) for row in rows] == [
        place[:2] for place in places[1:]
    ]
    assert len(recorder.select_rows(aggregate, limit=1)) == 1
