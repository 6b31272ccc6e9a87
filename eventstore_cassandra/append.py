"""The append: how events get into an aggregate's partition, and how the outcome becomes known.

Theory of operation
===================
All events of an aggregate share one partition, and the partition has one static column,
``current_version``. An append is one conditional batch on that partition: it sets the column to
the last new version *if it still holds the version before the first new one*, and inserts the
events in the same step. Of two writers that both saw version 3, one sets it to 4; for the other the
condition no longer holds, and nothing of its batch is written. There is no lock to leak and no
leader to lose: Paxos, run by the replicas of the partition, decides.

The first event has no version before it: its batch expects the column to be null. (Streams may
begin at version 0 or 1. An event 1 that finds the stream at version 0 is a further event after all,
and is appended as one; but not if it stands in the notification log already, where it might then
come before version 0: ``log.py`` gives it another place there.)

*Uncertain outcomes.* An answer may be lost: the node died, the time ran out, another proposal got
in between. The batch may then have been applied or not, or be applied later by whoever completes
it. Two facts make that harmless:

1. Each append carries a name of its own, ``append_id``, in every row, kept when it is tried again.
2. Versions only grow, so that a batch that was applied, or was overtaken, is never applied again.

So an uncertain step is simply taken again. If it is then not applied, the row at the first new
version tells whose it is: the own name means success at an earlier try, another's means conflict.
That look is made at serial consistency, since a batch that was decided may so far have reached one
replica only, and after *every* refusal, not only after a retry: a refusal is rare here, so that it
costs little not to rely on the driver and the servers never trying twice on their own.

*Appends that are refused for good.* A batch may be one that the server or the driver never takes: a
limit was lowered, a library has changed. Where nobody but its writer can send it, that is the end
of it. But an append that stands in the notification log is an intent, which every reader tries to
decide, and nobody could pass it. So whoever is refused *bars* it, by another conditional write on
the partition: ``barred`` gets the append's name, if the aggregate is still at the version before
it. Each batch has the condition that its own name is not barred, and names are never taken out. So
an append that is barred was not applied and never will be: "nothing was written" is true then, and
stays true. An error that is no refusal says nothing of an intent: it is tried again, and in the end
its outcome is unknown, whether or not anything was sent.

*Erased aggregates.* ``operations/erase.py`` sets the column to :data:`ERASED_AT`, which no append
expects or reaches. So to an aggregate that is erased nothing is ever appended, while an append that
was applied before still finds its own row.

*Aggregates below the expected version.* The caller made that version up, rather than load it; or
events were lost, or restored from a backup that is older than the log. Such an aggregate refuses
the batch today; but a late copy of it, or another reader, may have it applied once others have
appended that far. So with an unanswered try behind it, or as an intent, it is barred as well, at
the version that the aggregate is at, before that is called a conflict.

:func:`append_steps` is this protocol without I/O: a generator that yields the next step and is sent
the reply. Whoever changes it must change the tests that drive it through every order of replies,
and think of ``snapshots.py`` and ``tracking.py``, which resolve uncertainty by the same two facts.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from uuid import UUID, uuid4

from eventsourcing.persistence import (
    IntegrityError,
    PersistenceError,
    ProgrammingError,
    StoredEvent,
)

from eventstore_cassandra.append_checks import check_append
from eventstore_cassandra.errors import (
    AggregateErasedError,
    ConflictError,
    describe,
    is_certain,
    is_refusal,
    library_error,
)
from eventstore_cassandra.requests import new_append_id

ERASED_AT = 2**31 - 1
"""``current_version`` of an erased aggregate: the largest that the column holds."""
UNKNOWN = (
    "It is not known whether the events are or will be written: load the aggregate before trying "
    "again."
)
_LOAD_AGAIN = "Nothing was written: load the aggregate again and repeat the command."


class Step(Enum):
    """What to do next."""

    CREATE = "the conditional batch of a stream that does not exist"
    EXTEND = "the conditional batch of a stream at the version before"
    LOOK = "a serial read of the append_id at the first new version"


@dataclass(frozen=True)
class Bar:
    """A conditional write, too: after it the batch can never be applied."""

    at: int | None
    """The version at which the aggregate is expected, which is not the append's own."""


@dataclass(frozen=True)
class Applied:
    """The batch was applied, or the append is barred now."""


@dataclass(frozen=True)
class NotApplied:
    """The condition did not hold; ``current_version`` is None where no stream exists."""

    current_version: int | None
    is_barred: bool = False


@dataclass(frozen=True)
class Found:
    """What the look found: the name of the append that wrote the row, None where there is none."""

    append_id: UUID | None


@dataclass(frozen=True)
class Unanswered:
    """The request failed, with this error of the driver."""

    error: BaseException


Reply = Applied | NotApplied | Found | Unanswered

AggregateId = UUID | str
"""The id of an aggregate: of the one type that the keyspace was created for."""


