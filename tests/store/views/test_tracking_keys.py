"""Whose tracking it is: projections and views do not take each other's events."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest
from eventsourcing.application import Application
from eventsourcing.dispatch import singledispatchmethod
from eventsourcing.domain import Aggregate
from eventsourcing.persistence import IntegrityError, Tracking
from eventsourcing.projection import Projection, ProjectionRunner

from eventstore_cassandra import CassandraDatastore, CassandraTrackingRecorder
from tests.store.test_shipped_cases import environment
from tests.store.views.event_counters import EventCounters

POSITION = 7


class Happenings(Application[UUID]):
    pass


class Shared(CassandraTrackingRecorder):
    """A view that two projections have."""


class First(Projection[CassandraTrackingRecorder]):
    @singledispatchmethod
    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        self.view.insert_tracking(tracking)


class Second(First):
    pass


@pytest.fixture
def upstream() -> str:
    return f"upstream-{uuid4()}"


@pytest.fixture
def counters(datastore: CassandraDatastore) -> type[CassandraTrackingRecorder]:
    class Counters(EventCounters):
        view_name = f"view-{uuid4()}"

    Counters(datastore).create_table()
    return Counters


@pytest.fixture(params=["rows first", "one partition"])
def view_class(request: pytest.FixtureRequest) -> type[CassandraTrackingRecorder]:
    """A view of either kind, which no other test has seen."""
    if request.param == "rows first":

        class Own(CassandraTrackingRecorder):
            view_name = f"view-{uuid4()}"

        return Own
    found: type[CassandraTrackingRecorder] = request.getfixturevalue("counters")
    return found


def view(
    cls: type[CassandraTrackingRecorder], datastore: CassandraDatastore, projection: str
) -> CassandraTrackingRecorder:
    """Return the view as the factory makes it for a projection."""
    made = cls(datastore)
    made.projection_name = projection
    return made


@pytest.fixture
def opened() -> Iterator[list[CassandraTrackingRecorder]]:
    """Views that the library's runners opened, and do not close."""
    views: list[CassandraTrackingRecorder] = []
    yield views
    for each in views:
        each.datastore.close()


def test_two_projections_that_share_a_view_class_both_see_every_event(
    empty_datastore: CassandraDatastore, opened: list[CassandraTrackingRecorder]
) -> None:
    env = environment(empty_datastore.settings)
    with Happenings(env) as happenings:
        last = happenings.save(Aggregate())[-1].notification.id
    for projection in (First, Second):
        with ProjectionRunner(
            application_class=Happenings, projection_class=projection, view_class=Shared, env=env
        ) as runner:
            opened.append(runner.view)
            assert runner.view.max_tracking_id("Happenings") in (None, last)
            runner.wait(last, timeout=20)
    keys = empty_datastore.session.execute(
        f"SELECT application_name FROM {empty_datastore.settings.keyspace}.tracking"
    )
    assert len(list(keys)) == 2


def test_a_projection_begins_at_the_first_event_whatever_another_has_done(
    datastore: CassandraDatastore, view_class: type[CassandraTrackingRecorder], upstream: str
) -> None:
    first = view(view_class, datastore, "First")
    first.insert_tracking(Tracking(upstream, POSITION))
    second = view(view_class, datastore, "Second")
    assert second.max_tracking_id(upstream) is None
    second.insert_tracking(Tracking(upstream, 1))
    assert first.max_tracking_id(upstream) == POSITION
    assert view(view_class, datastore, "First").max_tracking_id(upstream) == POSITION


def test_view_classes_of_one_name_in_two_modules_have_tracking_of_their_own(
    datastore: CassandraDatastore, upstream: str
) -> None:
    views = [
        type("Names", (CassandraTrackingRecorder,), {"__module__": module})(datastore)
        for module in ("wards", "patients")
    ]
    views[0].insert_tracking(Tracking(upstream, POSITION))
    assert views[1].max_tracking_id(upstream) is None
    views[1].insert_tracking(Tracking(upstream, 1))
    assert views[0].max_tracking_id(upstream) == POSITION


@pytest.fixture
def tracked_before(
    datastore: CassandraDatastore, view_class: type[CassandraTrackingRecorder], upstream: str
) -> type[CassandraTrackingRecorder]:
    """A view whose tracking stands as releases of before wrote it."""
    made = view_class(datastore)
    if isinstance(made, EventCounters):
        made.insert_tracking(Tracking(upstream, POSITION))
        return view_class
    query = (
        "INSERT INTO {keyspace}.tracking (application_name, notification_id, tracking_id)"
        " VALUES (?, ?, uuid()) IF NOT EXISTS"
    )
    values = [f"{made.view_name}/{upstream}", POSITION]
    datastore.session.execute(datastore.prepare(query), values)
    return view_class


def test_tracking_of_before_is_continued_by_the_first_who_asks_and_by_no_other(
    datastore: CassandraDatastore, tracked_before: type[CassandraTrackingRecorder], upstream: str
) -> None:
    assert view(tracked_before, datastore, "First").max_tracking_id(upstream) == POSITION
    second = view(tracked_before, datastore, "Second")
    assert second.max_tracking_id(upstream) is None
    second.insert_tracking(Tracking(upstream, 1))

    again = view(tracked_before, datastore, "First")
    with pytest.raises(IntegrityError, match=f"found it at {POSITION}"):
        again.insert_tracking(Tracking(upstream, POSITION))
    again.insert_tracking(Tracking(upstream, POSITION + 1))
    again.insert_tracking(Tracking(upstream, POSITION + 2))
    for name, position in (("First", POSITION + 2), ("Second", 1)):
        assert view(tracked_before, datastore, name).max_tracking_id(upstream) == position


def test_tracking_of_before_is_continued_when_nobody_has_asked_first(
    datastore: CassandraDatastore, tracked_before: type[CassandraTrackingRecorder], upstream: str
) -> None:
    first = view(tracked_before, datastore, "First")
    with pytest.raises(IntegrityError, match=f"found it at {POSITION}"):
        first.insert_tracking(Tracking(upstream, POSITION))
    first.insert_tracking(Tracking(upstream, POSITION + 1))
    assert view(tracked_before, datastore, "First").max_tracking_id(upstream) == POSITION + 1


def test_tracking_of_before_is_continued_once_however_many_ask_at_a_time(
    datastore: CassandraDatastore, tracked_before: type[CassandraTrackingRecorder], upstream: str
) -> None:
    names = ["First", "Second"] * 4

    def ask(name: str) -> int | None:
        return view(tracked_before, datastore, name).max_tracking_id(upstream)

    with ThreadPoolExecutor(len(names)) as pool:
        found = set(zip(names, pool.map(ask, names), strict=True))
    assert found in (
        {("First", POSITION), ("Second", None)},
        {("First", None), ("Second", POSITION)},
    )
