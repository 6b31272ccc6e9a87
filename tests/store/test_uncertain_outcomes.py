"""Answers that are lost on a real server: an append neither conflicts with itself nor is lost."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from cassandra import OperationTimedOut, Unauthorized, WriteTimeout, WriteType
from cassandra.cluster import NoHostAvailable
from cassandra.connection import ConnectionShutdown
from cassandra.protocol import ErrorMessage
from eventsourcing.persistence import (
    IntegrityError,
    OperationalError,
    ProgrammingError,
    StoredEvent,
    Tracking,
)

from eventstore_cassandra import (
    CassandraAggregateRecorder,
    CassandraApplicationRecorder,
    CassandraDatastore,
    CassandraSnapshotRecorder,
    CassandraTrackingRecorder,
    CassandraViewRecorder,
    Settings,
    UnknownOutcomeError,
)
from eventstore_cassandra.profiles import APPEND
from tests.store.between_the_steps import HeldBetweenTheSteps

UNCERTAIN = [
    OperationTimedOut("no answer in time"),
    WriteTimeout("the replicas were slow", write_type=WriteType.CAS),
    ConnectionShutdown("the connection was closed"),
    ErrorMessage(0x1700, "CAS operation result is unknown", None),
]


class AView(CassandraViewRecorder):
    """A view without rows."""

    table, columns, key = "views_of_lost_answers", "name text", "name"


class FaultyDatastore(CassandraDatastore):
    """Loses the requests or the answers of the next conditional writes."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.faults: list[tuple[str, Exception]] = []
        self.before_retry: Callable[[], None] | None = None

    def execute(self, statement: object, profile: str | None = None) -> object:
        if profile != APPEND or not self.faults:
            return super().execute(statement, profile)
        what, error = self.faults.pop(0)
        if what == "answer":
            super().execute(statement, profile)
        if self.before_retry:
            self.before_retry()
        raise error


@pytest.fixture
def faulty(settings: Settings) -> Iterator[FaultyDatastore]:
    datastore = FaultyDatastore(settings)
    yield datastore
    datastore.close()


def event(aggregate: UUID, version: int, state: bytes = b"{}") -> StoredEvent:
    return StoredEvent(aggregate, version, "Happened", state)


