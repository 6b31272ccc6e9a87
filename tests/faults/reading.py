"""Readers of the log, each of which reports every event that it is given, in order."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from random import Random
from threading import Event

from eventsourcing.persistence import IntegrityError, Notification, PersistenceError

from eventstore_cassandra.append import Append
from tests.faults.faulty_store import FaultyDatastore, FaultyRecorder
from tests.faults.plan import Plan

_IDLE = 0.01
_LARGEST_PAGE = 20
"""Smaller than an append of several events at times, so that pages cut them in two."""


class Reader(ABC):
    """What readers have in common: where they are, and when they are done."""

    def __init__(
        self, plan: Plan, datastore: FaultyDatastore, tell: Callable[..., None], random: Random
    ) -> None:
        self.recorder = FaultyRecorder(datastore, self._before_help)
        self.position = plan.after
        self.goal: int | None = None
        self.random = random
        self._skips_pending = plan.skips_pending
        self._tell = tell

    @abstractmethod
    def run(self) -> None:
        """Read until the goal is reached."""

    def finish(self, position: int) -> None:
        """Read up to this position, the last one, and end."""
        self.goal = position

    @property
    def is_done(self) -> bool:
        """Whether the goal is known and reached."""
        return self.goal is not None and self.position >= self.goal

    def see(self, notifications: Sequence[Notification]) -> None:
        """Report what the recorder has returned."""
        if notifications:
            self.position = notifications[-1].id
            self._tell(
                "seen",
                *(
                    [n.id, str(n.originator_id), n.originator_version, n.state.decode()]
                    for n in notifications
                ),
            )

    def fail(self, error: PersistenceError) -> None:
        """Report an error, after which the reader goes on where it was."""
        self._tell("trouble", str(error))

    def _before_help(self, append: Append) -> None:
        self._tell("helping", str(append.aggregate_id), append.first_version)
        if self._skips_pending:
            raise IntegrityError("This reader is broken on purpose: it decides nothing.")


class Poller(Reader):
    """Asks for pages of any size."""

    def run(self) -> None:
        """Read until the goal is reached."""
        pause = Event()
        while not self.is_done:
            page = self.random.randint(1, _LARGEST_PAGE)
            before = self.position
            try:
                self.see(self.recorder.select_notifications(before, page, inclusive_of_start=False))
            except PersistenceError as e:
                self.fail(e)
            if self.position == before:
                pause.wait(_IDLE)


class Subscriber(Reader):
    """Waits at the end of the log."""

    def __init__(
        self, plan: Plan, datastore: FaultyDatastore, tell: Callable[..., None], random: Random
    ) -> None:
        super().__init__(plan, datastore, tell, random)
        self._subscription = self.recorder.subscribe(gt=plan.after)

    def run(self) -> None:
        """Read until the goal is reached."""
        while not self.is_done:
            try:
                self.see([next(self._subscription)])
            except StopIteration:
                break
            except PersistenceError as e:
                self.fail(e)
        self._subscription.stop()

    def finish(self, position: int) -> None:
        """Read up to this position, the last one, and end."""
        super().finish(position)
        if self.is_done:
            self._subscription.stop()
