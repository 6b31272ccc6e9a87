"""Which requests are made again because the connection had no room for them."""

from collections.abc import Iterator

import pytest
from cassandra import OperationTimedOut
from cassandra.cluster import NoHostAvailable
from cassandra.connection import ConnectionBusy, ConnectionException
from cassandra.pool import NoConnectionsAvailable

from eventstore_cassandra import busy_connections
from eventstore_cassandra.busy_connections import when_there_is_room

OVERLOADED = NoHostAvailable("nobody", {"node1": ConnectionBusy("overloaded")})
NO_NUMBERS = NoHostAvailable("nobody", {"node1": NoConnectionsAvailable("all are in use")})
ONE_IS_BUSY = NoHostAvailable(
    "nobody", {"node1": ConnectionException("down"), "node2": ConnectionBusy("overloaded")}
)


@pytest.fixture(autouse=True)
def time(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made, in no time; they are what passes of it."""
    pauses: list[float] = []
    monkeypatch.setattr(busy_connections, "sleep", pauses.append)
    monkeypatch.setattr(busy_connections, "monotonic", lambda: 100 + sum(pauses))
    return pauses


class Answers:
    def __init__(self, *answers: object) -> None:
        self._left: Iterator[object] = iter(answers)
        self.asked = 0

    def __call__(self) -> object:
        self.asked += 1
        answer = next(self._left)
        if isinstance(answer, BaseException):
            raise answer
        return answer


@pytest.mark.parametrize("busy", [OVERLOADED, NO_NUMBERS, ONE_IS_BUSY])
def test_what_was_not_sent_is_sent_once_there_is_room(busy: Exception, time: list[float]) -> None:
    assert when_there_is_room(Answers(busy, busy, "rows"), within=5) == "rows"
    assert time == [0.02, 0.04]


def test_it_is_given_up_after_so_long(time: list[float]) -> None:
    request = Answers(*[OVERLOADED] * 100)
    with pytest.raises(NoHostAvailable):
        when_there_is_room(request, within=1)
    assert 1 <= sum(time) < 2
    assert request.asked == len(time) + 1


@pytest.mark.parametrize(
    "error",
    [
        NoHostAvailable("nobody", {"node1": ConnectionException("down")}),
        NoHostAvailable("nobody", {}),
        NoHostAvailable("nobody", ["node1"]),
        OperationTimedOut("late"),
    ],
)
def test_any_other_error_is_passed_on_at_once(error: Exception, time: list[float]) -> None:
    request = Answers(error, "rows")
    with pytest.raises(type(error)):
        when_there_is_room(request, within=5)
    assert (request.asked, time) == (1, [])
