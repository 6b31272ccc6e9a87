"""What the library's documentation shows of applications and projections, across restarts."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar
from uuid import NAMESPACE_URL, UUID, uuid5

import pytest
from eventsourcing.application import Application
from eventsourcing.cipher import AESCipher
from eventsourcing.dispatch import singledispatchmethod
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import IntegrityError, Tracking
from eventsourcing.projection import ApplicationSubscription, Projection, ProjectionRunner
from eventsourcing.utils import get_topic

from eventstore_cassandra import CassandraDatastore
from eventstore_cassandra.views import CassandraViewRecorder
from tests.store.test_shipped_cases import environment


class Ward(Aggregate):
    class Opened(Aggregate.Created):
        name: str

    class BedsAdded(Aggregate.Event):
        number: int

    @event(Opened)
    def __init__(self, name: str) -> None:
        self.name = name
        self.beds = 0

    @staticmethod
    def create_id(name: str) -> UUID:
        return uuid5(NAMESPACE_URL, f"/wards/{name}")

    @event(BedsAdded)
    def add_beds(self, number: int) -> None:
        self.beds += number


class Wards(Application[UUID]):
    snapshotting_intervals: ClassVar[dict[type[Any], int]] = {Ward: 3}

    def open(self, name: str) -> UUID:
        ward = Ward(name)
        self.save(ward)
        return ward.id

    def add_beds(self, ward_id: UUID, number: int) -> int:
        """Return the notification's id."""
        ward: Ward = self.repository.get(ward_id)
        ward.add_beds(number)
        return self.save(ward)[-1].notification.id


class Beds(CassandraViewRecorder):
    """How many beds the house has."""

    table = "beds"
    columns = "name text, number int"
    key = "name"

    def number(self) -> int:
        rows = self.select("SELECT number FROM {table} WHERE view_name = ?", [self.view_name])
        return rows[0]["number"] if rows else 0

    def add(self, number: int, tracking: Tracking) -> None:
        insert = "INSERT INTO {table} (view_name, name, number) VALUES (?, 'house', ?)"
        self.write(
            tracking, lambda: [self.statement(insert, [self.view_name, self.number() + number])]
        )


class BedsProjection(Projection[Beds]):
    topics = (get_topic(Ward.BedsAdded),)

    @singledispatchmethod
    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        self.view.insert_tracking(tracking)

    @process_event.register
    def beds_added(self, domain_event: Ward.BedsAdded, tracking: Tracking) -> None:
        self.view.add(domain_event.number, tracking)


@pytest.fixture
def env(empty_datastore: CassandraDatastore) -> dict[str, str]:
    Beds(empty_datastore).create_table()
    return environment(empty_datastore.settings)


@contextmanager
def running(env: dict[str, str]) -> Iterator[ProjectionRunner[Wards, Beds]]:
    """Run the projection, and close what the library's runner does not: the view's connection."""
    runner = ProjectionRunner(
        application_class=Wards, projection_class=BedsProjection, view_class=Beds, env=env
    )
    with runner:
        yield runner
    runner.view.datastore.close()


def test_an_application_goes_on_from_its_snapshots_after_a_restart(env: dict[str, str]) -> None:
    with Wards(env) as wards:
        ward_id = wards.open("Cardiology")
        for _ in range(5):
            wards.add_beds(ward_id, 2)
    with Wards(env) as wards:
        assert wards.snapshots
        snapshots = list(wards.snapshots.get(ward_id))
        assert [snapshot.originator_version for snapshot in snapshots] == [3, 6]
        wards.add_beds(ward_id, 1)
        ward: Ward = wards.repository.get(ward_id)
        assert (ward.name, ward.beds, ward.version) == ("Cardiology", 11, 7)


def test_an_aggregate_with_an_id_made_of_its_name_cannot_be_opened_twice(
    env: dict[str, str],
) -> None:
    with Wards(env) as wards:
        assert wards.open("Cardiology") == Ward.create_id("Cardiology")
    with Wards(env) as wards, pytest.raises(IntegrityError, match="found it at version 1"):
        wards.open("Cardiology")


@pytest.mark.parametrize(("compressed", "encrypted"), [(True, False), (False, True), (True, True)])
def test_what_compressor_and_cipher_make_of_events_and_snapshots_is_stored_and_read_back(
    env: dict[str, str],
    empty_datastore: CassandraDatastore,
    compressed: bool,
    encrypted: bool,
) -> None:
    if compressed:
        env["COMPRESSOR_TOPIC"] = "eventsourcing.compressor:ZlibCompressor"
    if encrypted:
        env["CIPHER_TOPIC"] = "eventsourcing.cipher:AESCipher"
        env["CIPHER_KEY"] = AESCipher.create_key(32)
    with Wards(env) as wards:
        ward_id = wards.open("Cardiology")
        for _ in range(3):
            wards.add_beds(ward_id, 2)
    with Wards(env) as wards:
        ward: Ward = wards.repository.get(ward_id)
        assert (ward.name, ward.beds) == ("Cardiology", 6)
        events = [wards.mapper.to_domain_event(n) for n in wards.notification_log.select(1, 10)]
        assert [type(domain_event) for domain_event in events] == [Ward.Opened] + 3 * [
            Ward.BedsAdded
        ]
    keyspace, session = empty_datastore.settings.keyspace, empty_datastore.session
    found = {
        "events": list(session.execute(f"SELECT payload, payload_bytes FROM {keyspace}.events")),
        "snapshots": list(
            session.execute(f"SELECT payload, payload_bytes FROM {keyspace}.snapshots")
        ),
        "notification_log": [
            event[1:]
            for row in session.execute(f"SELECT events FROM {keyspace}.notification_log")
            for event in row.events
        ],
    }
    for states in found.values():
        assert states
        for payload, payload_bytes in states:
            assert payload is None
            assert b"Cardiology" not in payload_bytes


def test_a_subscription_goes_on_from_the_last_position_after_a_restart(
    env: dict[str, str],
) -> None:
    with Wards(env) as wards:
        ward_id = wards.open("Cardiology")
        wards.add_beds(ward_id, 1)
        with ApplicationSubscription(wards) as subscription:
            _, opened = next(subscription)
    with Wards(env) as wards:
        wards.add_beds(ward_id, 2)
        with ApplicationSubscription(wards, gt=opened.notification_id) as subscription:
            followed = [next(subscription) for _ in range(2)]
    assert [getattr(domain_event, "number", None) for domain_event, _ in followed] == [1, 2]
    assert [tracking.notification_id for _, tracking in followed] == [2, 3]


def test_a_projection_processes_each_event_once_across_restarts(env: dict[str, str]) -> None:
    with running(env) as runner:
        ward_id = runner.app.open("Cardiology")
        runner.wait(runner.app.add_beds(ward_id, 4), timeout=10)
        assert runner.view.number() == 4
    with Wards(env) as wards:
        last = wards.add_beds(ward_id, 3)
    for _ in range(2):
        with running(env) as runner:
            runner.wait(last, timeout=10)
            assert runner.view.number() == 7
