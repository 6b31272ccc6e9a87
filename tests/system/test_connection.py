"""The connection to a node that asks for a password and speaks TLS: whom it trusts, and that it
comes back whatever happened to the node."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from cassandra.cluster import NoHostAvailable
from cassandra.policies import ExponentialReconnectionPolicy
from eventsourcing.persistence import OperationalError, StoredEvent

from eventstore_cassandra import CassandraApplicationRecorder, CassandraDatastore, cluster
from eventstore_cassandra.profiles import SCHEMA
from tests.faults.waiting import until
from tests.system.guarded_node import NAME, GuardedNode, guarded_node, reached, resolve

GIVES_UP_AFTER = 64
"""Tries after which the driver gives up, unless it is told otherwise."""
RECONNECTION = "cassandra.pool"
"""The driver's logger of tries to reconnect."""

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedNode]:
    with guarded_node(tmp_path_factory.mktemp("guarded")) as node:
        yield node


def recorded(store: CassandraDatastore) -> UUID:
    """Record an event, and return its aggregate."""
    aggregate = uuid4()
    CassandraApplicationRecorder(store).insert_events([StoredEvent(aggregate, 1, "Happened", b"")])
    return aggregate


def answers(store: CassandraDatastore) -> bool:
    try:
        recorded(store)
    except OperationalError:
        return False
    return True


def wait_for_answers(store: CassandraDatastore) -> None:
    until(lambda: answers(store), "an answer to a process that was connected before")


def set_password(superuser: CassandraDatastore, role: str, password: str) -> None:
    """Change a password; the server refuses to do so too soon after the last time."""

    def is_set() -> bool:
        try:
            superuser.execute(f"ALTER ROLE {role} WITH PASSWORD = '{password}'", SCHEMA)
        except NoHostAvailable:
            return False
        return True

    until(is_set, "the server lets the password be changed")


def test_a_certificate_for_the_contact_points_name_is_accepted(node: GuardedNode) -> None:
    with reached(node.client) as store:
        assert CassandraApplicationRecorder(store).select_events(recorded(store))


def test_a_certificate_for_a_name_is_not_accepted_for_an_address(node: GuardedNode) -> None:
    by_address = replace(node.client, contact_points=("127.0.0.1",))
    with (
        pytest.raises(OperationalError, match=r"Cannot connect.*127\.0\.0\.1.*certificate"),
        reached(by_address),
    ):
        pass
    with reached(replace(by_address, tls_check_hostname=False)) as store:
        assert answers(store)


def test_a_certificate_for_another_name_is_refused(
    node: GuardedNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve(monkeypatch, "elsewhere.test", "127.0.0.1")
    with (
        pytest.raises(OperationalError, match=r"Cannot connect.*elsewhere\.test.*certificate"),
        reached(replace(node.client, contact_points=("elsewhere.test",))),
    ):
        pass


def test_nodes_that_stay_away_for_longer_than_the_drivers_tries_are_found_again(
    node: GuardedNode, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    usual = cluster.RECONNECTION
    impatient = ExponentialReconnectionPolicy(0.01, 0.02, usual.max_attempts)
    monkeypatch.setattr(cluster, "RECONNECTION", impatient)

    def tries() -> int:
        return sum("attempting to reconnect" in record.getMessage() for record in caplog.records)

    with caplog.at_level("WARNING", RECONNECTION), reached(node.client) as store:
        recorded(store)
        node.cluster.stop()
        try:
            assert not answers(store)
            until(lambda: tries() >= GIVES_UP_AFTER, f"{GIVES_UP_AFTER} tries to reconnect")
        finally:
            node.cluster.start()
        wait_for_answers(store)


def test_a_node_that_comes_back_at_another_address_of_its_name_is_found(
    node: GuardedNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    with reached(node.client) as store:
        aggregate = recorded(store)
        try:
            node.move("127.0.0.2")
            resolve(monkeypatch, NAME, "127.0.0.2")
            wait_for_answers(store)
            assert CassandraApplicationRecorder(store).select_events(aggregate)
        finally:
            node.move("127.0.0.1")
        resolve(monkeypatch, NAME, "127.0.0.1")
        wait_for_answers(store)


def test_a_password_that_is_refused_for_a_while_does_not_end_the_connection(
    node: GuardedNode, caplog: pytest.LogCaptureFixture
) -> None:
    guest = replace(node.client, username="guest", password="right")
    with reached(node.client) as superuser:
        superuser.execute("CREATE ROLE guest WITH PASSWORD = 'right' AND LOGIN = true", SCHEMA)
        with reached(guest) as store:
            assert answers(store)
            set_password(superuser, "guest", "another")
            node.cluster.stop()
            node.cluster.start()
            with caplog.at_level("WARNING", RECONNECTION):
                until(lambda: "incorrect" in caplog.text, "a password that is refused")
            wait_for_answers(superuser)
            set_password(superuser, "guest", "right")
            wait_for_answers(store)
