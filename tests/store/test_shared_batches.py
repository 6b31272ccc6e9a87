"""Appends of several threads share a batch of the log, but not what is wrong with one of them."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from time import monotonic, sleep
from uuid import uuid4

import pytest
from cassandra import OperationTimedOut
from cassandra.query import BatchStatement
from eventsourcing.persistence import PersistenceError, StoredEvent

from eventstore_cassandra import CassandraApplicationRecorder, CassandraDatastore, Settings
from eventstore_cassandra.profiles import APPEND, SERIAL_READ


class WaitingDatastore(CassandraDatastore):
    """Holds the first conditional batch back; may lose what is asked of the type registry."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.holds_back = False
        self.is_held = Event()
        self.may_go = Event()
        self.registry_answers = True

    def execute(self, statement: object, profile: str | None = None) -> object:
        if self.holds_back and profile == APPEND and isinstance(statement, BatchStatement):
            self.holds_back = False
            self.is_held.set()
            assert self.may_go.wait(60)
        if not self.registry_answers and profile in (APPEND, SERIAL_READ):
            prepared = getattr(statement, "prepared_statement", None)
            if prepared is not None and "event_types" in prepared.query_string:
                raise OperationTimedOut("no answer in time")
        return super().execute(statement, profile)


@pytest.fixture
def waiting(settings: Settings) -> Iterator[WaitingDatastore]:
    datastore = WaitingDatastore(settings)
    yield datastore
    datastore.close()


def event(topic: str = "Happened", state: bytes = b"{}") -> StoredEvent:
    return StoredEvent(uuid4(), 1, topic, state)


@pytest.mark.parametrize(
    ("bad", "registry_answers"),
    [
        (event(state="text"), True),  # type: ignore[arg-type]
        (event(topic=None), True),  # type: ignore[arg-type]
        (event(topic=f"{uuid4()}\ud800"), True),
        (event(topic=["a list"]), True),  # type: ignore[arg-type]
        (event(topic=f"New-{uuid4()}"), False),
    ],
    ids=["text state", "no topic", "surrogate", "list", "registry does not answer"],
)
def test_an_append_that_cannot_be_encoded_fails_alone(
    waiting: WaitingDatastore, bad: StoredEvent, registry_answers: bool
) -> None:
    recorder = CassandraApplicationRecorder(waiting)
    recorder.insert_events([event()])
    reservations = recorder._log._reservations
    good = [event() for _ in range(5)]

    def waits(one: StoredEvent) -> bool:
        return any(
            one in ticket.entry.append.events for ticket in tuple(reservations._queue._waiting)
        )

    waiting.holds_back, waiting.registry_answers = True, registry_answers
    with ThreadPoolExecutor(7) as pool:
        first = pool.submit(recorder.insert_events, [event()])
        assert waiting.is_held.wait(60)
        refused = pool.submit(recorder.insert_events, [bad])
        wait_until(lambda: refused.done() or waits(bad))
        others = [pool.submit(recorder.insert_events, [other]) for other in good]
        wait_until(lambda: all(waits(other) for other in good))
        waiting.may_go.set()
        with pytest.raises(PersistenceError, match=r"Nothing was written\.$"):
            refused.result(timeout=60)
        positions = [future.result(timeout=60) for future in (first, *others)]
    assert len({position for (position,) in positions}) == 6  # type: ignore[misc]
    assert recorder.select_events(bad.originator_id) == []


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = monotonic() + 60
    while not condition():
        assert monotonic() < deadline, "it did not come to that within a minute"
        sleep(0.001)