@dataclass(frozen=True)
class Append:
    """The events of one append, checked: of one aggregate, with versions that follow on."""

    events: Sequence[StoredEvent]
    append_id: UUID = field(default_factory=uuid4)
    follows_0: bool = False
    """Whether the first event is version 1 of a stream whose version 0 is known to be committed."""
    request: str | None = None
    """The client's name for it, if it has one: see :mod:`..requests`."""

    @property
    def aggregate_id(self) -> AggregateId:
        """The partition."""
        return self.events[0].originator_id

    @property
    def first_version(self) -> int:
        """Version of the first event."""
        return self.events[0].originator_version

    @property
    def is_new(self) -> bool:
        """Whether a stream is expected not to exist, so that this would be its first append."""
        return self.first_version < (1 if self.follows_0 else 2)

    @property
    def last_version(self) -> int:
        """Version of the last event."""
        return self.events[-1].originator_version

    @classmethod
    def of(
        cls,
        events: Sequence[StoredEvent],
        *,
        max_bytes: int,
        id_type: type[UUID] | type[str] = UUID,
        request: str | None = None,
    ) -> "Append":
        """Check the events, at least one, and give the append its id.

        :raises ProgrammingError, IntegrityError, DataError: see :func:`check_append`.
        """
        check_append(events, max_bytes=max_bytes, id_type=id_type)
        return cls(tuple(events), _new_id(events, request), request=request)

    def anew(self) -> "Append":
        """Return another append of the same events, by the same request."""
        return Append(self.events, _new_id(self.events, self.request), request=self.request)


def _new_id(events: Sequence[StoredEvent], request: str | None) -> UUID:
    return uuid4() if request is None else new_append_id(request, events)


class BarredError(ProgrammingError):
    """The append was refused for good, and can never be applied any more."""


def first_step(append: Append) -> Step:
    """Return the step that an append begins with."""
    return Step.CREATE if append.is_new else Step.EXTEND


def append_steps(
    append: Append, *, attempts: int, is_intent: bool
) -> Generator[Step | Bar, Reply, None]:
    """Yield steps until the append is known to be applied; each must be sent its reply.

    :param attempts: how many steps may stay unanswered before giving up.
    :param is_intent: whether the append stands in the notification log, so that others may decide
        it.
    :raises ConflictError: when somebody else wrote these versions; nothing of it was written.
    :raises AggregateErasedError: when the aggregate is erased.
    :raises BarredError: when it was refused, by the server or the driver; nothing of it was
        written, nor will be.
    :raises UnknownOutcomeError: when it is not known whether the events are or will be written.
    :raises OperationalError: when the store cannot be reached; nothing of it was written.
    """
    conditional = first_step(append)
    step: Step | Bar = conditional
    current_version: int | None = None
    refused_by: BaseException | None = None
    unanswered = 0
    may_be_applied = is_intent
    while True:
        match (yield step):
            case NotApplied(is_barred=True):
                raise _barred(append, refused_by)
            case Applied() if isinstance(step, Bar):
                raise _barred(append, refused_by) if refused_by else refusal(append, step.at)
            case Applied():
                return
            case Unanswered(error=error):
                may_be_applied = may_be_applied or not is_certain(error)
                if may_be_applied and is_refusal(error) and step is conditional:
                    refused_by, step = error, Bar(_before(append, conditional))
                    continue
                unanswered += 1
                if unanswered == attempts or is_refusal(error) or not may_be_applied:
                    raise _failure(append, error, may_be_applied) from error
            case NotApplied(current_version=current_version):
                step = Step.LOOK
            case Found(append_id=append.append_id):
                return
            case Found():
                is_at_0 = conditional is Step.CREATE and current_version == append.first_version - 1
                if is_at_0 and not is_intent:
                    conditional = step = Step.EXTEND
                elif may_be_applied and (current_version or 0) < append.first_version - 1:
                    step = Bar(current_version)
                elif current_version == _before(append, conditional):
                    step = conditional  # it is there now, after it was barred in vain below
                else:
                    raise refusal(append, current_version)


def _before(append: Append, conditional: Step) -> int | None:
    return None if conditional is Step.CREATE else append.first_version - 1


def refusal(append: Append, current_version: int | None) -> IntegrityError:
    """Return the error that tells a conflict, or that the aggregate is erased."""
    if current_version == ERASED_AT:
        return AggregateErasedError(
            f"Expected aggregate {append.aggregate_id} to take events, found that it is erased. "
            "Nothing was written, and never will be: begin another aggregate, under another id."
        )
    return ConflictError(
        f"{_versions(append, current_version)} {_LOAD_AGAIN}",
        expected=None if append.is_new else append.first_version - 1,
        actual=current_version,
    )


def _versions(append: Append, current_version: int | None) -> str:
    found = "no events" if current_version is None else f"version {current_version}"
    expected = append.first_version - 1
    at = "no events" if append.is_new else f"version {expected}"
    return f"Expected aggregate {append.aggregate_id} at {at}, found it at {found}."


def _failure(
    append: Append,
    error: BaseException,
    may_be_applied: bool,  # noqa: FBT001
) -> PersistenceError:
    return library_error(
        error,
        _doing(append),
        outcome=UNKNOWN if may_be_applied else "Nothing was written.",
        is_known=not may_be_applied,
    )


def _barred(append: Append, error: BaseException | None) -> BarredError:
    reason = describe(error) if error else "it was given up before"
    return BarredError(
        f"{_doing(append)}: {reason}. It is barred, so that nobody tries it again. Nothing was "
        "written."
    )


def _doing(append: Append) -> str:
    return (
        f"Cannot append versions {append.first_version} to {append.last_version} of aggregate "
        f"{append.aggregate_id}"
    )
