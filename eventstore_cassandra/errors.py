"""The driver's errors, told as the library's: what failed, why, and what to do."""

import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from cassandra import (
    AuthenticationFailed,
    DriverException,
    InvalidRequest,
    RequestValidationException,
    Unauthorized,
    UnresolvableContactPoints,
)
from cassandra.cluster import NoHostAvailable
from cassandra.connection import ConnectionException
from cassandra.protocol import ConfigurationException, ErrorMessage, SyntaxException
from eventsourcing.persistence import (
    IntegrityError,
    OperationalError,
    PersistenceError,
    ProgrammingError,
)


class ConflictError(IntegrityError):
    """The aggregate is at another version than the append expects; nothing of it was written.

    ``expected`` and ``actual`` are these versions; None stands for an aggregate without events.
    """

    def __init__(
        self, message: str, *, expected: int | None = None, actual: int | None = None
    ) -> None:
        super().__init__(message)
        self.expected = expected
        self.actual = actual


class AggregateErasedError(IntegrityError):
    """An append to an aggregate that is erased: nothing can follow, whatever is loaded again."""


class ConnectionUnusableError(ProgrammingError):
    """A request that was not sent, of a connection that is closed, or of a forked process.

    An earlier try of the same write may have been sent: so it counts among the driver's errors, and
    whoever tries tells what has become of all the tries together.
    """


DRIVER_ERRORS = (
    DriverException,
    NoHostAvailable,
    UnresolvableContactPoints,
    ConnectionException,
    ErrorMessage,
    ConnectionUnusableError,
)
"""Whatever a request of a session raises when it fails."""

NOTHING_WRITTEN = "Nothing was written."

UNFIT_VALUES = (TypeError, ValueError, AttributeError, OverflowError, struct.error)
"""What the driver raises for values that a column cannot hold, or that it cannot send; nothing was
sent then."""

_SERVER_MESSAGE = re.compile(r'code=\w+ \[[^]]*\] message="(?P<message>.*)"', re.DOTALL)

_REFUSED = (
    RequestValidationException,
    SyntaxException,
    ConfigurationException,
    ConnectionUnusableError,
    *UNFIT_VALUES,
)
_NEVER_SENT = (NoHostAvailable, UnresolvableContactPoints, AuthenticationFailed)


class UnknownOutcomeError(OperationalError):
    """It is not known whether something is written, or will be: look before trying again.

    All other errors of an append mean that nothing of it was written.
    """


class StoreUnreachableError(OperationalError):
    """No answer came, so that waiting and trying again may help."""


def is_certain(error: BaseException) -> bool:
    """Tell whether a request that ended in this error surely had no effect.

    Time-outs, closed connections, failures of replicas and "CAS outcome unknown" (0x1700, which
    the driver has no class for) are uncertain, and so is whatever is not known here.
    """
    return isinstance(error, (*_NEVER_SENT, *_REFUSED))


def is_refusal(error: BaseException) -> bool:
    """Tell whether the same request would end in this error again: it was not lost, but refused."""
    return isinstance(error, _REFUSED)


def describe(error: BaseException) -> str:
    """Return the error's reason on one line, with those of each host behind NoHostAvailable."""
    if isinstance(error, NoHostAvailable):
        if not isinstance(error.errors, dict):  # the driver gives a list when no node qualifies
            return f"no node of the data centre is in reach (known: {', '.join(error.errors)})"
        reasons = {f"{host}: {describe(reason)}" for host, reason in error.errors.items()}
        return "; ".join(sorted(reasons)) or "no node is in reach"
    if isinstance(error, UnresolvableContactPoints):
        return "no address was found for the name"
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    from_server = _SERVER_MESSAGE.search(text)
    reason = from_server["message"] if from_server else text
    return " ".join(reason.split()).rstrip(".") or type(error).__name__


def library_error(
    error: BaseException, doing: str, *, outcome: str = "", is_known: bool = True
) -> PersistenceError:
    """Return the library's error for a driver's error.

    :param doing: what was attempted, as the beginning of a sentence.
    :param outcome: a sentence on what is so now, if there is more to say.
    :param is_known: whether the outcome is; else the error is an :class:`UnknownOutcomeError`.
    """
    reason = describe(error)
    kind: type[PersistenceError] = StoreUnreachableError
    advice = ""
    if is_refusal(error):
        kind = ProgrammingError
    if isinstance(error, InvalidRequest) and "does not exist" in reason:
        advice = (
            "Check CASSANDRA_KEYSPACE, or create the tables with `patientmgmt init`; a view makes "
            "its own with create_table()."
        )
    if isinstance(error, Unauthorized):
        advice = "Grant the user of CASSANDRA_USERNAME access."
    if not is_known:
        kind = UnknownOutcomeError
    return kind(" ".join(part for part in (f"{doing}: {reason}.", advice, outcome) if part))


@contextmanager
def library_errors(doing: str) -> Iterator[None]:
    """Turn the driver's errors in the block into the library's."""
    try:
        yield
    except DRIVER_ERRORS as e:
        raise library_error(e, doing) from e


@contextmanager
def nothing_written(doing: str) -> Iterator[None]:
    """Say of any error in the block, which sends nothing of an append, that nothing was written.

    :param doing: what was attempted, for errors that are not the library's.
    """
    try:
        yield
    except PersistenceError as e:
        raise type(e)(f"{e} {NOTHING_WRITTEN}") from e
    except Exception as e:
        raise ProgrammingError(f"{doing}: {e!r}. {NOTHING_WRITTEN}") from e
