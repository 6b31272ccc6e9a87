"""The reservation of positions as a protocol without I/O, like that of :mod:`..append`.

The head of a bucket is a static column, so that a reservation is the append over again: one
conditional batch, tried again under the same names when its outcome is unknown. A head only grows,
so that a batch which was overtaken is never applied. After a refusal with an unanswered try behind
it, the row at the first position tells whose it is.

A refusal by an announcement, with the head where it was, overtakes nothing: an earlier try may
still be applied, where the announcement has not got to. So with an unanswered try behind it, the
same rows are tried whoever has announced, until they are there or the head has moved.

A first refusal is believed, since rivals cause many. It cannot be by the batch itself: the driver
is told not to repeat it (``profiles.py``), and a coordinator proposes again by itself only if all
replicas refused its first proposal. If one of them accepted that, or did not answer, the outcome is
told to be unknown.
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from eventsourcing.persistence import OperationalError, PersistenceError

from eventstore_cassandra.append import UNKNOWN, Applied, Found, Unanswered
from eventstore_cassandra.errors import NOTHING_WRITTEN, is_certain, library_error
from eventstore_cassandra.notification_log.buckets import Buckets

CANNOT_WRITE = "Cannot write to the notification log"


@dataclass(frozen=True)
class Place:
    """The end of the log, as it is believed to be: a bucket and its head."""

    bucket: int
    head: int | None
    """None where the bucket has no rows; the bucket before, if any, is closed then."""
    first: int
    """The position after the head."""


@dataclass(frozen=True)
class Reserve:
    """Send the conditional batch at this place; answered by Applied, Refused, Unanswered."""

    place: Place


@dataclass(frozen=True)
class Insist:
    """Send the same rows, whoever has announced; answered like Reserve."""

    place: Place


@dataclass(frozen=True)
class LookUp:
    """Read at serial consistency whose row is at the place's first position; Found, Unanswered."""

    place: Place


@dataclass(frozen=True)
class Refused:
    """The head was another, None where the bucket has no rows; or others have announced."""

    head: int | None
    announced: Mapping[UUID, int] = field(default_factory=dict)
    """Who has, as the bucket has it now; what was announced some minutes ago has vanished."""


Step = Reserve | Insist | LookUp
Reply = Applied | Refused | Found | Unanswered


def after(place: Place, head: int, buckets: Buckets) -> Place:
    """Return the end of the log, given that the place's bucket has this head."""
    if buckets.is_closed(place.bucket, head):
        return Place(place.bucket + 1, None, head + 1)
    return Place(place.bucket, head, head + 1)


def lost_positions(place: Place) -> OperationalError:
    """Return the error that tells of a bucket that has no head any more."""
    return OperationalError(
        f"Expected bucket {place.bucket} of the notification log to have the head {place.head}, "
        "found no rows. Positions were lost: verify the log."
    )


def failure(error: BaseException, *, may_be_there: bool) -> PersistenceError:
    """Return the error for whoever gives up; the rows may be in the log, or get there, or not."""
    return library_error(
        error,
        CANNOT_WRITE,
        outcome=UNKNOWN if may_be_there else NOTHING_WRITTEN,
        is_known=not may_be_there,
    )


def reserve_steps(
    place: Place, name: UUID, *, attempts: int
) -> Generator[Step, Reply, Refused | None]:
    """Yield steps until it is known whether the batch was applied at the place.

    Returns None if it was, else what is there instead: the batch will never be applied.

    :param name: the append_id of the batch's first row.
    :param attempts: how many steps may stay unanswered before giving up.
    :raises UnknownOutcomeError: when it is not known whether the batch is or will be applied.
    :raises OperationalError: when the store cannot be reached; nothing was written.
    """
    step: Step = Reserve(place)
    unanswered = 0
    may_be_applied = False
    while True:
        match (yield step):
            case Applied():
                return None
            case Unanswered(error=error):
                may_be_applied = may_be_applied or not is_certain(error)
                unanswered += 1
                if unanswered == attempts or not may_be_applied:
                    raise failure(error, may_be_there=may_be_applied) from error
            case Refused(head=head) as refused:
                if head is None and place.head is not None:
                    raise lost_positions(place)
                if not may_be_applied:
                    return refused
                instead = refused
                step = Insist(place) if head == place.head else LookUp(place)
            case Found(append_id=found):
                return None if found == name else instead
