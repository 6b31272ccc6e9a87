"""``patientmgmt store`` as an operator meets it."""

from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import StoredEvent
from eventsourcing.utils import Environment

from eventstore_cassandra import CassandraApplicationRecorder, CassandraDatastore, Settings
from eventstore_cassandra.append import Append
from eventstore_cassandra.operations.scan import LogScan
from eventstore_cassandra.schema_version import VERSION
from patientmgmt.domain.commands import AdmitPatient
from patientmgmt.environment import CASSANDRA
from patientmgmt.runtime import open_runtime
from tests.conftest import CassandraNode
from tests.store.projections.waiting import wait_until
from tests.system.test_commands import Env, clean_environment, finished


@pytest.fixture
def datastore(cassandra_env: Env) -> Iterator[CassandraDatastore]:
    datastore = CassandraDatastore(Settings.from_env(Environment("", cassandra_env)))
    yield datastore
    datastore.close()


def admit(env: Env) -> None:
    with open_runtime(clean_environment() | env) as runtime:
        runtime.application.admit(AdmitPatient(name="Ada Marsh", age=34, ward="AA"))


def write_version(datastore: CassandraDatastore, version: int) -> None:
    query = "UPDATE {keyspace}.schema_version SET version = ? WHERE component = ? IF EXISTS"
    datastore.session.execute(datastore.prepare(query), [version, "event store"])


def test_a_sound_store_is_verified_with_exit_code_0(cassandra_env: Env) -> None:
    admit(cassandra_env)
    code, output = finished(cassandra_env, "store", "verify")
    assert code == 0, output
    assert "Compared: 1 events of 1 aggregates (0 of them erased)" in output
    assert "1 positions of the notification log" in output
    assert "All is well." in output


def test_findings_are_counted_and_named_with_exit_code_1_and_the_rebuild_mends_them(
    cassandra_env: Env,
) -> None:
    admit(cassandra_env | {"CASSANDRA_NOTIFICATION_LOG": "no"})
    assert "the notification log is off" in finished(cassandra_env, "store", "verify")[1]
    code, output = finished(
        cassandra_env, "store", "settings", "--notification-log", "yes", "--write"
    )
    assert code == 0, output
    assert "patientmgmt store rebuild-log --write" in output

    code, output = finished(cassandra_env, "store", "verify")
    assert code == 1
    assert "1 events that are not in the notification log:" in output
    assert "version 1" in output
    assert "Traceback" not in output

    code, output = finished(cassandra_env, "store", "rebuild-log")
    assert code == 0
    assert "Nothing was written." in output

    code, output = finished(cassandra_env, "store", "rebuild-log", "--write")
    assert code == 0
    assert "Appended 1 events to the log." in output
    assert finished(cassandra_env, "store", "verify")[0] == 0


def test_after_a_restore_the_board_and_the_log_are_of_the_events_that_are_there(
    cassandra_env: Env, datastore: CassandraDatastore
) -> None:
    for _ in range(2):
        admit(cassandra_env)
    assert finished(cassandra_env, "worker", "--once")[0] == 0
    keyspace = datastore.settings.keyspace
    lost, kept = datastore.session.execute(f"SELECT DISTINCT id FROM {keyspace}.events")
    datastore.session.execute(f"DELETE FROM {keyspace}.events WHERE id = {lost.id}")
    datastore.session.execute(f"CREATE TABLE {keyspace}.my_view (id int PRIMARY KEY)", timeout=60)

    code, output = finished(cassandra_env, "store", "restored")
    assert code == 0, output
    assert "have to begin again too" in output
    assert output.splitlines()[-2].endswith(": my_view")
    assert "Nothing was written." in output

    code, output = finished(cassandra_env, "store", "restored", "--write")
    assert code == 0, output
    assert "Appended 1 events to a new log." in output
    wait_until(lambda: finished(cassandra_env, "store", "verify")[0] == 0)
    assert finished(cassandra_env, "worker", "--once")[0] == 0
    with open_runtime(clean_environment() | cassandra_env) as runtime:
        assert [row.patient_id for row in runtime.queries.patients.page().patients] == [kept.id]


def test_snapshots_are_removed_where_that_is_asked_for(
    cassandra_env: Env, datastore: CassandraDatastore
) -> None:
    insert = "INSERT INTO {keyspace}.snapshots (id, version) VALUES (uuid(), 1)"
    datastore.session.execute(datastore.prepare(insert))
    count = datastore.prepare("SELECT count(*) FROM {keyspace}.snapshots")
    for arguments, left in (([], 1), (["--write"], 0)):
        code, output = finished(cassandra_env, "store", "empty-snapshots", *arguments)
        assert code == 0, output
        assert datastore.session.execute(count).one()[0] == left


