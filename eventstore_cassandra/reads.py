"""Reads: asked again when no answer comes, page by page, within a bounded time.

A read changes nothing, so that asking again is always safe, and mostly helps: a node that hangs
comes last at the next try (``balancing.py``), and one that was away for a moment is back. A write
is not repeated here, since an unanswered one may have been carried out: its own protocol knows how
to find that out.
"""

from collections.abc import Callable, Iterator
from time import sleep
from typing import Any, TypeVar

from eventstore_cassandra.errors import DRIVER_ERRORS, is_refusal

T = TypeVar("T")

_FIRST_PAUSE = 0.1


def is_read(statement: Any) -> bool:
    """Tell whether a statement, of the driver's or in words, changes nothing."""
    prepared = getattr(statement, "prepared_statement", statement)
    query = getattr(prepared, "query_string", prepared)
    return isinstance(query, str) and query.lstrip()[:6].upper() == "SELECT"


def ask(request: Callable[[], T], *, attempts: int) -> T:
    """Return the answer to a request that may be repeated.

    An error that is no answer is passed on after so many tries, one that is, at once.
    """
    for number in range(attempts - 1):
        try:
            return request()
        except DRIVER_ERRORS as e:
            if is_refusal(e):
                raise
        sleep(_FIRST_PAUSE * 2**number)
    return request()


class Rows:
    """The rows of a read, of which the first page is there. Iterate over them once.

    :param request: asks for the page that a paging state leads to.
    """

    def __init__(self, request: Callable[[bytes | None], Any], *, attempts: int) -> None:
        self._request = request
        self._attempts = attempts
        self._page = self._ask(None)

    def one(self) -> Any:
        """Return the first row of the page, None where there is none."""
        return self._page.one()

    def __iter__(self) -> Iterator[Any]:
        """Yield all rows; the driver's errors pass through."""
        while True:
            yield from self._page.current_rows
            if not self._page.has_more_pages:
                return
            self._page = self._ask(self._page.paging_state)

    def _ask(self, paging_state: bytes | None) -> Any:
        return ask(lambda: self._request(paging_state), attempts=self._attempts)
