"""Processes that append at once: whoever reserves takes along the appends of all that wait."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from itertools import count
from threading import Barrier
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import pytest
from cassandra import InvalidRequest
from cassandra.query import BatchStatement, PreparedStatement
from eventsourcing.persistence import IntegrityError, PersistenceError

from eventstore_cassandra import (
    CassandraApplicationRecorder,
    CassandraDatastore,
    Settings,
    create_tables,
)
from eventstore_cassandra.append import Append
from eventstore_cassandra.notification_log.combine_steps import Look
from eventstore_cassandra.notification_log.table import marks_of
from eventstore_cassandra.profiles import APPEND
from tests.store.operations.crafting import Store, events, keyspace

RIVALS = 6
BUCKET_SIZE = 3
ROUNDS = 20
"""Tries for what is all but sure to happen in the first."""


@pytest.fixture(scope="module")
def tables(settings: Settings) -> Iterator[CassandraDatastore]:
    """A keyspace with small buckets for all of these tests."""
    with keyspace(settings, log_bucket_size=BUCKET_SIZE) as datastore:
        create_tables(datastore)
        yield datastore


@pytest.fixture(scope="module")
def large_tables(settings: Settings) -> Iterator[CassandraDatastore]:
    with keyspace(settings) as datastore:
        create_tables(datastore)
        yield datastore


@pytest.fixture(params=["tables", "large_tables"], ids=["small buckets", "one bucket"])
def store(request: pytest.FixtureRequest) -> Store:
    datastore: CassandraDatastore = request.getfixturevalue(request.param)
    for table in ("events", "notification_log"):
        datastore.session.execute(f"TRUNCATE {datastore.settings.keyspace}.{table}", timeout=60)
    return Store(datastore)


@contextmanager
def rivals(store: Store, number: int = RIVALS) -> Iterator[Sequence[CassandraApplicationRecorder]]:
    """Open recorders that stand for processes: each with a connection of its own."""
    with ExitStack() as stack:
        datastores = [CassandraDatastore(store.datastore.settings) for _ in range(number)]
        for datastore in datastores:
            stack.enter_context(closing(datastore))
        yield [CassandraApplicationRecorder(datastore) for datastore in datastores]


def at_once(
    recorders: Sequence[CassandraApplicationRecorder],
    act: Callable[[CassandraApplicationRecorder], list[int]],
) -> list[list[int]]:
    """Have all of them act at once, and return what each of them has returned."""
    together = Barrier(len(recorders), timeout=60)

    def run(recorder: CassandraApplicationRecorder) -> list[int]:
        together.wait()
        return act(recorder)

    with ThreadPoolExecutor(len(recorders)) as pool:
        return list(pool.map(run, recorders))


class Row(NamedTuple):
    """What a row of the log has of its appends."""

    last: int
    ids: list[UUID]
    marks: Sequence[bool | None]
    committed: Any
    outcomes: Any


def rows(store: Store) -> list[Row]:
    """Return the rows of the log in order."""
    query = "SELECT last, appends, committed, outcomes FROM {keyspace}.notification_log"
    found = []
    for last, appends, committed, outcomes in store.cql(query):
        if isinstance(last, int) and isinstance(appends, list):
            first = last + 1 - sum(size for *_, size in appends)
            marks = marks_of(appends, first, committed, outcomes)  # type: ignore[arg-type]
            ids = [id_ for _, id_, *_ in appends]
            found.append(Row(last, ids, marks or [None] * len(ids), committed, outcomes))
    return sorted(found)


def test_every_append_of_many_rivals_is_there_once_and_in_order(store: Store) -> None:
    positions: dict[UUID, list[int]] = {}
    process_of: dict[UUID, CassandraApplicationRecorder] = {}

    def append(recorder: CassandraApplicationRecorder) -> list[int]:
        aggregate, version = uuid4(), count(1)
        process_of[aggregate] = recorder
        got: list[int] = []
        for size in (1, 2, 3, 1, 1, 2) * 2:
            versions = [next(version) for _ in range(size)]
            got += recorder.insert_events(events(aggregate, *versions)) or []
        positions[aggregate] = got
        return got

    with rivals(store) as recorders:
        for _ in range(ROUNDS):
            at_once(recorders, append)
            if any(len({process_of[id_] for id_ in row.ids}) > 1 for row in rows(store)):
                break
        else:
            pytest.fail(f"In {ROUNDS} rounds no row had appends of several processes.")

    notifications = store.recorder.select_notifications(1, 100_000)
    assert [n.id for n in notifications] == list(range(1, 20 * len(positions) + 1))
    for aggregate, got in positions.items():
        told = [(n.id, n.originator_version) for n in notifications if n.originator_id == aggregate]
        assert told == list(zip(got, range(1, 21), strict=True))
    assert store.findings() == {}


def test_each_process_writes_what_became_of_its_own_appends_into_a_row_of_several(
    store: Store,
) -> None:
    """Each of them also tries to extend one aggregate, and loses most of these races."""
    prize, version = uuid4(), 0
    owners: dict[UUID, CassandraApplicationRecorder] = {}

    def append(recorder: CassandraApplicationRecorder) -> list[int]:
        aggregate = uuid4()
        owners[aggregate] = recorder
        for own in (1, 2, 3):
            recorder.insert_events(events(aggregate, own))
            try:
                recorder.insert_events(events(prize, version + own))
            except IntegrityError:
                recorder.select_events(prize)
        return []

    def is_told() -> bool:
        shared = [row for row in rows(store) if row.outcomes]
        return {mark for row in shared for mark in row.marks} >= {True, False}

    with rivals(store) as recorders:
        for _ in range(ROUNDS):
            at_once(recorders, append)
            version = len(store.recorder.select_events(prize))
            if is_told():
                break
        else:
            pytest.fail(f"In {ROUNDS} rounds no row had the outcomes of several processes.")

    query = "SELECT append_id FROM {keyspace}.events"
    committed = {name for (name,) in store.cql(query)}
    for row in rows(store):
        assert not (row.outcomes and row.committed)
    query = "SELECT last, appends FROM {keyspace}.notification_log"
    marks = {row.last: row.marks for row in rows(store)}
    for last, appends in store.cql(query):
        assert isinstance(last, int)
        assert isinstance(appends, list)
        for (name, *_), mark in zip(appends, marks[last], strict=True):
            assert mark is None or mark == (name in committed)
    assert store.findings() == {}


def test_what_a_process_has_announced_that_died_is_served_and_decided(store: Store) -> None:
    first, aggregate, other = uuid4(), uuid4(), uuid4()
    store.recorder.insert_events(events(first, 1))
    dead = store.announce(Append(events(aggregate, 1)), Append(events(other, 1)))
    with rivals(store, 1) as (recorder,):
        assert recorder.insert_events(events(first, 2)) == [4]
    assert store.lobby().look(Look(0)).is_served(dead.process, dead.number)
    assert [row.ids for row in rows(store)] == [[first], [aggregate, other, first]]
    assert store.recorder.select_events(aggregate) == []
    assert store.log() == [(first, 1), (aggregate, 1), (other, 1), (first, 2)]
    assert len(store.recorder.select_events(aggregate)) == 1
    assert store.findings() == {}


class Refusing(CassandraDatastore):
    """A server that refuses batches which serve groups."""

    refuses = True

    def prepare(self, query: str) -> PreparedStatement:
        statement = super().prepare(query)
        if "SET served[" in query:
            self._serving = statement.query_id
        return statement

    def execute(self, statement: Any, profile: str | None = None) -> Any:
        if self.refuses and profile == APPEND and isinstance(statement, BatchStatement):
            names = [name for _, name, _ in statement._statements_and_parameters]
            if self._serving in names:
                raise InvalidRequest("Mutation is too large, as if there were a lower limit now")
        return super().execute(statement, profile)


def test_a_group_that_the_server_refuses_for_good_is_withdrawn(store: Store) -> None:
    first, left, refused = uuid4(), uuid4(), uuid4()
    dead = store.announce(Append(events(left, 1)))
    with closing(Refusing(store.datastore.settings)) as datastore:
        recorder = CassandraApplicationRecorder(datastore)
        with pytest.raises(PersistenceError, match=r"too large.*Nothing was written\."):
            recorder.insert_events(events(refused, 1))
        served = store.lobby().look(Look(0, with_groups=True))
        ((_, withdrawn),) = served.served.items()
        assert (withdrawn.first, withdrawn.last) == (0, 0)
        assert {group.process for group in served.groups} > {dead.process}
        assert rows(store) == []

        # Others take the dead process's appends along, and not what was withdrawn.
        store.recorder.insert_events(events(first, 1))
        assert {id_ for id_, _ in store.log()} == {first, left}
        datastore.refuses = False
        recorder.insert_events(events(refused, 1))
    assert sorted(store.log()) == sorted((id_, 1) for id_ in (first, left, refused))
    assert store.log()[-1] == (refused, 1)
    assert store.findings() == {}
