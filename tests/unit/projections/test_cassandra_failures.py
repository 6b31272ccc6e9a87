"""What is said of a Cassandra that fails, whichever way the driver tells it."""

import re

import pytest
from cassandra import InvalidRequest, OperationTimedOut, UnresolvableContactPoints
from cassandra.cluster import NoHostAvailable
from cassandra.query import PreparedStatement

from projections.cassandra import CassandraDatabase
from projections.errors import (
    ChangeRefusedError,
    ReadModelsUnavailableError,
    TablesMissingError,
)


class FailingSession:
    """A session of which each request ends in the given error."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def execution_profile_clone_update(self, profile: object, **changes: object) -> object:
        return profile

    def prepare(self, query: str) -> PreparedStatement:
        raise self._error

    def execute(self, statement: object, *, execution_profile: object) -> object:
        raise self._error


UNREACHABLE, MISSING, REFUSED = ReadModelsUnavailableError, TablesMissingError, ChangeRefusedError


@pytest.mark.parametrize(
    ("error", "kind", "told"),
    [
        (
            NoHostAvailable("Unable to connect", {"10.0.0.1:9042": OSError("refused")}),
            UNREACHABLE,
            "cannot be reached: 10.0.0.1:9042: refused. Check that Cassandra runs",
        ),
        (
            NoHostAvailable("Unable to complete the operation", ["10.0.0.1:9042"]),
            UNREACHABLE,
            "cannot be reached: no node of the data centre is in reach (known: 10.0.0.1:9042).",
        ),
        (
            UnresolvableContactPoints({}),
            UNREACHABLE,
            "cannot be reached: no address was found for the name.",
        ),
        (OperationTimedOut(), UNREACHABLE, "cannot be reached: errors=None, last_host=None."),
        (
            InvalidRequest("Keyspace 'wards' does not exist"),
            MISSING,
            "are missing or not as expected: Keyspace 'wards' does not exist. Run `patientmgmt",
        ),
        (
            InvalidRequest("unconfigured table patient_list_1_guards"),
            MISSING,
            "are missing or not as expected: unconfigured table patient_list_1_guards. Run",
        ),
        (
            InvalidRequest("Undefined column name age in table wards.patients"),
            MISSING,
            "are missing or not as expected: Undefined column name age in table wards.patients.",
        ),
        (
            InvalidRequest("Batch too large"),
            REFUSED,
            "refused a request for the read models in keyspace wards: Batch too large.",
        ),
    ],
)
def test_the_reason_and_what_to_do_are_told(
    error: Exception, kind: type[Exception], told: str
) -> None:
    with pytest.raises(ReadModelsUnavailableError, match=re.escape(told)) as raised:
        CassandraDatabase(FailingSession(error), "wards").records.load("checkpoint", "log")
    assert type(raised.value) is kind
