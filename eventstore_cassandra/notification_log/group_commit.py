"""Appends that wait at the same time, in one process, and which of their threads leads.

One thread at a time leads: it works for all that wait, and calls the first of those that came
meanwhile to lead. So the rate of conditional batches on the one head bounds groups, not events.

An exception may come from outside at any point, in the thread that leads as well: an interrupt by
the keyboard, or what a handler of a signal raises. Others must not wait for ever then, nor be told
what is not so. Hence:

* Who leads holds a lock, which is given back whatever happens. Being called to lead, or told that
  there is a result, is for speed only: who waits looks for itself now and then.
* A ticket stays in the queue until it has a result, so that there is no moment at which it is
  nowhere. Before a group's batch is sent, the group is noted, in one assignment. Whoever leads next
  and finds it noted knows all that can be known: its batch may have been applied.
* What others wait for is made in C: a lock, a :class:`Signal`. What :mod:`threading` makes in
  Python may be left locked by an exception that comes in the midst of it.

Who leads also sends the first step of each append's decision, in the order of their positions: so
each of the others is woken up once only, by its reply. With many threads, that is what counts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock

from eventsourcing.persistence import PersistenceError

from eventstore_cassandra.append import UNKNOWN, Append
from eventstore_cassandra.append import Reply as Decided
from eventstore_cassandra.errors import UnknownOutcomeError
from eventstore_cassandra.notification_log.marks import Reserved
from eventstore_cassandra.notification_log.reserve_steps import CANNOT_WRITE
from eventstore_cassandra.notification_log.table import LogEntry
from eventstore_cassandra.waiting import Signal, Waiting

MAX_GROUP_EVENTS = 200
"""Intents in one batch. Enough that the batch's fixed cost does not count; more only delays."""
MAX_GROUP_BYTES = 1024 * 1024
"""State in one batch, unless a single append has more."""
_LONGEST = 60.0
"""Seconds that a reply may take. The driver gives one long before that."""
_PATIENCE = 1.0
"""Seconds after which who waits looks whether anybody leads. It is of use after interrupts only."""

Result = Reserved | PersistenceError
Deliver = Callable[[Decided | None], None]
"""Is called once: with the reply to an append's first step, or None if it could not be sent."""
Begin = Callable[[Append, Deliver], None]
"""Sends the first step of an append, and returns at once. It raises nothing."""


@dataclass(eq=False)
class Ticket:
    """An append that waits."""

    entry: LogEntry
    called: Signal
    """Is set when there is a result, or it is the ticket's turn to lead."""
    result: Result | None = None
    begun_at: float | None = None
    """When the leader has sent the first step of its decision, if it has."""
    is_delivered: bool = False
    reply: Decided | None = None
    """What the leader has got for that."""

    def deliver(self, reply: Decided | None) -> None:
        """Take the reply to what the leader has begun."""
        self.reply = reply
        self.is_delivered = True
        self.called.set()


class GroupCommit:
    """The queue of those that wait. Share it between threads.

    :param max_events: events in one group.
    :param lead: works for the group that :meth:`next_group` returns, and returns whom it has given
        a result by :meth:`answer`: nobody, if it has to be tried again.
    :param begin: begins to decide an append that has its positions.
    """

    def __init__(
        self,
        lead: Callable[[], Sequence[Ticket]],
        *,
        max_events: int,
        waiting: Waiting,
        begin: Begin | None = None,
    ) -> None:
        self._work = lead
        self._begin = begin
        self._waits = waiting
        self._max_events = min(MAX_GROUP_EVENTS, max_events)
        self._waiting: list[Ticket] = []
        self._lock = Lock()
        """Guards the queue above."""
        self._lead = Lock()
        """Is held by who leads, and guards what follows."""
        self._sent: Sequence[Ticket] = ()
        """The group whose batch may be applied, and whose results are not known yet."""

    def wait(self, entry: LogEntry) -> Reserved:
        """Wait until the append has its positions; lead when it is this thread's turn.

        :raises PersistenceError: if that is its result.
        """
        ticket = Ticket(entry, self._waits.signal())
        try:
            with self._lock:
                self._waiting.append(ticket)
            while ticket.result is None:
                if self._lead.locked():
                    ticket.called.wait(_PATIENCE)
                else:
                    self._lead_until_answered(ticket)
            self._await_reply(ticket)
        except BaseException:
            # Nobody need work for it any more, and it may have been its turn to lead.
            ticket.result = ticket.result or UnknownOutcomeError(f"Interrupted. {UNKNOWN}")
            self._call_next()
            raise
        if isinstance(ticket.result, PersistenceError):
            raise ticket.result
        ticket.result.reply = ticket.reply
        return ticket.result

    def _await_reply(self, ticket: Ticket) -> None:
        """Wait for the reply to what the leader has begun, but not for ever.

        Whoever goes on without it takes the step again, which does no harm.
        """
        while ticket.begun_at is not None and not ticket.is_delivered:
            if self._waits.now() > ticket.begun_at + _LONGEST:
                break
            ticket.called.wait(_PATIENCE)

    def next_group(self) -> list[Ticket]:
        """Return the first of those that wait, as many as one batch takes; all keep waiting."""
        group: list[Ticket] = []
        events = size = 0
        with self._lock:
            for ticket in self._waiting:
                if ticket.result is not None:
                    continue
                events += len(ticket.entry.events)
                size += sum(len(event.state) for event in ticket.entry.append.events)
                if group and (events > self._max_events or size > MAX_GROUP_BYTES):
                    break
                group.append(ticket)
        return group

    def note_sent(self, group: Sequence[Ticket]) -> None:
        """Note that the group's batch may be applied from now on; an empty group, that none is."""
        self._sent = group

    def answer(self, group: Sequence[Ticket], results: Sequence[Result]) -> Sequence[Ticket]:
        """Give each of the group its result, and return the group."""
        for ticket, result in zip(group, results, strict=True):
            ticket.result = result
        self._sent = ()
        return group

    def _lead_until_answered(self, ticket: Ticket) -> None:
        """Lead until the ticket has a result; call the next one, then the groups.

        In this order, the next batch is not sent behind the appends of the whole group.
        """
        with self._lead:
            answered = self._answer_interrupted()
            while ticket.result is None:
                answered += self._work()
        self._call_next()
        for each in answered:
            if self._begin and each is not ticket and isinstance(each.result, Reserved):
                self._begin(each.entry.append, each.deliver)
                each.begun_at = self._waits.now()
            else:
                each.called.set()

    def _call_next(self) -> None:
        with self._lock:
            self._waiting = [ticket for ticket in self._waiting if ticket.result is None]
            if self._waiting:
                self._waiting[0].called.set()

    def _answer_interrupted(self) -> list[Ticket]:
        """Answer, and return, those whose leader was interrupted after it had begun to send."""
        left = [ticket for ticket in self._sent if ticket.result is None]
        for ticket in left:
            ticket.result = UnknownOutcomeError(
                f"{CANNOT_WRITE}: the thread that wrote for several was interrupted. {UNKNOWN}"
            )
        self._sent = ()
        return left
