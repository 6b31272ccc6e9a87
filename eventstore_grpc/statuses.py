"""Errors as gRPC statuses, and back: what a client can act on.

A status has a code, a sentence, and a ``google.rpc.ErrorInfo`` with a reason for programs to tell
apart what shares a code. The original's clients know no codes; see ``server/handlers.py``.

| error | code | reason | what a client can do |
|---|---|---|---|
| a request that no server would take | INVALID_ARGUMENT | INVALID_REQUEST | correct it |
| the aggregate is at another version | ABORTED | VERSION_CONFLICT | load it again and decide anew |
| the aggregate is erased | FAILED_PRECONDITION | AGGREGATE_ERASED | begin another one |
| no tables, no log, refused by Cassandra | FAILED_PRECONDITION | STORE_REFUSES | ask the operator |
| Cassandra does not answer | UNAVAILABLE | STORE_UNREACHABLE | try again |
| an append whose outcome is unknown | UNAVAILABLE | OUTCOME_UNKNOWN | the same name again |
| the server ends | UNAVAILABLE | GOING_AWAY | connect again |
| more than one message can hold | RESOURCE_EXHAUSTED | HISTORY_TOO_LONG | use ReadStream |
| data that is not as it should be | DATA_LOSS | STORE_DAMAGED | ask the operator |
| anything else | INTERNAL | UNEXPECTED | tell its authors; it is in the server's log |
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, cast
from urllib.parse import quote

import grpc
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
from grpc_status import rpc_status

from eventstore_cassandra import AggregateErasedError, ConflictError, UnknownOutcomeError
from eventstore_cassandra.errors import StoreUnreachableError

DOMAIN = "storegrpc"
_BROKEN = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    # What gRPC and proxies make of a connection that ends amid a call.
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.CANCELLED,
)
_SHOWN, _SENT = 1_000, 2_500
"""Characters of a sentence, and bytes that it takes as it is sent, twice: all that a status says
must fit into 8 KiB of headers."""
_NO_EVENTS = -1
"""The version of an aggregate without events; at 0 is one whose events are counted from 0."""


class Reason(Enum):
    """What happened, for programs."""

    INVALID_REQUEST = "a request that no server would take"
    VERSION_CONFLICT = "the aggregate is at another version"
    AGGREGATE_ERASED = "the aggregate is erased"
    STORE_REFUSES = "the store refuses it, today"
    STORE_UNREACHABLE = "the store does not answer; nothing was written"
    OUTCOME_UNKNOWN = "it is not known whether the events are or will be written"
    GOING_AWAY = "the server ends"
    HISTORY_TOO_LONG = "more than one message can hold"
    STORE_DAMAGED = "data is not as it should be"
    UNEXPECTED = "an error in the server"

    @property
    def code(self) -> grpc.StatusCode:
        """The status code that it is told with."""
        return _CODES[self]


_CODES = {
    Reason.INVALID_REQUEST: grpc.StatusCode.INVALID_ARGUMENT,
    Reason.VERSION_CONFLICT: grpc.StatusCode.ABORTED,
    Reason.AGGREGATE_ERASED: grpc.StatusCode.FAILED_PRECONDITION,
    Reason.STORE_REFUSES: grpc.StatusCode.FAILED_PRECONDITION,
    Reason.STORE_UNREACHABLE: grpc.StatusCode.UNAVAILABLE,
    Reason.OUTCOME_UNKNOWN: grpc.StatusCode.UNAVAILABLE,
    Reason.GOING_AWAY: grpc.StatusCode.UNAVAILABLE,
    Reason.HISTORY_TOO_LONG: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Reason.STORE_DAMAGED: grpc.StatusCode.DATA_LOSS,
    Reason.UNEXPECTED: grpc.StatusCode.INTERNAL,
}


class InvalidRequestError(ValueError):
    """A request that no server would take; the sentence tells the client why."""


class TooLongError(Exception):
    """More than one message can hold."""


class GoingAwayError(Exception):
    """The server ends."""


@dataclass(frozen=True)
class Failure:
    """How a call failed."""

    reason: Reason
    sentence: str
    told: Mapping[str, str] = field(default_factory=dict)
    """More for programs, by name."""

    def status(self) -> grpc.Status:
        """Return it as a status, with its details in the trailing metadata."""
        info = ErrorInfo(reason=self.reason.name, domain=DOMAIN, metadata=self.told)
        details = AnyMessage()
        details.Pack(info)
        code: int = self.reason.code.value[0]
        sentence = self.sentence[:_SHOWN]
        while len(quote(sentence)) > _SENT:
            sentence = sentence[: len(sentence) * 3 // 4]
        return rpc_status.to_status(StatusMessage(code=code, message=sentence, details=[details]))


def failure_of(error: Exception) -> Failure:
    """Return what to tell a client of an error."""
    sentence = " ".join(str(error).split())
    match error:
        case InvalidRequestError() | DataError():
            return Failure(Reason.INVALID_REQUEST, sentence)
        case TooLongError():
            return Failure(Reason.HISTORY_TOO_LONG, sentence)
        case GoingAwayError():
            return Failure(Reason.GOING_AWAY, sentence)
        case AggregateErasedError():
            return Failure(Reason.AGGREGATE_ERASED, sentence)
        case ConflictError(expected=expected, actual=actual):
            told = {"expected_version": _told(expected), "actual_version": _told(actual)}
            return Failure(Reason.VERSION_CONFLICT, sentence, told)
        case IntegrityError():
            return Failure(Reason.VERSION_CONFLICT, sentence)
        case UnknownOutcomeError():
            return Failure(Reason.OUTCOME_UNKNOWN, sentence)
        case StoreUnreachableError():
            return Failure(Reason.STORE_UNREACHABLE, sentence)
        case ProgrammingError() | NotSupportedError():
            return Failure(Reason.STORE_REFUSES, sentence)
        case OperationalError():
            return Failure(Reason.STORE_DAMAGED, sentence)
    return Failure(Reason.UNEXPECTED, "The server failed. Its log says why.")


def not_known_any_more(failure: Failure) -> Failure:
    """Return what to tell whoever has tried the same append before.

    This try may have written nothing, and yet the one before it something, or may still do so. It
    cannot any more once the aggregate has gone on to another version, or is erased.
    """
    if failure.reason is Reason.AGGREGATE_ERASED or _is_overtaken(failure):
        return failure
    sentence = f"{failure.sentence} It is not known whether an earlier try has written the events."
    return Failure(Reason.OUTCOME_UNKNOWN, sentence.replace(" Nothing was written.", ""))


def _is_overtaken(failure: Failure) -> bool:
    told = failure.told
    # Who expects no events may yet be taken behind a version 0.
    return bool(told) and int(told["actual_version"]) > max(int(told["expected_version"]), 0)


def _told(version: int | None) -> str:
    return str(_NO_EVENTS if version is None else version)


def error_of(failed: grpc.RpcError, doing: str) -> PersistenceError:
    """Return the library's error for the status with which a call failed.

    A status without a reason is not of the server: the way to it is broken, or it was too late.

    :param doing: what was attempted, as the beginning of a sentence.
    """
    call, info = _call(failed), _info(failed)
    sentence = call.details() or ""
    code = call.code()
    match info.reason if info else "":
        case Reason.VERSION_CONFLICT.name if info and info.metadata:
            versions = (int(info.metadata[name]) for name in ("expected_version", "actual_version"))
            expected, actual = (None if each == _NO_EVENTS else each for each in versions)
            return ConflictError(sentence, expected=expected, actual=actual)
        case Reason.VERSION_CONFLICT.name:
            return IntegrityError(sentence)
        case Reason.AGGREGATE_ERASED.name:
            return AggregateErasedError(sentence)
        case Reason.INVALID_REQUEST.name:
            return DataError(sentence)
        case Reason.STORE_REFUSES.name:
            return ProgrammingError(sentence)
        case Reason.OUTCOME_UNKNOWN.name:
            return UnknownOutcomeError(sentence)
        case Reason.STORE_UNREACHABLE.name | Reason.GOING_AWAY.name:
            return StoreUnreachableError(sentence)
        case Reason.STORE_DAMAGED.name | Reason.HISTORY_TOO_LONG.name | Reason.UNEXPECTED.name:
            return OperationalError(f"{doing}: {sentence}")
    if code in _BROKEN:
        return StoreUnreachableError(f"{doing}: {sentence.rstrip('.') or code.name}.")
    return OperationalError(f"{doing}: {code.name}, {sentence.rstrip('.')}.")


def reason_of(failed: grpc.RpcError) -> Reason | None:
    """Return the reason that the server gave; None where the status is not of the server."""
    info = _info(failed)
    return Reason.__members__.get(info.reason) if info else None


def _call(failed: grpc.RpcError) -> grpc.Call:
    return cast("grpc.Call", failed)  # every error of a call is that as well


def _info(failed: grpc.RpcError) -> ErrorInfo | None:
    try:
        status: Any = rpc_status.from_call(_call(failed))
    except ValueError:
        return None
    for details in status.details if status else ():
        info = ErrorInfo()
        if details.Unpack(info) and info.domain == DOMAIN:
            return info
    return None
