from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from cassandra import OperationTimedOut
from cassandra.query import PreparedStatement

from eventstore_cassandra import CassandraDatastore
from projections.cassandra import CassandraReadModels, create_tables
from projections.read_models import ReadModelsUnavailableError, RowChange
from tests.store.projections.conftest import DERIVED_TABLES
from tests.store.projections.rows import Shown, everywhere, rows_of, shown


def test_creating_the_tables_again_changes_nothing(
    read_model_datastore: CassandraDatastore, cassandra_read_models: CassandraReadModels
) -> None:
    patient_id = uuid4()
    [row] = rows_of(patient_id, ["AA"])
    cassandra_read_models.replace(None, row)
    create_tables(read_model_datastore.session, read_model_datastore.settings.keyspace)
    assert shown(cassandra_read_models, patient_id) == everywhere(row)


@pytest.fixture
def empty_keyspace(read_model_datastore: CassandraDatastore) -> Iterator[str]:
    keyspace = f"read_models_{uuid4().hex[:12]}"
    read_model_datastore.session.execute(
        f"CREATE KEYSPACE {keyspace} WITH replication = "
        "{'class': 'SimpleStrategy', 'replication_factor': 1}"
    )
    yield keyspace
    read_model_datastore.session.execute(f"DROP KEYSPACE {keyspace}", timeout=60)


def test_missing_tables_are_told_with_what_to_do(
    read_model_datastore: CassandraDatastore, empty_keyspace: str
) -> None:
    with pytest.raises(
        ReadModelsUnavailableError, match=rf"keyspace {empty_keyspace} .*Run `patientmgmt init`\."
    ):
        CassandraReadModels(read_model_datastore.session, empty_keyspace)


def test_tables_dropped_later_are_told_with_what_to_do(
    read_model_datastore: CassandraDatastore, empty_keyspace: str
) -> None:
    create_tables(read_model_datastore.session, empty_keyspace)
    store = CassandraReadModels(read_model_datastore.session, empty_keyspace)
    read_model_datastore.session.execute(f"DROP TABLE {empty_keyspace}.patients", timeout=60)
    with pytest.raises(ReadModelsUnavailableError, match="Run `patientmgmt init`"):
        store.patient(uuid4())


def test_a_missing_keyspace_is_told_with_what_to_do(
    read_model_datastore: CassandraDatastore,
) -> None:
    for call in (CassandraReadModels, create_tables):
        with pytest.raises(ReadModelsUnavailableError, match="Run `patientmgmt init`"):
            call(read_model_datastore.session, "no_such_keyspace")


def test_a_request_that_is_refused_for_its_size_says_so_and_not_that_tables_are_missing(
    cassandra_read_models: CassandraReadModels,
) -> None:
    [row] = rows_of(uuid4(), ["AA"])
    with pytest.raises(
        ReadModelsUnavailableError, match=r"refused a request .*: .*Batch too large"
    ):
        cassandra_read_models.replace(None, replace(row, name="x" * 60_000))


@pytest.mark.parametrize("keyspace", ["", "1a", "a-b", "a; DROP KEYSPACE b", "a" * 49])
def test_a_name_that_no_keyspace_can_have_is_refused(
    read_model_datastore: CassandraDatastore, keyspace: str
) -> None:
    for call in (CassandraReadModels, create_tables):
        with pytest.raises(ValueError, match="is no name of a keyspace"):
            call(read_model_datastore.session, keyspace)


def test_a_lost_connection_is_told_by_every_method(
    read_model_datastore: CassandraDatastore,
) -> None:
    datastore = CassandraDatastore(read_model_datastore.settings)
    store = CassandraReadModels(datastore.session, datastore.settings.keyspace)
    datastore.session.cluster.shutdown()
    [row] = rows_of(uuid4(), ["AA"])
    calls: list[Callable[[], object]] = [
        store.wards,
        store.patients,
        lambda: store.patient(row.patient_id),
        lambda: store.replace(None, row),
        store.checkpoint,
        lambda: store.save_checkpoint("1"),
    ]
    for call in calls:
        with pytest.raises(ReadModelsUnavailableError, match=r"cannot be reached: .* Check that"):
            call()


def test_truncated_tables_can_be_filled_again(
    read_model_datastore: CassandraDatastore, cassandra_read_models: CassandraReadModels
) -> None:
    patient_id = uuid4()
    rows = rows_of(patient_id, ["AA", "BB"])
    cassandra_read_models.replace_all([RowChange(rows)])
    for table in DERIVED_TABLES:
        read_model_datastore.session.execute(
            f"TRUNCATE {read_model_datastore.settings.keyspace}.{table}", timeout=60
        )
    cassandra_read_models.replace(None, rows[0])
    assert shown(cassandra_read_models, patient_id) == everywhere(rows[0])


class SessionThatDiesBeforeTheVersionIsWritten:
    """The rest of a session, as it is for a worker that is killed at that moment."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def execute_async(self, statement: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(statement, PreparedStatement):
            query = statement.query_string
            if "INSERT INTO" in query and ".patients " in query:
                raise OperationTimedOut
        return self._session.execute_async(statement, *args, **kwargs)


def test_a_change_that_a_crash_cut_off_is_completed_by_whoever_goes_on(
    read_model_datastore: CassandraDatastore, cassandra_read_models: CassandraReadModels
) -> None:
    patient_id = uuid4()
    rows = rows_of(patient_id, ["AA", "BB", "CC", None])
    cassandra_read_models.replace(None, rows[0])
    dying = CassandraReadModels(
        SessionThatDiesBeforeTheVersionIsWritten(read_model_datastore.session),
        read_model_datastore.settings.keyspace,
    )
    with pytest.raises(ReadModelsUnavailableError):
        dying.replace_all([RowChange(rows[:3])])
    assert shown(cassandra_read_models, patient_id) == Shown(rows[0], [rows[2]], [("CC", rows[2])])
    cassandra_read_models.replace_all([RowChange(rows)])
    assert shown(cassandra_read_models, patient_id) == everywhere(rows[3])
