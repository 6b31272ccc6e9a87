"""What was mirrored against what the store has, in both directions.

Theory of operation
===================
*An append that was mirrored* may come before, while or after the store carries it out. The store is
asked for its place in the aggregate until the answer is final: the events are there, or others are,
so that the store has refused it. What is not there when patience ends is missing, if the aggregate
is still at the version that the append expects; if not, the store had to refuse it. Appends are
known by their contents: the same one tried again, with a name or without, is the same append.
While the store does not answer, patience does not end: who was refused meanwhile tries again later,
and what was begun is decided later. An append that is larger than stores take unless told otherwise
is not called missing: whether this one had to refuse it, nobody knows here. Of what is erased there
is nothing left to tell whether it was ever held.

*An event of the store's log* was mirrored if an append with it has come, or comes before patience
ends. Events before the start of the comparison are not looked at, and nor are erased ones, whose
contents nobody has any more.

Nothing here waits or calls anybody: whoever reads the store tells what it has found, and the time.

*Memory* is bounded, however long a store cannot be reached: appends that wait for a look take
``MOST_WAITING_BYTES`` at the most, and there are fingerprints of at most ``MOST_PRINTS`` events
that were mirrored and of at most ``MOST_LOGGED`` that were not yet. That is some 150 MB together.
What is dropped, is counted as not compared.
"""

import logging
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from eventstore_cassandra.erased import ERASED_TOPIC
from eventstore_grpc.protocol import storegrpc_pb2 as pb
from eventstore_grpc.sink import fingerprints
from eventstore_grpc.sink.seen import shown
from eventstore_grpc.sink.verdicts import Append, Verdict, append_of

logger = logging.getLogger(__name__)

PATIENCE = 10.0
"""Seconds that one side may be behind the other."""
FIRST_LOOK = 2.0
"""Seconds from an append to the first look at the store, and from that to the next; they double."""
MOST_WAITING_BYTES = 64 * 1024 * 1024
MOST_PRINTS = 300_000
MOST_LOGGED = 100_000
AT_ONCE = 500
"""Appends that are due at a time."""
MOST_TOLD = 10
"""Findings that are logged one by one, from one report to the next."""


@dataclass
class Waiting:
    """An append that is not judged yet."""

    append: Append
    since: float
    next_look: float
    wait: float = FIRST_LOOK


@dataclass(frozen=True)
class Logged:
    """An event of the log that was not mirrored yet."""

    position: int
    id: str
    version: int
    prints: tuple[bytes, bytes]
    since: float


@dataclass
class Findings:
    """How many of each there are so far."""

    held: int = 0
    refused: int = 0
    erased: int = 0
    missing: int = 0
    both: int = 0
    """Events of the log that were mirrored."""
    never_mirrored: int = 0
    not_compared: int = 0


