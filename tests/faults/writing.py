"""Writers: load an aggregate, append to what was read, and report what the recorder says."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from random import Random
from threading import Event, local
from uuid import UUID, uuid4

from eventsourcing.persistence import IntegrityError, PersistenceError, StoredEvent

from eventstore_cassandra.append import Append
from tests.faults.faulty_store import TOO_LARGE, FaultyDatastore, FaultyRecorder
from tests.faults.history import Told
from tests.faults.plan import Plan

TOPIC = "Happened"
_QUIET_LENGTH = 10
"""Events after which a thread takes another quiet aggregate, so that first events are many."""


class Writer:
    """The threads of one writing process.

    Each append is told twice, before and after: one that was told only before is one whose outcome
    nobody knows.
    """

    def __init__(
        self,
        plan: Plan,
        datastore: FaultyDatastore,
        tell: Callable[..., None],
        released: Event,
        has_enough: Event,
    ) -> None:
        self._plan = plan
        self._tell = tell
        self._released = released
        self._has_enough = has_enough
        self._recorder = FaultyRecorder(datastore, self._hold)
        self._append = local()

    def run(self) -> None:
        """Make all appends of all threads, or fewer if that is enough, and return."""
        with ThreadPoolExecutor(self._plan.threads) as threads:
            list(threads.map(self._run_thread, range(self._plan.threads)))

    def _run_thread(self, number: int) -> None:
        plan = self._plan
        random = Random(f"{plan.seed} {plan.name} {number}")
        quiet = UUID(plan.quiet[number]) if plan.quiet else uuid4()
        for index in range(plan.appends):
            if self._has_enough.is_set():
                break
            self._append.index = index
            is_hot = bool(plan.hot) and random.random() < plan.hot_share
            aggregate = UUID(random.choice(plan.hot)) if is_hot else quiet
            size = random.randint(1, plan.largest)
            token = f"{plan.name}-{number}-{index}"
            if random.random() < plan.too_large:
                token = TOO_LARGE + token
            version = self._load_and_append(aggregate, size, token)
            if not plan.quiet and not is_hot and version >= _QUIET_LENGTH:
                quiet = uuid4()

    def _load_and_append(self, aggregate: UUID, size: int, token: str) -> int:
        """Return the version at which the aggregate was found."""
        try:
            last = self._recorder.select_events(aggregate, desc=True, limit=1)
        except PersistenceError as e:
            self._tell("trouble", str(e))
            return 0
        version = last[0].originator_version if last else 0
        events = [
            StoredEvent(aggregate, version + 1 + n, TOPIC, f"{token}-{n}".encode())
            for n in range(size)
        ]
        self._tell("begin", token, str(aggregate), version + 1, [e.state.decode() for e in events])
        try:
            positions = self._recorder.insert_events(events)
        except IntegrityError as e:
            self._tell("end", token, Told.REFUSED.value, [], str(e))
        except PersistenceError as e:
            nothing = "Nothing was written." in str(e)
            told = Told.REFUSED if nothing else Told.UNKNOWN
            self._tell("end", token, told.value, [], str(e))
        else:
            self._tell("end", token, Told.ACKNOWLEDGED.value, list(positions or ()), "")
        return version

    def _hold(self, append: Append) -> None:
        held_from = self._plan.held_from
        if held_from is not None and self._append.index >= held_from:
            if not self._released.is_set():
                self._tell("held", str(append.aggregate_id), append.first_version)
            self._released.wait()
            self._tell("deciding")
