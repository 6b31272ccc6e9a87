"""Announcing a group of appends, and who serves it, as a protocol without I/O.

Theory of operation
===================
All processes fight for one head. Where everybody fights for itself, one reservation serves one
process, the others have tried in vain, and who is further away gets nothing at all. Hence whoever
wins takes everybody along:

    A process that has lost announces its group of appends in the bucket's lobby (``lobby.py``), by
    a plain write, and then looks. Whoever reserves next takes along all groups that wait there,
    the oldest first, in one row and one conditional batch. The others find themselves served.

* *A process that meets nobody pays nothing.* It reserves as before (``reserve_steps.py``), under
  the further condition that nobody has announced since it last knew: ``IF head = ? AND announced =
  ?``. So an announcement refuses its next batch, however near it is, and it announces as well.
* *Nothing is reserved twice.* For each group that it serves, the batch has the condition that its
  process is still served as it was when the lobby was read, ``IF served[process] = ?``, and
  changes just that. Of two that serve the same group, one is refused, and told by the answer.
* *Nobody is passed over.* Whoever reserves without a group has read the lobby before the group was
  there, so that it stands on a head that only one of them finds. Groups are served in the order of
  their numbers, which are above the head that their process saw: a process that was served has a
  larger number afterwards. So of N processes each passes over a group once at the most, and it is
  among the next N reservations: those of the other processes' groups that were there before, if
  they fill a row each, and the one that was under way.
* *Who tries.* The owner of the oldest group tries at once; others give those before them time, and
  look again: as often as there are older groups, then they try themselves. So a process that died
  delays the others once, until somebody has served it.
* *An outcome is unknown* once a group may be in the lobby and whoever announced it gives up:
  others may serve it later. If a server or driver refuses the batch for good, it is not: the group
  is withdrawn first, by a conditional write that takes the place of serving it.
* *A bucket that is closed serves nobody any more*: whoever was not served there, by a serial read,
  announces where the log ends now, and is among the next N reservations from then on.
* *Others' settings.* The size of buckets is the keyspace's. How much fits into a row is for whoever
  serves to say; the oldest group is served whatever its size. Writers of the version before, who
  know of no lobby, do no harm: they are rivals who take nobody along.
* *Two data centres.* Batches from both are about the same head, as the keyspace's serial
  consistency says. Who announces at a consistency that the others' reads do not meet is not seen
  by them in time, and depends on its own tries.

What it leaves behind: what is announced vanishes by itself after some minutes, or is overwritten
by the process's next group; what is large is taken out once it is served. ``served`` has an entry
for each process that was served in the bucket, at most one for each of its positions.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar
from uuid import UUID

from eventsourcing.persistence import OperationalError

from eventstore_cassandra.append import UNKNOWN, Applied, Unanswered
from eventstore_cassandra.errors import (
    NOTHING_WRITTEN,
    UnknownOutcomeError,
    is_certain,
    is_refusal,
)
from eventstore_cassandra.notification_log.buckets import Buckets
from eventstore_cassandra.notification_log.lobby import Group, Lobby, Served, positions
from eventstore_cassandra.notification_log.reserve_steps import (
    CANNOT_WRITE,
    Place,
    after,
    failure,
    lost_positions,
)


@dataclass(frozen=True)
class Announce:
    """Write the group into the lobby of a bucket; answered by Applied, Unanswered."""

    bucket: int
    group: Group


@dataclass(frozen=True)
class Wait:
    """Give others time to serve the group; answered by None."""


@dataclass(frozen=True)
class Look:
    """Read the lobby; answered by Lobby, Unanswered."""

    bucket: int
    with_groups: bool = False
    is_serial: bool = False


@dataclass(frozen=True)
class Combine:
    """Send the batch that serves the groups; answered by Applied, Lobby, Unanswered."""

    place: Place
    groups: Sequence[Group]
    served: Mapping[UUID, Served]
    """Who was served last, when the lobby was read."""


@dataclass(frozen=True)
class Withdraw:
    """Have the group never served, by a conditional write; answered like Combine."""

    bucket: int
    group: Group
    served: Served | None


@dataclass(frozen=True)
class Find:
    """Look for the end of the log, given that it is not before a place; answered by Place."""

    place: Place


Step = Announce | Wait | Look | Combine | Withdraw | Find
Reply = Applied | Lobby | Unanswered | Place | None
Steps = Generator[Step, Reply, "Combined"]
_T = TypeVar("_T")


@dataclass(frozen=True)
class Combined:
    """How a group got its positions."""

    bucket: int
    served: Served
    place: Place
    """The end of the log, as far as is known."""
    announced: Mapping[UUID, int]
    """Who has announced in the bucket, as it was last seen."""
    rivals: int
    """Processes that were met: others that waited, in the row or not, or who have served it."""


def combine_steps(
    group: Group,
    place: Place,
    number: Callable[[int], int],
    buckets: Buckets,
    *,
    attempts: int,
    is_eager: bool = True,
) -> Steps:
    """Yield steps until the group has its positions.

    :param place: the end of the log, as it is believed to be.
    :param number: returns a number for the group, which is at least this large and larger than any
        before.
    :param attempts: how many steps may stay unanswered before giving up.
    :param is_eager: whether each look has the groups that wait, as long as it may be one's turn;
        else they are read once it is.
    :raises UnknownOutcomeError: when it is not known whether the group is or will be in the log.
    :raises PersistenceError: for whatever else fails; nothing was written.
    """
    combining = _Combining(group, number, buckets, attempts=attempts, is_eager=is_eager)
    while isinstance(result := (yield from combining.within(place)), Place):
        place = yield from combining.end(result)
    return result


class _Combining:
    def __init__(
        self,
        group: Group,
        number: Callable[[int], int],
        buckets: Buckets,
        *,
        attempts: int,
        is_eager: bool,
    ) -> None:
        self._group = group
        self._number = number
        self._buckets = buckets
        self._attempts = attempts
        self._is_eager = is_eager
        self._unanswered = 0
        self._may_be_there = False
        self._is_alone = False
        """Whether the group is tried without others, since with them the batch was refused."""

    def within(self, place: Place) -> Generator[Step, Reply, Combined | Place]:
        """Yield steps until the group is served; return the next bucket's place if it is closed."""
        self._may_be_there = False
        group = self._group = replace(self._group, number=self._number(place.first))
        yield from self._answered(Announce(place.bucket, group), Applied)
        self._may_be_there = True
        waits = 0
        look = Look(place.bucket, with_groups=self._is_eager)
        while True:
            lobby = yield from self._answered(look, Lobby)
            if lobby.is_served(group.process, group.number):
                return self._found(place.bucket, lobby)
            if lobby.head is not None and self._buckets.is_closed(place.bucket, lobby.head):
                if look.is_serial:
                    return after(place, lobby.head, self._buckets)
                look = replace(look, is_serial=True)
            elif waits < (older := lobby.older_than(group)):
                waits += 1
                yield Wait()
                look = replace(look, with_groups=self._is_eager and waits >= older)
            elif lobby.rivals(group) and not look.with_groups and not self._is_alone:
                look = replace(look, with_groups=True)
            else:
                head = lobby.head
                here = place if head is None else Place(place.bucket, head, head + 1)
                if combined := (yield from self._try(here, lobby)):
                    return combined
                # What has refused the batch, or has become of it, need not have spread.
                look = Look(place.bucket, with_groups=self._is_eager, is_serial=True)

    def end(self, place: Place) -> Generator[Step, Reply, Place]:
        """Return where the log ends, which may be many buckets further on."""
        self._may_be_there = False
        return (yield from self._answered(Find(place), Place))

    def _try(self, place: Place, lobby: Lobby) -> Generator[Step, Reply, Combined | None]:
        groups = [self._group]
        if not self._is_alone:
            groups = lobby.together_with(self._group, max_events=self._buckets.size)
        match (yield Combine(place, groups, lobby.served)):
            case Applied() if self._group in groups:
                served = positions(groups, place.first)[self._group.process]
                end = after(place, served.last, self._buckets)
                rivals = lobby.rivals(self._group)
                return Combined(place.bucket, served, end, lobby.announced, rivals)
            case Lobby() as found:
                if found.head is None and place.head is not None:
                    raise UnknownOutcomeError(f"{lost_positions(place)} {UNKNOWN}")
                if found.is_served(self._group.process, self._group.number):
                    return self._found(place.bucket, replace(found, announced=lobby.announced))
            case Unanswered(error=error) if is_refusal(error) and self._is_alone:
                yield from self._withdraw(place.bucket, lobby, error)
            case Unanswered(error=error) if is_refusal(error):
                self._is_alone = True
            case Unanswered(error=error):
                self._note(error)
        return None

    def _withdraw(
        self, bucket: int, lobby: Lobby, error: BaseException
    ) -> Generator[Step, Reply, None]:
        """Raise the error, unless somebody has served the group after all."""
        served = lobby.served.get(self._group.process)
        match (yield Withdraw(bucket, self._group, served)):
            case Applied():
                raise failure(error, may_be_there=False) from error
            case Unanswered():
                raise failure(error, may_be_there=True) from error

    def _found(self, bucket: int, lobby: Lobby) -> Combined:
        served = lobby.served[self._group.process]
        if not served.first:
            raise OperationalError(f"{CANNOT_WRITE}: the group was withdrawn. {NOTHING_WRITTEN}")
        head = max(served.last, lobby.head or 0)
        end = after(Place(bucket, head, head + 1), head, self._buckets)
        return Combined(bucket, served, end, lobby.announced, 1)

    def _answered(self, step: Step, kind: type[_T]) -> Generator[Step, Reply, _T]:
        """Yield the step until it is answered."""
        while isinstance(reply := (yield step), Unanswered):
            self._note(reply.error)
        if not isinstance(reply, kind):
            raise OperationalError(f"Expected {kind.__name__} as the answer, found {reply!r}.")
        return reply

    def _note(self, error: BaseException) -> None:
        """Take note of a step without an answer; give up after too many."""
        self._may_be_there = self._may_be_there or not is_certain(error)
        self._unanswered += 1
        if self._unanswered >= self._attempts or not self._may_be_there:
            raise failure(error, may_be_there=self._may_be_there) from error
