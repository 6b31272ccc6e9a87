"""The network between processes and replicas: requests are lost, late, cut short, or sent twice."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from random import Random

from cassandra import InvalidRequest, OperationTimedOut
from cassandra.cluster import NoHostAvailable

from tests.simulation.connection import Request
from tests.simulation.replicas import REPLICAS, Route
from tests.simulation.schedule import Process, Schedule
from tests.simulation.statements import Rows

_READS_LOST = 0.03
_OUT_OF_REACH = 0.02
_REFUSED = 0.03
_ANSWERED = 0.72
_ANSWER_LOST = 0.82
_LATE = 0.90
_VANISH = 0.01
_CRASHES = 0.35
"""How often whoever waits for an answer that is lost is lost, too."""
_OTHER_AWAY = 0.06
"""How often another replica goes away, or comes back, before a request."""


@dataclass
class Network:
    """Carries requests, and draws the fate of each."""

    schedule: Schedule
    random: Random
    is_calm: bool = True
    """Whether every request is answered at once: before it all begins, and after it is over."""
    is_forgetful: bool = False
    """Whether announcements vanish now and then, as their time is over."""
    away: int | None = None
    """The replica that nobody reaches, if there is one. The two others are a quorum."""

    def __post_init__(self) -> None:
        self._late: list[Callable[[], object]] = []
        self.forget: Callable[[], None] = lambda: None
        """Has announcements vanish. They last longer than any request is under way."""
        self._alone: list[int] = []
        """The replica that a write reached last of those that reached one only: it goes away more
        often than others, since nothing else is as hard."""

    def send(self, request: Request, perform: Callable[[Route], Rows]) -> Rows:
        """Have a request carried out, and let others go on before it and after it."""
        if self.is_calm:
            return perform(self._route(reaches=3))
        process = self.schedule.process
        for _ in range(process.turns_for_a_request if process else 1):
            self.schedule.switch()
        if self.random.random() < _OTHER_AWAY:
            self.take_away()
        if self._late and self.random.random() < 0.1:
            self._late.pop(self.random.randrange(len(self._late)))()
        if self.is_forgetful and not self._late and self.random.random() < _VANISH:
            self.forget()
        fate = self.random.random()
        if request.is_write and process:
            return self._write(perform, fate, process)
        if fate < _READS_LOST and not (process and process.is_patient):
            raise OperationTimedOut("a read")
        answer = perform(self._route())
        self.schedule.switch()
        return answer

    def take_away(self) -> None:
        """Have another replica go away, or all of them be there."""
        self.away = self.random.choice([None, *REPLICAS, *self._alone * 6])

    def deliver_what_is_late(self) -> None:
        """Carry out whatever has not arrived yet."""
        while self._late:
            self._late.pop()()

    def _write(
        self,
        perform: Callable[[Route], Rows],
        fate: float,
        process: Process,
    ) -> Rows:
        if fate < _OUT_OF_REACH:
            raise NoHostAvailable("no node is in reach", {})
        if fate < _REFUSED:
            raise InvalidRequest("this is more than the server takes")
        if fate < _ANSWERED:
            answer = perform(self._route(reaches=self.random.choice([2, 3])))
            self.schedule.switch()
            return answer
        route = self._route(reaches=self.random.choice([0, 1, 1, 1, 2]))
        carry_out = partial(_unanswered, perform, route)
        if len(route.reaches) == 1:
            self._alone = list(route.reaches)
        if fate < _ANSWER_LOST:
            carry_out()
        elif fate < _LATE:
            self._late.append(carry_out)
        process.has_crashed = process.may_crash and self.random.random() < _CRASHES
        self.schedule.switch()
        raise OperationTimedOut("a conditional batch")

    def _route(self, *, reaches: int = 2) -> Route:
        near = [replica for replica in REPLICAS if replica != self.away]
        self.random.shuffle(near)
        return Route(near[:2], near[:reaches])


def _unanswered(perform: Callable[[Route], Rows], route: Route) -> None:
    with suppress(InvalidRequest):
        perform(route)
