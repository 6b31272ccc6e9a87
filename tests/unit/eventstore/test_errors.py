"""Which failures are certain, and how they are told."""

import pytest
from cassandra import (
    AuthenticationFailed,
    InvalidRequest,
    OperationTimedOut,
    Unauthorized,
    Unavailable,
    WriteTimeout,
    WriteType,
)
from cassandra.cluster import NoHostAvailable
from cassandra.connection import ConnectionShutdown
from cassandra.protocol import ErrorMessage
from eventsourcing.persistence import OperationalError, PersistenceError, ProgrammingError

from eventstore_cassandra.errors import (
    StoreUnreachableError,
    is_certain,
    library_error,
    library_errors,
)

CAS_OUTCOME_UNKNOWN = ErrorMessage(0x1700, "CAS operation result is unknown", None)


@pytest.mark.parametrize(
    "error",
    [
        WriteTimeout("no replica answered", write_type=WriteType.CAS),
        OperationTimedOut("no answer"),
        Unavailable("too few replicas"),
        ConnectionShutdown("closed"),
        CAS_OUTCOME_UNKNOWN,
        ErrorMessage(0x0000, "server error", None),
    ],
)
def test_an_error_after_which_the_batch_may_be_applied_is_uncertain(error: Exception) -> None:
    assert not is_certain(error)
    assert isinstance(library_error(error, "Cannot append"), StoreUnreachableError)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (NoHostAvailable("nobody", {}), StoreUnreachableError),
        (InvalidRequest("no such column"), ProgrammingError),
        (Unauthorized("no permission"), ProgrammingError),
        (AuthenticationFailed("bad password"), StoreUnreachableError),
    ],
)
def test_a_request_that_was_refused_or_never_sent_is_certain(
    error: Exception, kind: type[PersistenceError]
) -> None:
    assert is_certain(error)
    assert type(library_error(error, "Cannot append")) is kind


def test_an_error_tells_what_failed_at_each_host() -> None:
    error = NoHostAvailable("all hosts failed", {"10.0.0.1": ConnectionRefusedError("refused")})
    with (
        pytest.raises(OperationalError, match=r"Cannot read: 10\.0\.0\.1: refused"),
        library_errors("Cannot read"),
    ):
        raise error


def test_a_missing_table_is_answered_with_the_command_that_makes_it() -> None:
    error = library_error(InvalidRequest("table eventstore.events does not exist"), "Cannot read")
    assert "CASSANDRA_KEYSPACE" in str(error)
    assert "patientmgmt init" in str(error)
