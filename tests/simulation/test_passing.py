"""Nobody is passed over: however far away a process is, others take its announced appends along."""

from collections.abc import Callable
from functools import partial
from random import Random
from uuid import UUID

import pytest
from eventsourcing.persistence import StoredEvent

from eventstore_cassandra.application_recorder import CassandraApplicationRecorder
from eventstore_cassandra.notification_log import lobby
from eventstore_cassandra.schema_version import write_version
from eventstore_cassandra.settings import Settings
from tests.simulation.connection import Connection, Request
from tests.simulation.mutants import UNFAIR_MUTANTS
from tests.simulation.passing import Passing
from tests.simulation.replicas import REPLICAS, Route
from tests.simulation.schedule import Process, Schedule
from tests.simulation.statements import Rows, Server
from tests.simulation.test_simulation import FIRST

PROCESSES = 6
APPENDS = 12
ROOM = 2
"""Events that a row takes: too few for all of them, each of which has one at a time."""
BOUND = 1 + (PROCESSES - 1) // ROOM
"""Reservations that pass over an announced append at the most: the one that was under way, and
those that older ones fill."""
WORLDS = 60


class Contest:
    """Processes that append all the time, and lose nothing; each request of one takes longer."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.schedule = Schedule(self.random)
        self.server = Server()
        self.passing = Passing()
        self.done: dict[str, int] = {}
        self.done_when_first_was_ready: dict[str, int] = {}
        write_version(self._connection())
        self._recorder().event_types.type_of("Happened")
        self.server.decided = self.passing.decided
        for n in range(PROCESSES):
            process = Process(f"process {n}", turns_for_a_request=1 if n else 3)
            recorder = self._recorder()
            self.passing.watch(recorder)
            self.schedule.spawn(process, partial(self._append, process.name, recorder))

    def run(self) -> None:
        """Let all of them append what they have to."""
        self.schedule.run()

    def _connection(self) -> Connection:
        return Connection(self.server, self._send, Settings(slow_append=1e9), self.schedule)

    def _recorder(self) -> CassandraApplicationRecorder:
        recorder = CassandraApplicationRecorder(self._connection())
        recorder._log._reservations._combining._process = self._new_id()
        return recorder

    def _new_id(self) -> UUID:
        return UUID(int=self.random.getrandbits(128), version=4)

    def _append(self, name: str, recorder: CassandraApplicationRecorder) -> None:
        self.done[name] = 0
        for _ in range(APPENDS):
            recorder.insert_events([StoredEvent(self._new_id(), 1, "Happened", b"{}")])
            self.done[name] += 1
        self.done_when_first_was_ready = self.done_when_first_was_ready or dict(self.done)

    def _send(self, _: Request, perform: Callable[[Route], Rows]) -> Rows:
        process = self.schedule.process
        for _turn in range(process.turns_for_a_request if process else 0):
            self.schedule.switch()
        rows = perform(Route(self.random.sample(REPLICAS, 2)))
        self.schedule.switch()
        return rows


@pytest.fixture(autouse=True)
def small_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have rows with little room."""
    monkeypatch.setattr(lobby, "MAX_GROUP_EVENTS", ROOM)


def most_passed_over(seed: int) -> int:
    contest = Contest(seed)
    contest.run()
    return contest.passing.most


def test_nobody_is_passed_over_but_for_those_who_were_before() -> None:
    most = [most_passed_over(seed) for seed in range(FIRST, FIRST + WORLDS)]
    print(f"SIMULATION_SEED={FIRST}", sorted(most))
    assert max(most) <= BOUND, f"SIMULATION_SEED={FIRST + most.index(max(most))}"


def test_who_is_three_times_as_far_away_gets_its_share() -> None:
    shares = []
    for seed in range(FIRST, FIRST + WORLDS):
        contest = Contest(seed)
        contest.run()
        shares.append(contest.done_when_first_was_ready["process 0"] / APPENDS)
    print(f"SIMULATION_SEED={FIRST}", sorted(shares))
    assert sum(shares) / WORLDS >= 0.5


@pytest.mark.parametrize("mutant", UNFAIR_MUTANTS)
def test_an_event_store_that_is_unfair_is_found_out(
    mutant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    UNFAIR_MUTANTS[mutant](monkeypatch)
    for seed in range(FIRST, FIRST + WORLDS):
        if most_passed_over(seed) > BOUND:
            return
    pytest.fail(f"nobody was passed over in {WORLDS} worlds from seed {FIRST}")
