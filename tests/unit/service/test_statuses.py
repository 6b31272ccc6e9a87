"""Errors as statuses, and back: a client gets the error that the recorder raised."""

from typing import Any
from urllib.parse import quote

import grpc
import pytest
from eventsourcing.persistence import (
    DataError,
    IntegrityError,
    NotSupportedError,
    OperationalError,
    PersistenceError,
    ProgrammingError,
)
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status as StatusMessage
from grpc_status.rpc_status import to_status
from hypothesis import given
from hypothesis import strategies as st

from eventstore_cassandra import AggregateErasedError, ConflictError, UnknownOutcomeError
from eventstore_cassandra.errors import StoreUnreachableError
from eventstore_grpc.statuses import (
    Failure,
    GoingAwayError,
    InvalidRequestError,
    Reason,
    TooLongError,
    error_of,
    failure_of,
    not_known_any_more,
    reason_of,
)


class Failed(grpc.RpcError):
    """A call that failed with a status."""

    def __init__(self, status: grpc.Status) -> None:
        self._status = status

    def code(self) -> grpc.StatusCode:
        return self._status.code

    def details(self) -> str:
        return self._status.details

    def trailing_metadata(self) -> Any:
        return self._status.trailing_metadata


class Plain(grpc.Status):
    """A status that no server of ours has made."""

    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        self.code = code
        self.details = details
        self.trailing_metadata = ()


def received(error: Exception) -> PersistenceError:
    return error_of(Failed(failure_of(error).status()), "Cannot do it")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvalidRequestError("x"), grpc.StatusCode.INVALID_ARGUMENT),
        (DataError("x"), grpc.StatusCode.INVALID_ARGUMENT),
        (ConflictError("x", expected=1, actual=2), grpc.StatusCode.ABORTED),
        (IntegrityError("x"), grpc.StatusCode.ABORTED),
        (AggregateErasedError("x"), grpc.StatusCode.FAILED_PRECONDITION),
        (ProgrammingError("x"), grpc.StatusCode.FAILED_PRECONDITION),
        (NotSupportedError("x"), grpc.StatusCode.FAILED_PRECONDITION),
        (UnknownOutcomeError("x"), grpc.StatusCode.UNAVAILABLE),
        (StoreUnreachableError("x"), grpc.StatusCode.UNAVAILABLE),
        (GoingAwayError("x"), grpc.StatusCode.UNAVAILABLE),
        (TooLongError("x"), grpc.StatusCode.RESOURCE_EXHAUSTED),
        (OperationalError("x"), grpc.StatusCode.DATA_LOSS),
        (RuntimeError("x"), grpc.StatusCode.INTERNAL),
    ],
)
def test_each_error_has_its_code(error: Exception, code: grpc.StatusCode) -> None:
    status = failure_of(error).status()

    assert status.code is code
    assert reason_of(Failed(status)) is failure_of(error).reason


@pytest.mark.parametrize(
    "error",
    [
        DataError("Too much of it."),
        ConflictError("Expected 1, found 2.", expected=1, actual=2),
        ConflictError("Expected none, found 2.", actual=2),
        ConflictError("Expected 3, found none.", expected=3),
        ConflictError("Expected none, found 0.", actual=0),
        ConflictError("Expected 0, found 1.", expected=0, actual=1),
        IntegrityError("Twice the same."),
        AggregateErasedError("It is erased."),
        ProgrammingError("No tables."),
        UnknownOutcomeError("Who knows."),
        StoreUnreachableError("Nobody there."),
    ],
)
def test_the_librarys_errors_arrive_as_what_they_were(error: PersistenceError) -> None:
    found = received(error)

    assert type(found) is type(error)
    assert str(found) == str(error)
    if isinstance(error, ConflictError):
        assert isinstance(found, ConflictError)
        assert (found.expected, found.actual) == (error.expected, error.actual)


def test_other_errors_arrive_as_the_nearest_of_the_library() -> None:
    assert type(received(InvalidRequestError("Not so."))) is DataError
    assert type(received(NotSupportedError("Not here."))) is ProgrammingError
    assert type(received(GoingAwayError("Bye."))) is StoreUnreachableError
    for error in (TooLongError("Long."), OperationalError("A hole."), RuntimeError("Secret.")):
        found = received(error)
        assert type(found) is OperationalError
        assert str(found).startswith("Cannot do it: ")
        assert "Secret" not in str(found)