def test_settings_are_shown_and_changed_where_that_is_asked_for(cassandra_env: Env) -> None:
    assert "what the first writer has" in finished(cassandra_env, "store", "settings")[1]
    admit(cassandra_env)
    turn_off = ["store", "settings", "--notification-log", "no"]
    for arguments, said in ((turn_off, "yes -> no"), ([*turn_off, "--write"], "yes -> no")):
        code, output = finished(cassandra_env, *arguments)
        assert code == 0, output
        assert said in output
    code, output = finished(cassandra_env, "scenario")
    assert code == 1
    assert "CASSANDRA_NOTIFICATION_LOG: expected no" in output
    assert "Traceback" not in output


@pytest.mark.parametrize("topic", ["", " ", "a:b c", "None"])
@pytest.mark.parametrize("option", ["--cipher", "--compressor"])
def test_a_setting_that_no_writer_can_have_is_refused(
    cassandra_env: Env, option: str, topic: str
) -> None:
    for write in ([], ["--write"]):
        code, output = finished(cassandra_env, "store", "settings", option, topic, *write)
        assert code == 1
        assert f"{option}: expected a topic, like package.module:Class, or none" in output
    admit(cassandra_env)


def test_tables_of_another_version_are_left_alone_by_a_restore(
    cassandra_env: Env, datastore: CassandraDatastore
) -> None:
    admit(cassandra_env)
    assert finished(cassandra_env, "worker", "--once")[0] == 0
    write_version(datastore, 1)
    for write in ([], ["--write"]):
        code, output = finished(cassandra_env, "store", "restored", *write)
        assert code == 1
        assert "found version 1" in output
    write_version(datastore, VERSION)
    with open_runtime(clean_environment() | cassandra_env) as runtime:
        assert len(runtime.queries.patients.page().patients) == 1


def test_status_tells_what_is_pending(cassandra_env: Env, datastore: CassandraDatastore) -> None:
    admit(cassandra_env)
    recorder = CassandraApplicationRecorder(datastore)
    (event,) = recorder.select_notifications(1, 1)
    pending = Append([StoredEvent(uuid4(), 1, event.topic, event.state)])
    scan = LogScan(datastore, recorder.event_types)
    table = scan.table
    table.reserve(table.batch(table.end(scan.end), [table.encode(pending)], []))

    code, output = finished(cassandra_env, "store", "status")
    assert code == 0, output
    lines = {line[:17].strip(): line[17:] for line in output.splitlines()}
    assert lines["log head"] == "2"
    assert lines["decided up to"] == "1"
    assert lines["pending"] == "1"
    assert f"position 2: {pending.aggregate_id} version 1" in output
    assert "\n  notification_log  " in output


def test_older_tables_are_refused_until_they_are_updated(
    cassandra_env: Env, datastore: CassandraDatastore
) -> None:
    write_version(datastore, 1)
    for arguments in (["store", "verify"], ["init"], ["scenario"]):
        code, output = finished(cassandra_env, *arguments)
        assert code == 1
        assert "found version 1" in output
        assert "patientmgmt store update" in output
        assert "Traceback" not in output

    code, output = finished(cassandra_env, "store", "update")
    assert code == 0
    assert "patientmgmt store rebuild-log --write" in output

    code, output = finished(cassandra_env, "store", "update")
    assert code == 0
    assert "nothing to do" in output


@pytest.mark.parametrize(
    "arguments",
    [
        ["status"],
        ["verify"],
        ["rebuild-log"],
        ["update"],
        ["settings"],
        ["empty-snapshots"],
        ["restored"],
        ["erase", str(UUID(int=7))],
    ],
)
def test_sqlite_has_no_such_tables(arguments: list[str]) -> None:
    code, output = finished({}, "store", *arguments)
    assert code == 1
    assert "Expected PERSISTENCE_MODULE=eventstore_cassandra" in output


def test_a_keyspace_without_tables_names_the_command_that_makes_them(
    cassandra_node: CassandraNode,
) -> None:
    nothing = {
        "PERSISTENCE_MODULE": CASSANDRA,
        "CASSANDRA_CONTACT_POINTS": ",".join(cassandra_node.contact_points),
        "CASSANDRA_PORT": str(cassandra_node.port),
        "CASSANDRA_KEYSPACE": "nothing_here",
    }
    code, output = finished(nothing, "store", "status")
    assert code == 1
    assert "patientmgmt init" in output
