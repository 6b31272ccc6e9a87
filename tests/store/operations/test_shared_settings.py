"""What all writers of a keyspace must have in common stands there, and another is refused."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import pytest
from eventsourcing.cipher import AESCipher
from eventsourcing.persistence import ProgrammingError
from eventsourcing.utils import Environment

from eventstore_cassandra import (
    CassandraApplicationRecorder,
    CassandraDatastore,
    CassandraSnapshotRecorder,
    Settings,
    create_tables,
)
from eventstore_cassandra.operations import finish, rebuild_log, status, verify
from eventstore_cassandra.schema_version import checked_schema
from eventstore_cassandra.shared_settings import (
    SHARED,
    change_settings,
    claimed_schema,
    settings_of_keyspace,
)
from tests.store.operations.crafting import keyspace

AES = "eventsourcing.cipher:AESCipher"
ZLIB = "eventsourcing.compressor:ZlibCompressor"
OTHERS = [
    ("CASSANDRA_NOTIFICATION_LOG: expected yes", {"notification_log": False}),
    ("CASSANDRA_SERIAL_CONSISTENCY: expected LOCAL_SERIAL", {"serial_consistency": "SERIAL"}),
    ("CIPHER_TOPIC: expected none", {"cipher": AES}),
    ("COMPRESSOR_TOPIC: expected none", {"compressor": ZLIB}),
]


@pytest.fixture(scope="module")
def tables(settings: Settings) -> Iterator[CassandraDatastore]:
    told = replace(settings, cipher="none", compressor="none")
    with keyspace(told) as datastore:
        create_tables(datastore)
        yield datastore


@pytest.fixture
def datastore(tables: CassandraDatastore) -> CassandraDatastore:
    """A keyspace that does not say anything of its writers yet."""
    columns = ", ".join(f"{setting.column} = null" for setting in SHARED)
    query = f"UPDATE {{keyspace}}.schema_version SET {columns} WHERE component = ? IF EXISTS"
    tables.session.execute(tables.prepare(query), ["event store"])
    return tables


@contextmanager
def using(datastore: CassandraDatastore, changes: dict[str, object]) -> Iterator[None]:
    """Give a datastore other settings beside the block, and leave its connections alone."""
    before = datastore.settings
    datastore.settings = replace(before, **changes)  # type: ignore[arg-type]
    try:
        yield
    finally:
        datastore.settings = before


def said(datastore: CassandraDatastore) -> list[str | None]:
    schema = checked_schema(datastore)
    return [getattr(schema, setting.column) for setting in SHARED]


def test_the_first_writer_says_it_and_who_only_looks_does_not(
    datastore: CassandraDatastore,
) -> None:
    create_tables(datastore)
    finish(verify(datastore))
    finish(rebuild_log(datastore, write=True))
    status(datastore)
    assert said(datastore) == [None] * 4
    CassandraApplicationRecorder(datastore)
    assert said(datastore) == ["yes", "LOCAL_SERIAL", "none", "none"]


@pytest.mark.parametrize("use", [CassandraApplicationRecorder, CassandraSnapshotRecorder])
@pytest.mark.parametrize(("message", "changes"), OTHERS)
def test_a_writer_with_other_settings_is_refused_and_told_what_to_do(
    datastore: CassandraDatastore,
    use: type[CassandraApplicationRecorder | CassandraSnapshotRecorder],
    message: str,
    changes: dict[str, object],
) -> None:
    CassandraApplicationRecorder(datastore)
    before = said(datastore)
    (column,) = changes
    option = column.replace("_", "-")
    sentence = rf"{message}, as all writers.*`patientmgmt store settings --{option} \S+ --write`"
    with using(datastore, changes), pytest.raises(ProgrammingError, match=sentence):
        use(datastore)
    assert said(datastore) == before


@pytest.mark.parametrize(("_message", "changes"), OTHERS)
def test_what_is_changed_on_purpose_is_what_writers_must_have(
    datastore: CassandraDatastore, _message: str, changes: dict[str, object]
) -> None:
    CassandraApplicationRecorder(datastore)
    ((column, value),) = changes.items()
    change_settings(datastore, {column: "no" if value is False else str(value)})
    with pytest.raises(ProgrammingError, match="as all writers"):
        CassandraApplicationRecorder(datastore)
    with using(datastore, changes):
        CassandraApplicationRecorder(datastore)


def test_a_cipher_that_is_not_told_is_neither_said_nor_refused(
    datastore: CassandraDatastore,
) -> None:
    untold: dict[str, object] = {"cipher": None, "compressor": None}
    with using(datastore, untold):
        CassandraApplicationRecorder(datastore)
    assert said(datastore) == ["yes", "LOCAL_SERIAL", None, None]
    CassandraApplicationRecorder(datastore)
    assert said(datastore) == ["yes", "LOCAL_SERIAL", "none", "none"]
    with using(datastore, untold):
        CassandraApplicationRecorder(datastore)


def test_of_writers_that_start_at_once_with_different_settings_those_of_one_kind_are_refused(
    datastore: CassandraDatastore,
) -> None:
    settings = datastore.settings
    kinds = [settings, replace(settings, notification_log=False, cipher=AES)] * 3
    opened = [CassandraDatastore(each) for each in kinds]

    def start(one: CassandraDatastore) -> bool:
        try:
            claimed_schema(one)
        except ProgrammingError:
            return False
        return True

    try:
        with ThreadPoolExecutor(len(opened)) as pool:
            started = list(pool.map(start, opened))
    finally:
        for one in opened:
            one.close()
    assert started in ([True, False] * 3, [False, True] * 3)
    assert said(datastore) in (
        ["yes", "LOCAL_SERIAL", "none", "none"],
        ["no", "LOCAL_SERIAL", AES, "none"],
    )


def test_who_looks_after_a_store_takes_what_the_keyspace_says(
    datastore: CassandraDatastore,
) -> None:
    others: dict[str, object] = {"notification_log": False, "serial_consistency": "SERIAL"}
    with using(datastore, others):
        CassandraApplicationRecorder(datastore)
    found = settings_of_keyspace(datastore)
    assert (found.notification_log, found.serial_consistency) == (False, "SERIAL")
    with pytest.raises(ProgrammingError, match="CASSANDRA_SERIAL_CONSISTENCY"):
        finish(rebuild_log(datastore, write=True))


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({}, ("none", "none")),
        ({"CIPHER_KEY": AESCipher.create_key(16)}, (AES, "none")),
        ({"CIPHER_TOPIC": "own:Cipher", "COMPRESSOR_TOPIC": "zlib"}, ("own:Cipher", "zlib")),
        ({"WARDS_COMPRESSOR_TOPIC": ZLIB}, ("none", ZLIB)),
    ],
)
def test_cipher_and_compressor_are_told_by_the_librarys_variables(
    env: dict[str, str], expected: tuple[str, str]
) -> None:
    found = Settings.from_env(Environment("Wards", env))
    assert (found.cipher, found.compressor) == expected
    assert all(key not in repr(found) for key in env.values() if key.endswith("="))