@pytest.mark.parametrize("code", list(grpc.StatusCode))
def test_a_status_of_somebody_else_is_an_error_of_the_library(code: grpc.StatusCode) -> None:
    found = error_of(Failed(Plain(code, "")), "Cannot do it")

    broken = {"UNAVAILABLE", "DEADLINE_EXCEEDED", "INTERNAL", "UNKNOWN", "CANCELLED"}
    assert isinstance(found, StoreUnreachableError) is (code.name in broken)
    assert isinstance(found, OperationalError)
    assert code.name in str(found)
    assert reason_of(Failed(Plain(code, ""))) is None


def test_a_sentence_has_one_line_and_an_end() -> None:
    status = failure_of(DataError("Too\nlong " + 5000 * "ü")).status()

    assert 300 < len(status.details) <= 1000
    assert status.details.startswith("Too long ü")
    assert reason_of(Failed(status)) is Reason.INVALID_REQUEST
    assert len(failure_of(DataError(2000 * "x")).status().details) == 1000


@given(st.text(st.sampled_from("x ü漢😀%"), max_size=2000))
def test_no_more_is_cut_than_a_quarter_of_what_would_fit(sentence: str) -> None:
    told = Failure(Reason.INVALID_REQUEST, sentence).status().details

    assert sentence.startswith(told)
    assert len(quote(told)) <= 2_500
    if told != sentence[:1000]:
        assert len(quote(sentence[: len(told) * 4 // 3 + 1])) > 2_500


def test_what_just_fits_is_told() -> None:
    sentence = 750 * "%" + 250 * "x"

    assert len(quote(sentence)) == 2_500
    assert Failure(Reason.INVALID_REQUEST, sentence).status().details == sentence
    cut = Failure(Reason.INVALID_REQUEST, sentence[:-1] + "%").status().details
    assert cut == sentence[:750]


@pytest.mark.parametrize("character", ["x", "ü", "漢", "😀", "%"])
def test_what_a_status_says_fits_into_the_headers(character: str) -> None:
    conflict = ConflictError(5000 * character, expected=1, actual=2)
    status = failure_of(conflict).status()

    metadata = sum(len(key) + 4 * len(value) / 3 for key, value in status.trailing_metadata)
    assert metadata + len(quote(status.details)) < 7_500


def test_after_an_earlier_try_nobody_says_that_nothing_was_written() -> None:
    unreachable = failure_of(StoreUnreachableError("Nobody there. Nothing was written."))
    conflict = failure_of(ConflictError("Expected 1, found 2.", expected=1, actual=2))
    other = failure_of(ConflictError("Expected none, found 1.", actual=1))
    behind = failure_of(ConflictError("Expected 3, found 2. Nothing was written.", expected=3))
    there = failure_of(ConflictError("Found 2. Nothing was written.", expected=2, actual=2))
    from_0 = failure_of(ConflictError("Found 0. Nothing was written.", actual=0))
    erased = failure_of(AggregateErasedError("Erased."))

    found = not_known_any_more(unreachable)

    assert found.reason is Reason.OUTCOME_UNKNOWN
    assert found.sentence == (
        "Nobody there. It is not known whether an earlier try has written the events."
    )
    assert not_known_any_more(conflict) == conflict
    assert not_known_any_more(other) == other
    assert not_known_any_more(erased) == erased
    too_large = failure_of(DataError("Too large. Nothing was written."))
    for still_open in (behind, there, from_0, too_large):
        found = not_known_any_more(still_open)
        assert found.reason is Reason.OUTCOME_UNKNOWN
        assert "Nothing was written" not in found.sentence


def test_details_of_others_are_left_alone() -> None:
    other = Failure(Reason.VERSION_CONFLICT, "x").status()
    mixed = Plain(grpc.StatusCode.INTERNAL, "y")
    mixed.trailing_metadata = other.trailing_metadata

    assert reason_of(Failed(mixed)) is None


def test_reasons_of_others_are_not_ours() -> None:
    ours = AnyMessage()
    ours.Pack(ErrorInfo(reason="STORE_DAMAGED", domain="storegrpc"))
    theirs = AnyMessage()
    theirs.Pack(ErrorInfo(reason="AGGREGATE_ERASED", domain="example.org"))
    text = AnyMessage()
    text.Pack(StatusMessage(message="AGGREGATE_ERASED"))

    def failed(*details: AnyMessage) -> Failed:
        return Failed(to_status(StatusMessage(code=14, message="x", details=details)))

    assert reason_of(failed(text, theirs)) is None
    assert type(error_of(failed(text, theirs), "Cannot do it")) is StoreUnreachableError
    assert reason_of(failed(text, theirs, ours)) is Reason.STORE_DAMAGED
