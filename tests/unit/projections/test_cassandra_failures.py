"""What is said of a Cassandra that fails, whichever way the driver tells it."""

import re

import pytest
from cassandra import InvalidRequest, OperationTimedOut, UnresolvableContactPoints
from cassandra.cluster import NoHostAvailable
from cassandra.query import PreparedStatement

from projections.cassandra import CassandraReadModels
from projections.read_models import ReadModelsUnavailableError


class FailingSession:
    """A session of which each request ends in the given error."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def prepare(self, query: str) -> PreparedStatement:
        raise self._error


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            NoHostAvailable("Unable to connect", {"10.0.0.1:9042": OSError("refused")}),
            "cannot be reached: 10.0.0.1:9042: refused. Check that Cassandra runs",
        ),
        (
            NoHostAvailable("Unable to complete the operation", ["10.0.0.1:9042"]),
            "cannot be reached: no node of the data centre is in reach (known: 10.0.0.1:9042).",
        ),
        (UnresolvableContactPoints({}), "cannot be reached: no address was found for the name."),
        (OperationTimedOut(), "cannot be reached: errors=None, last_host=None."),
        (
            InvalidRequest("Keyspace 'wards' does not exist"),
            "are missing or not as expected: Keyspace 'wards' does not exist. Run `patientmgmt",
        ),
        (
            InvalidRequest("Undefined column name age in table wards.patients"),
            "are missing or not as expected: Undefined column name age in table wards.patients.",
        ),
        (
            InvalidRequest("Batch too large"),
            "refused a request for the read models in keyspace wards: Batch too large.",
        ),
    ],
)
def test_the_reason_and_what_to_do_are_told(error: Exception, told: str) -> None:
    with pytest.raises(ReadModelsUnavailableError, match=re.escape(told)):
        CassandraReadModels(FailingSession(error), "wards")