class Comparison:
    """Both sides, as far as they are known. Times are in seconds, of any one clock."""

    def __init__(self, patience: float = PATIENCE) -> None:
        self.findings = Findings()
        self._patience = patience
        self._waiting: OrderedDict[tuple[bytes, ...], Waiting] = OrderedDict()
        self._cost = 0
        self._mirrored: OrderedDict[bytes, bool] = OrderedDict()
        """Fingerprints of events that were mirrored; false while the log may bring the event."""
        self._forgotten = 0
        """How many were dropped that the log may bring yet."""
        self._logged: OrderedDict[int, Logged] = OrderedDict()
        self._by_print: dict[bytes, int] = {}
        self._told = 0

    @property
    def appends_waiting(self) -> int:
        """How many appends are not judged yet."""
        return len(self._waiting)

    @property
    def events_waiting(self) -> int:
        """How many events of the log are not judged yet."""
        return len(self._logged)

    def mirrored(self, request: pb.UpdateRequest, now: float) -> None:
        """Note an append that has come."""
        append = append_of(request)
        if append is None:
            self.findings.refused += 1
            return
        for print_ in append.prints:
            self._remember(print_)
        key = append.prints
        if key in self._waiting:
            self._waiting[key].since = now  # tried again, and so the store may be late again
            return
        self._waiting[key] = Waiting(append, now, now + FIRST_LOOK)
        self._cost += append.cost
        while self._cost > MOST_WAITING_BYTES:
            self._take(next(iter(self._waiting)))
            self.findings.not_compared += 1

    def logged(self, event: pb.FindResponse.Event, now: float) -> None:
        """Note an event of the store's log."""
        if event.topic == ERASED_TOPIC:
            return
        prints = fingerprints.of_stored(event)
        for print_ in prints:
            if print_ in self._mirrored:
                self._mirrored[print_] = True
                self.findings.both += 1
                return
        logged = Logged(event.position, shown(event.id), event.version, prints, now)
        self._logged[event.position] = logged
        self._by_print |= dict.fromkeys(prints, event.position)
        if len(self._logged) > MOST_LOGGED:
            self._take_logged(next(iter(self._logged)))
            self.findings.not_compared += 1

    def due(self, now: float) -> Sequence[Waiting]:
        """Return some of the appends whose place in the store is to be looked at."""
        found = (waiting for waiting in self._waiting.values() if waiting.next_look <= now)
        return list(islice(found, AT_ONCE))

    def store_is_back(self, now: float) -> None:
        """Begin the patience with all appends anew: the store was away, and may be late."""
        for waiting in self._waiting.values():
            waiting.since = now

    def judge(self, waiting: Waiting, verdict: Verdict, now: float) -> None:
        """Note what a look at the store has said of an append."""
        key = waiting.append.prints
        if key not in self._waiting:
            return
        waiting.next_look, waiting.wait = now + waiting.wait, 2 * waiting.wait
        is_final = verdict in (Verdict.HELD, Verdict.REFUSED, Verdict.ERASED)
        if not is_final and now < waiting.since + self._patience:
            waiting.next_look = min(waiting.next_look, waiting.since + self._patience)
            return
        self._take(key)
        match verdict:
            case Verdict.HELD:
                self.findings.held += 1
            case Verdict.REFUSED | Verdict.BELOW:
                self.findings.refused += 1
                self._mirrored |= dict.fromkeys(key, True)  # the log will not have them
            case Verdict.ERASED:
                self.findings.erased += 1
                self._mirrored |= dict.fromkeys(key, True)
            case Verdict.ABSENT if waiting.append.may_be_too_large:
                self.findings.not_compared += 1
            case Verdict.ABSENT:
                self.findings.missing += 1
                append = waiting.append
                self._tell(
                    f"The store does not have what was mirrored: {shown(append.id)}, versions "
                    f"{append.first} to {append.last}."
                )

    def give_up_events(self, now: float) -> None:
        """Judge the events of the log for which patience has ended."""
        while self._logged:
            position, logged = next(iter(self._logged.items()))
            if now < logged.since + self._patience:
                return
            self._take_logged(position)
            if self._forgotten:
                self._forgotten -= 1  # it may have been one of these
                self.findings.not_compared += 1
                continue
            self.findings.never_mirrored += 1
            self._tell(
                f"What the store has at position {position} was never mirrored: {logged.id}, "
                f"version {logged.version}."
            )

    def give_up_all(self) -> None:
        """Count everything as not compared that is not judged yet."""
        self.findings.not_compared += self.appends_waiting + self.events_waiting
        self._waiting.clear()
        self._logged.clear()
        self._by_print.clear()

    def begin_report(self) -> None:
        """Let findings be logged one by one again."""
        self._told = 0

    def _remember(self, print_: bytes) -> None:
        position = self._by_print.get(print_)
        if position is not None:
            self._take_logged(position)
            self.findings.both += 1
        self._mirrored[print_] = self._mirrored.get(print_, False) or position is not None
        if len(self._mirrored) > MOST_PRINTS:
            _, was_logged = self._mirrored.popitem(last=False)
            self._forgotten += not was_logged

    def _take(self, key: tuple[bytes, ...]) -> None:
        self._cost -= self._waiting.pop(key).append.cost

    def _take_logged(self, position: int) -> None:
        for print_ in self._logged.pop(position).prints:
            self._by_print.pop(print_, None)

    def _tell(self, sentence: str) -> None:
        self._told += 1
        if self._told <= MOST_TOLD:
            logger.warning("%s", sentence)
        if self._told == MOST_TOLD:
            logger.warning("Further ones are counted, and not told before the next report.")
