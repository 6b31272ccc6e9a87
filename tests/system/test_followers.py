"""A server that hangs for a while, or is restarted, under those who follow the log on it."""

from collections.abc import Iterator
from contextlib import closing
from threading import Thread
from uuid import UUID, uuid4

import pytest
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import OperationalError, ProgrammingError, StoredEvent, Tracking
from eventsourcing.projection import Projection, ProjectionRunner
from eventsourcing.utils import get_topic

from eventstore_cassandra import (
    CassandraApplicationRecorder,
    CassandraDatastore,
    CassandraViewRecorder,
    Settings,
    Topology,
    create_keyspace,
    create_tables,
)
from patientmgmt.environment import CASSANDRA
from patientmgmt.local_cassandra import Cluster, ClusterSettings, free_ports
from tests.faults.ring import paused
from tests.faults.waiting import until

HANG = 8.0
"""Seconds, which is longer than one request waits."""
FOLLOWER = "eventstore_cassandra.notification_log.outage"

pytestmark = pytest.mark.timeout(600)


class Ward(Aggregate):
    @event("Opened")
    def __init__(self) -> None:
        pass


class Wards(Application[UUID]):
    def open(self) -> int:
        """Open a ward, and return the notification's position."""
        while True:
            try:
                return self.save(Ward())[-1].notification.id
            except OperationalError:
                continue  # a ward more does no harm here


class OpenedWards(CassandraViewRecorder):
    table = "opened_wards"
    columns = "position bigint"
    key = "position"

    def positions(self) -> list[int]:
        rows = self.select("SELECT position FROM {table} WHERE view_name = ?", [self.view_name])
        return [row["position"] for row in rows]


class OpenedWardsProjection(Projection[OpenedWards]):
    topics = (get_topic(Ward.Opened),)  # type: ignore[attr-defined]

    def process_event(self, domain_event: object, tracking: Tracking) -> None:
        insert = "INSERT INTO {table} (view_name, position) VALUES (?, ?)"
        values = [self.view.view_name, tracking.notification_id]
        self.view.write(tracking, lambda: [self.view.statement(insert, values)])


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    port, storage_port, jmx_port = free_ports(3)
    settings = ClusterSettings(
        data=tmp_path_factory.mktemp("followed"),
        port=port,
        storage_port=storage_port,
        jmx_port=jmx_port,
    )
    with Cluster(settings) as cluster:
        yield cluster
        cluster.stop()


@pytest.fixture
def settings(cluster: Cluster) -> Settings:
    """Those of an empty keyspace."""
    settings = Settings(
        contact_points=tuple(cluster.contact_points),
        port=cluster.port,
        keyspace=f"followed_{uuid4().hex[:12]}",
    )
    with closing(CassandraDatastore(settings)) as datastore:
        create_keyspace(datastore, Topology.single_node())
        create_tables(datastore)
        OpenedWards(datastore).create_table()
    return settings


@pytest.fixture
def runner(settings: Settings) -> Iterator[ProjectionRunner[Wards, OpenedWards]]:
    env = {
        "PERSISTENCE_MODULE": CASSANDRA,
        "CASSANDRA_CONTACT_POINTS": ",".join(settings.contact_points),
        "CASSANDRA_PORT": str(settings.port),
        "CASSANDRA_KEYSPACE": settings.keyspace,
    }
    with ProjectionRunner(
        application_class=Wards,
        projection_class=OpenedWardsProjection,
        view_class=OpenedWards,
        env=env,
    ) as runner:
        yield runner
    runner.view.datastore.close()


def is_processed(runner: ProjectionRunner[Wards, OpenedWards], position: int) -> bool:
    try:
        return position in runner.view.positions()
    except OperationalError:
        return False


def check_that_it_goes_on(runner: ProjectionRunner[Wards, OpenedWards]) -> None:
    position = runner.app.open()
    until(lambda: is_processed(runner, position), "an event that is processed after the outage")
    assert not runner.is_interrupted.is_set()


def test_a_runner_outlives_a_server_that_hangs(
    cluster: Cluster, runner: ProjectionRunner[Wards, OpenedWards]
) -> None:
    check_that_it_goes_on(runner)
    with paused(*cluster.nodes):
        assert not runner.is_interrupted.wait(HANG)
    check_that_it_goes_on(runner)


def test_a_runner_outlives_a_restart_and_says_so_in_the_log(
    cluster: Cluster,
    runner: ProjectionRunner[Wards, OpenedWards],
    caplog: pytest.LogCaptureFixture,
) -> None:
    check_that_it_goes_on(runner)
    with caplog.at_level("WARNING", FOLLOWER):
        cluster.stop()
        try:
            until(lambda: "cannot be read" in caplog.text, "a warning that the store is away")
        finally:
            cluster.start()
        check_that_it_goes_on(runner)
        until(lambda: "read again" in caplog.text, "a word that the store is back")
    told = [record.getMessage() for record in caplog.records if record.name == FOLLOWER]
    assert len(told) < 8, "it is not told at each try"


def test_a_runner_that_is_writing_outlives_a_restart(
    cluster: Cluster, runner: ProjectionRunner[Wards, OpenedWards]
) -> None:
    ends = [False]

    def write() -> None:
        while not ends[0]:
            runner.app.open()

    writer = Thread(target=write)
    writer.start()
    try:
        until(lambda: bool(runner.view.positions()), "an event that is processed")
        cluster.stop()
        cluster.start()
    finally:
        ends[0] = True
        writer.join()
    check_that_it_goes_on(runner)


def test_stopping_a_subscription_does_not_wait_for_the_store(
    cluster: Cluster, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(CassandraDatastore(settings)) as datastore:
        recorder = CassandraApplicationRecorder(datastore)
        recorder.insert_events([StoredEvent(uuid4(), 1, "Happened", b"")])
        with recorder.subscribe(gt=0) as subscription:
            assert next(subscription).id == 1
            follower = Thread(target=lambda: list(subscription))
            follower.start()
            cluster.stop()
            try:
                until(lambda: "cannot be read" in caplog.text, "a follower that waits")
                subscription.stop()
                follower.join(60)
                assert not follower.is_alive()
            finally:
                cluster.start()


def test_what_waiting_does_not_cure_comes_out_of_a_subscription(settings: Settings) -> None:
    with closing(CassandraDatastore(settings)) as datastore:
        subscription = CassandraApplicationRecorder(datastore).subscribe(gt=0)
        datastore.session.execute(f"DROP TABLE {settings.keyspace}.notification_log", timeout=60)
        with pytest.raises(ProgrammingError, match="does not exist"):
            next(subscription)
    with pytest.raises(ProgrammingError, match="is closed"):
        next(subscription)
