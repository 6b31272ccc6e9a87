"""``rebuild-log`` gives every event one position, and touches nothing that has one."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from uuid import UUID, uuid4

import pytest
from cassandra import OperationTimedOut
from eventsourcing.persistence import OperationalError

from eventstore_cassandra import CassandraDatastore
from eventstore_cassandra.append import Append
from eventstore_cassandra.operations import Rebuilt, finish, rebuild_log
from eventstore_cassandra.profiles import APPEND
from tests.store.operations.crafting import TOPIC, Store, events

ENOUGH = 150
"""Events of one live writer, which stops earlier if what it runs beside has ended."""


def rebuild(store: Store) -> Rebuilt:
    return finish(rebuild_log(store.datastore, write=True))


def written_without_log(store: Store, *, aggregates: int, versions: int = 3) -> list[UUID]:
    ids = [uuid4() for _ in range(aggregates)]
    for version in range(1, versions + 1):
        for aggregate in ids:
            store.without_log.insert_events(events(aggregate, version))
    return ids


def test_without_write_it_only_counts(store: Store) -> None:
    written_without_log(store, aggregates=2)
    assert finish(rebuild_log(store.datastore, write=False)) == Rebuilt(
        missing=6, without_name=0, behind=0, without_current_version=0, appended=0
    )
    assert store.log() == []


def test_events_get_positions_in_the_order_of_their_time(store: Store) -> None:
    ids = written_without_log(store, aggregates=7, versions=4)
    assert rebuild(store).appended == 28
    assert store.log() == [(aggregate, version) for version in (1, 2, 3, 4) for aggregate in ids]
    assert store.findings() == {}


def test_appends_of_several_events_stay_together_across_buckets(store: Store) -> None:
    ids = [uuid4() for _ in range(6)]
    for aggregate in ids:
        store.without_log.insert_events(events(aggregate, 1, 2, 3))
        store.without_log.insert_events(events(aggregate, 4))
    assert rebuild(store).appended == 24
    assert store.log() == [(aggregate, version) for aggregate in ids for version in (1, 2, 3, 4)]
    assert store.findings() == {}


def test_an_append_that_is_larger_than_a_bucket_is_logged_in_parts(store: Store) -> None:
    aggregate = uuid4()
    store.without_log.insert_events(events(aggregate, *range(1, 26)))
    assert rebuild(store).appended == 25
    assert store.log() == [(aggregate, version) for version in range(1, 26)]
    assert store.findings() == {}


def test_the_states_are_those_of_the_events(store: Store) -> None:
    (aggregate,) = written_without_log(store, aggregates=1)
    rebuild(store)
    notifications = store.recorder.select_notifications(1, 10)
    found = [(n.originator_version, n.topic, n.state) for n in notifications]
    assert found == [
        (e.originator_version, e.topic, e.state) for e in store.recorder.select_events(aggregate)
    ]


def test_positions_that_were_given_stay_and_appends_go_on_after_them(store: Store) -> None:
    logged = uuid4()
    store.recorder.insert_events(events(logged, 1, 2))
    (missing,) = written_without_log(store, aggregates=1, versions=2)
    rebuild(store)
    store.recorder.insert_events(events(missing, 3))
    assert store.log() == [(logged, 1), (logged, 2), (missing, 1), (missing, 2), (missing, 3)]


def test_again_there_is_nothing_to_do(store: Store) -> None:
    written_without_log(store, aggregates=3)
    rebuild(store)
    assert rebuild(store) == Rebuilt(
        missing=0, without_name=0, behind=0, without_current_version=0, appended=0
    )


def test_an_event_that_the_log_calls_aborted_gets_another_position(store: Store) -> None:
    (aggregate,) = written_without_log(store, aggregates=1, versions=1)
    store.reserve(store.append_of(aggregate, 1), mark=False)
    assert rebuild(store).appended == 1
    assert store.findings() == {}


def test_intents_that_lost_stay_lost(store: Store) -> None:
    (aggregate,) = written_without_log(store, aggregates=1, versions=1)
    store.reserve(Append(events(aggregate, 1)))
    assert rebuild(store).appended == 1
    assert store.log() == [(aggregate, 1)]


def test_events_behind_a_later_version_are_counted_and_appended_all_the_same(store: Store) -> None:
    (aggregate,) = written_without_log(store, aggregates=1, versions=2)
    store.recorder.insert_events(events(aggregate, 3))
    assert rebuild(store).behind == 2
    assert store.log() == [(aggregate, 3), (aggregate, 1), (aggregate, 2)]
    assert store.findings() == {"OUT_OF_ORDER": 2}


def test_events_of_the_originals_clients_get_names_and_a_current_version(store: Store) -> None:
    aggregate = uuid4()
    number = store.event_types.type_of(TOPIC)
    for version in range(1, 31):
        store.insert_like_the_original(aggregate, version, type_=number)
    assert rebuild(store) == Rebuilt(
        missing=30, without_name=30, behind=0, without_current_version=1, appended=30
    )
    assert store.findings() == {}
    store.recorder.insert_events(events(aggregate, 31))
    assert store.log() == [(aggregate, version) for version in range(1, 32)]


def test_a_type_that_is_not_registered_is_named(store: Store) -> None:
    store.insert_like_the_original(uuid4(), 1, type_=77)
    with pytest.raises(OperationalError, match=r"event type 77 .* give it a topic"):
        rebuild(store)


@pytest.mark.parametrize("named", [True, False], ids=["named", "without names"])
def test_of_two_rebuilds_at_once_each_event_gets_one_position(store: Store, named: bool) -> None:
    if named:
        written_without_log(store, aggregates=40, versions=2)
    else:
        number = store.event_types.type_of(TOPIC)
        for aggregate in [uuid4() for _ in range(40)]:
            for version in (1, 2):
                store.insert_like_the_original(aggregate, version, type_=number)
    with ThreadPoolExecutor(2) as pool:
        done = [pool.submit(rebuild, store) for _ in range(2)]
        assert sum(each.result().appended for each in done) == 80
    assert len(store.log()) == 80
    assert store.findings() == {}


def test_beside_live_writers_each_event_gets_one_position(store: Store) -> None:
    written_without_log(store, aggregates=20)
    stop = Event()

    def write() -> int:
        aggregate, version = uuid4(), 0
        while not stop.is_set() and version < ENOUGH:
            version += 1
            store.recorder.insert_events(events(aggregate, version))
        return version

    with ThreadPoolExecutor(3) as pool:
        writers = [pool.submit(write) for _ in range(3)]
        try:
            assert rebuild(store).appended == 60
        finally:
            stop.set()
        live = sum(writer.result() for writer in writers)
    assert len(store.log()) == 60 + live
    assert store.findings() == {}


def test_it_can_be_stopped_and_run_again(store: Store) -> None:
    written_without_log(store, aggregates=20)
    operation = rebuild_log(store.datastore, write=True)
    while next(operation).stage != "Appending to the notification log":
        pass
    operation.close()
    assert 0 < len(store.log()) < 60
    rebuild(store)
    assert len(store.log()) == 60
    assert store.findings() == {}


class LosesAnswers(CassandraDatastore):
    """Loses what ``lost`` says of the next conditional writes: their requests or their answers."""

    def lose(self, *lost: str) -> None:
        self.lost = list(lost)

    def execute(self, statement: object, profile: str | None = None) -> object:
        what = self.lost.pop(0) if profile == APPEND and self.lost else ""
        result = super().execute(statement, profile) if what != "request" else None
        if what:
            raise OperationTimedOut(f"lost: {what}")
        return result


@pytest.fixture
def losing(store: Store) -> Iterator[LosesAnswers]:
    datastore = LosesAnswers(store.datastore.settings)
    datastore.lose()
    yield datastore
    datastore.close()


@pytest.mark.parametrize("lost", [["answer"], ["request"], ["request", "answer"]], ids="+".join)
def test_a_lost_answer_gives_no_event_a_second_position(
    store: Store, losing: LosesAnswers, lost: list[str]
) -> None:
    written_without_log(store, aggregates=5)
    losing.lose(*lost)
    finish(rebuild_log(losing, write=True))
    assert len(store.log()) == 15
    assert store.findings() == {}


def test_it_gives_up_with_a_sentence_when_nothing_answers(
    store: Store, losing: LosesAnswers
) -> None:
    written_without_log(store, aggregates=1)
    losing.lose(*["request"] * 5)
    with pytest.raises(OperationalError, match="Cannot append to the notification log"):
        finish(rebuild_log(losing, write=True))
    assert rebuild(store).appended == 3