@pytest.mark.parametrize("error", UNCERTAIN, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("lost", ["request", "answer"])
@pytest.mark.parametrize("version", [1, 2])
def test_a_lost_append_is_written_once_and_acknowledged(
    faulty: FaultyDatastore, lost: str, error: Exception, version: int
) -> None:
    recorder, aggregate = CassandraAggregateRecorder(faulty), uuid4()
    expected = [event(aggregate, v) for v in range(1, version + 1)]
    recorder.insert_events(expected[:-1])
    faulty.faults = [(lost, error), (lost, error)]
    recorder.insert_events(expected[-1:])
    assert not faulty.faults
    assert list(recorder.select_events(aggregate)) == expected


@pytest.mark.parametrize("lost", ["request", "answer"])
def test_the_outcome_is_true_when_others_append_before_the_retry(
    faulty: FaultyDatastore, lost: str
) -> None:
    mine, rival, aggregate = CassandraAggregateRecorder(faulty), uuid4(), uuid4()
    others = CassandraAggregateRecorder(faulty)
    mine.insert_events([event(aggregate, 1)])

    def interfere() -> None:
        faulty.before_retry = None
        last = others.select_events(aggregate, desc=True, limit=1)[0].originator_version
        others.insert_events([event(aggregate, last + 1, str(rival).encode())])

    faulty.faults, faulty.before_retry = [(lost, OperationTimedOut("no answer"))], interfere
    if lost == "answer":
        mine.insert_events([event(aggregate, 2, b'"mine"')])
    else:
        with pytest.raises(IntegrityError, match="at version 1, found it at version 2"):
            mine.insert_events([event(aggregate, 2, b'"mine"')])
    states = [stored.state for stored in mine.select_events(aggregate)]
    assert (b'"mine"' in states) is (lost == "answer")
    assert str(rival).encode() in states


@pytest.mark.parametrize(
    "error", [NoHostAvailable("nobody there", {}), Unauthorized("no right to write")]
)
def test_nobody_is_told_that_nothing_was_written_once_the_append_is_in_the_log(
    faulty: FaultyDatastore, error: Exception
) -> None:
    """Whoever believed it would repeat the command, and a reader of the log write the first."""
    recorder, aggregate = HeldBetweenTheSteps(faulty), uuid4()
    tries = faulty.settings.append_attempts
    recorder.meanwhile.append(lambda: faulty.faults.extend([("request", error)] * tries))
    with pytest.raises(UnknownOutcomeError, match="It is not known whether"):
        recorder.insert_events([event(aggregate, 1)])
    faulty.faults.clear()
    last = recorder.max_notification_id()
    assert last is not None
    (found,) = recorder.select_notifications(last, 1)
    assert found.originator_id == aggregate
    assert list(recorder.select_events(aggregate)) == [event(aggregate, 1)]


def test_an_append_in_the_log_is_tried_again_when_the_connection_comes_back(
    faulty: FaultyDatastore,
) -> None:
    recorder, aggregate = HeldBetweenTheSteps(faulty), uuid4()
    away = ("request", NoHostAvailable("nobody there", {}))
    recorder.meanwhile.append(lambda: faulty.faults.append(away))
    assert recorder.insert_events([event(aggregate, 1)])
    assert not faulty.faults
    assert list(recorder.select_events(aggregate)) == [event(aggregate, 1)]


def test_an_append_that_was_sent_before_its_connection_was_closed_may_be_written(
    faulty: FaultyDatastore, settings: Settings
) -> None:
    recorder, aggregate = CassandraAggregateRecorder(faulty), uuid4()
    recorder.insert_events([event(aggregate, 1)])
    faulty.faults, faulty.before_retry = [("answer", OperationTimedOut("late"))], faulty.close
    with pytest.raises(UnknownOutcomeError, match=r"is closed.* not known whether") as told:
        recorder.insert_events([event(aggregate, 2)])
    assert "Nothing was" not in str(told.value)
    datastore = CassandraDatastore(settings)
    assert len(CassandraAggregateRecorder(datastore).select_events(aggregate)) == 2
    datastore.close()


def test_an_append_in_the_log_is_unknown_once_its_connection_is_closed(
    faulty: FaultyDatastore,
) -> None:
    recorder, aggregate = HeldBetweenTheSteps(faulty), uuid4()
    recorder.meanwhile.append(faulty.close)
    with pytest.raises(UnknownOutcomeError, match=r"is closed.* not known whether"):
        recorder.insert_events([event(aggregate, 1)])


def test_nothing_is_written_through_a_connection_that_was_closed_before(
    faulty: FaultyDatastore,
) -> None:
    recorder = CassandraAggregateRecorder(faulty)
    faulty.close()
    with pytest.raises(ProgrammingError, match=r"is closed.*Nothing was written") as told:
        recorder.insert_events([event(uuid4(), 1)])
    assert not isinstance(told.value, UnknownOutcomeError)


@pytest.mark.parametrize("make", [CassandraTrackingRecorder, AView])
def test_a_view_of_a_closed_connection_does_not_wait_for_it(
    faulty: FaultyDatastore, make: type[CassandraTrackingRecorder]
) -> None:
    recorder = make(faulty)
    recorder.create_table()
    recorder.insert_tracking(Tracking("upstream", 1))
    faulty.faults, faulty.before_retry = [("answer", OperationTimedOut("late"))], faulty.close
    with pytest.raises(ProgrammingError, match="is closed"):
        recorder.insert_tracking(Tracking("upstream", 2))


def test_what_happened_is_counted(faulty: FaultyDatastore) -> None:
    recorder, aggregate = CassandraApplicationRecorder(faulty), uuid4()
    faulty.faults = [("answer", OperationTimedOut("no answer"))] * 2
    recorder.insert_events([event(aggregate, 1)])
    with pytest.raises(IntegrityError):
        recorder.insert_events([event(aggregate, 1)])
    counts = faulty.counters.values()
    assert (counts["appends"], counts["conflicts"], counts["uncertain_outcomes"]) == (1, 1, 2)


def test_slow_appends_and_conflicts_are_logged_with_their_ids(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    aggregate = uuid4()
    datastore = CassandraDatastore(replace(settings, slow_append=0.000001))
    with caplog.at_level("INFO", logger="eventstore_cassandra"):
        CassandraApplicationRecorder(datastore).insert_events([event(aggregate, 1)])
        with pytest.raises(IntegrityError):
            CassandraAggregateRecorder(datastore).insert_events([event(aggregate, 1)])
    datastore.close()
    assert datastore.counters.values()["slow_appends"] == 2
    told = [(record.levelname, record.msg.split()[2]) for record in caplog.records]
    assert told == [("WARNING", "took"), ("INFO", "was"), ("WARNING", "took")]
    for record in caplog.records:
        assert vars(record)["aggregate_id"] == str(aggregate)
        assert UUID(vars(record)["append_id"]).version == 4
        assert record.levelname == "INFO" or vars(record)["seconds"] > 0


def test_an_append_that_is_not_slow_is_not_logged(
    datastore: CassandraDatastore, caplog: pytest.LogCaptureFixture
) -> None:
    CassandraApplicationRecorder(datastore).insert_events([event(uuid4(), 1)])
    assert not [r for r in caplog.records if r.name.startswith("eventstore_cassandra")]


def test_an_outcome_that_stays_unknown_is_called_unknown(faulty: FaultyDatastore) -> None:
    recorder, aggregate = CassandraAggregateRecorder(faulty), uuid4()
    attempts = faulty.settings.append_attempts
    faulty.faults = [("answer", OperationTimedOut("no answer"))] * attempts
    with pytest.raises(UnknownOutcomeError, match="It is not known"):
        recorder.insert_events([event(aggregate, 1)])
    assert list(recorder.select_events(aggregate)) == [event(aggregate, 1)]


@pytest.mark.parametrize("lost", ["request", "answer"])
def test_a_place_in_the_log_that_stays_unknown_is_an_unknown_outcome(
    faulty: FaultyDatastore, lost: str
) -> None:
    recorder = CassandraApplicationRecorder(faulty)
    faulty.faults = [(lost, OperationTimedOut("no answer"))] * faulty.settings.append_attempts
    with pytest.raises(UnknownOutcomeError, match="It is not known"):
        recorder.insert_events([event(uuid4(), 1)])


@pytest.mark.parametrize("lost", ["request", "answer"])
def test_a_lost_snapshot_is_written_and_acknowledged(faulty: FaultyDatastore, lost: str) -> None:
    recorder, aggregate = CassandraSnapshotRecorder(faulty), uuid4()
    faulty.faults = [(lost, OperationTimedOut("no answer"))]
    recorder.insert_events([event(aggregate, 7)])
    assert list(recorder.select_events(aggregate)) == [event(aggregate, 7)]


def test_a_snapshot_that_fails_does_not_speak_of_the_events(faulty: FaultyDatastore) -> None:
    """The library takes snapshots after it has saved the events, in one call to save()."""
    recorder, aggregate = CassandraSnapshotRecorder(faulty), uuid4()
    recorder.insert_events([event(aggregate, 7)])
    with pytest.raises(IntegrityError, match=r"found one, and left it\. .*before are saved"):
        recorder.insert_events([event(aggregate, 7, b'{"other": true}')])
    attempts = faulty.settings.append_attempts
    faulty.faults = [("request", OperationTimedOut("no answer"))] * attempts
    with pytest.raises(OperationalError, match=r"no answer.*before are saved"):
        recorder.insert_events([event(aggregate, 8)])


@pytest.mark.parametrize("lost", ["request", "answer"])
def test_lost_tracking_is_written_and_acknowledged(faulty: FaultyDatastore, lost: str) -> None:
    recorder, upstream = CassandraTrackingRecorder(faulty), f"upstream-{uuid4()}"
    for position in (3, 9):
        faulty.faults = [(lost, OperationTimedOut("no answer"))]
        recorder.insert_tracking(Tracking(upstream, position))
        assert recorder.max_tracking_id(upstream) == position
    with pytest.raises(IntegrityError, match="below 9, found it at 9"):
        recorder.insert_tracking(Tracking(upstream, 9))


@pytest.mark.parametrize("lost", ["request", "answer"])
def test_a_lost_allocation_of_an_event_type_is_made_once(
    faulty: FaultyDatastore, lost: str
) -> None:
    types = CassandraAggregateRecorder(faulty).event_types
    topic = f"Topic-{uuid4()}"
    faulty.faults = [(lost, OperationTimedOut("no answer"))]
    number = types.type_of(topic)
    assert CassandraAggregateRecorder(faulty).event_types.type_of(topic) == number
    assert types.topic_of(number) == topic
