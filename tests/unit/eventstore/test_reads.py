"""When a read is asked for again, and how its pages follow on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest
from cassandra import InvalidRequest, OperationTimedOut, ProtocolVersion, ReadTimeout, Unauthorized
from cassandra.cluster import NoHostAvailable
from cassandra.query import PreparedStatement, SimpleStatement

from eventstore_cassandra import reads
from eventstore_cassandra.reads import Rows, ask, is_read


@pytest.fixture(autouse=True)
def paused(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made, in no time."""
    pauses: list[float] = []
    monkeypatch.setattr(reads, "sleep", pauses.append)
    return pauses


def answering(*answers: object) -> Callable[[], object]:
    """Return a request that has these answers in turn; errors are raised."""
    waiting = iter(answers)

    def request() -> object:
        answer = next(waiting)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    return request


@pytest.mark.parametrize(
    "error", [OperationTimedOut("late"), ReadTimeout("late"), NoHostAvailable("nobody", {})]
)
def test_a_read_that_is_not_answered_is_asked_for_again_after_a_pause(
    error: Exception, paused: list[float]
) -> None:
    assert ask(answering(error, error, "rows"), attempts=3) == "rows"
    assert paused == [0.1, 0.2]


def test_a_read_that_stays_unanswered_is_an_error_after_so_many_tries() -> None:
    late = OperationTimedOut("late")
    with pytest.raises(OperationTimedOut):
        ask(answering(late, late, late, "rows"), attempts=3)
    with pytest.raises(OperationTimedOut):
        ask(answering(late, "rows"), attempts=1)


@pytest.mark.parametrize("error", [InvalidRequest("no table"), Unauthorized("no right")])
def test_a_refusal_is_an_answer(error: Exception) -> None:
    with pytest.raises(type(error)):
        ask(answering(error, "rows"), attempts=3)


@dataclass
class Page:
    current_rows: Sequence[int]
    paging_state: bytes | None = None

    @property
    def has_more_pages(self) -> bool:
        return self.paging_state is not None

    def one(self) -> int | None:
        return self.current_rows[0] if self.current_rows else None


def test_a_page_that_is_not_answered_is_asked_for_again_where_it_begins() -> None:
    pages = {None: Page([1, 2], b"a"), b"a": Page([], b"b"), b"b": Page([3])}
    asked: list[bytes | None] = []

    def request(paging_state: bytes | None) -> Page:
        asked.append(paging_state)
        if len(asked) % 2:
            raise OperationTimedOut("late")
        return pages[paging_state]

    rows = Rows(request, attempts=2)
    assert rows.one() == 1
    assert list(rows) == [1, 2, 3]
    assert asked == [None, None, b"a", b"a", b"b", b"b"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT head FROM log", True),
        ("\n select head FROM log", True),
        ("UPDATE log SET head = ? WHERE bucket = ? IF head = ?", False),
        ("INSERT INTO log (bucket) VALUES (?)", False),
    ],
)
def test_only_a_select_is_a_read(query: str, expected: bool) -> None:
    assert is_read(query) is expected
    assert is_read(SimpleStatement(query)) is expected
    prepared = PreparedStatement([], b"", [], query, None, ProtocolVersion.V5, None, b"")
    assert is_read(prepared.bind([])) is expected
