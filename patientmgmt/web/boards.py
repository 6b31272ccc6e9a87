"""The ward board as all readers of this process share it: looked up once, read when it has changed.

Whoever asks gets what was there at the last look, which is a second old at most. One of them
looks again, and the others go on meanwhile; while the look hangs, the board they get grows old, and
says so. A look costs one reading of the board's stamp; only another stamp costs a reading of rows.
As of when the board is current is asked before its stamp, and its stamp before its rows, so that
neither promises what the rows do not hold.

A reader who has changed something is shown no board whose reading began before the change could be
seen: rows that the change took away were gone by then, also those of a patient who was discharged.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from threading import Lock
from time import monotonic
from uuid import UUID

from patientmgmt.currency import Currency
from patientmgmt.queries import Queries
from read_models import ward_board
from read_models.ward_board import Ward

LOOK_SECONDS = 1.0
"""From one look to the next: open boards ask every two seconds, and a process looks once a second,
however many there are."""
READ_SECONDS = 30.0
"""From one reading of rows to the next at the latest: a worker that dies between its rows and their
stamp leaves rows that no stamp tells of."""
REMEMBERED = 4096
"""Changes that the board is known to have; a forgotten one costs a reading."""

Change = tuple[UUID, int]
"""A patient, and the version that a command has made."""


@dataclass(frozen=True)
class Board:
    """The board at one look."""

    wards: Sequence[Ward]
    html: str
    """The same as a page shows it to somebody who has changed nothing."""
    etag: str
    """Another one whenever something else is shown."""
    currency: Currency
    looked_at: float
    """When the look began, by the clock of :class:`Boards`."""


class Boards:
    """The latest board; everything may raise ``ReadModelsUnavailableError``.

    :param render: makes HTML of the wards; called in whichever request finds that they changed.
    """

    def __init__(
        self,
        queries: Queries,
        render: Callable[[Sequence[Ward]], str],
        *,
        look_seconds: float = LOOK_SECONDS,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._queries = queries
        self._render = render
        self._look_seconds = look_seconds
        self._clock = clock
        self._lock = Lock()
        self._board: Board | None = None
        self._stamp = ""
        self._read_at = 0.0
        self._has: dict[Change, None] = {}

    def latest(self) -> Board:
        """Return the board."""
        return self._as_of_now(self._latest())

    def _latest(self) -> Board:
        board = self._board
        if board is None:
            with self._lock:
                return self._board or self._look()
        if self._is_fresh(board) or not self._lock.acquire(blocking=False):
            return board
        try:
            board = self._board or board
            return board if self._is_fresh(board) else self._look()
        finally:
            self._lock.release()

    def having(self, change: Change) -> Board | None:
        """Return a board that has the change, or later ones of the patient; None while none has."""
        if change in self._has:
            return self.latest()
        patient_id, version = change
        if self._queries.board.version(patient_id) < version:
            return None
        shown_at = self._clock()
        with self._lock:
            board = self._board
            if board is None or self._read_at <= shown_at:
                board = self._look(read=True)
            self._has[change] = None
            if len(self._has) > REMEMBERED:
                del self._has[next(iter(self._has))]
            return self._as_of_now(board)

    def _is_fresh(self, board: Board) -> bool:
        return self._clock() < board.looked_at + self._look_seconds

    def _as_of_now(self, board: Board) -> Board:
        """Return the board as current as it is now: the time since the look counts too."""
        since = timedelta(seconds=self._clock() - board.looked_at)
        currency = replace(board.currency, asked_at=board.currency.asked_at + since)
        return replace(board, currency=currency)

    def _look(self, *, read: bool = False) -> Board:
        """Look again, and read the rows if need be; to be called with the lock held."""
        now = self._clock()
        currency = self._queries.currency.of(ward_board.MODEL.name)
        stamp = self._queries.board_stamp()
        board = self._board
        if board is None or read or stamp != self._stamp or now >= self._read_at + READ_SECONDS:
            wards = self._queries.board.wards()
            if board is None or wards != board.wards:
                html = self._render(wards)
                board = Board(wards, html, etag_of(html), currency, now)
            self._stamp, self._read_at = stamp, now
        self._board = board = replace(board, currency=currency, looked_at=now)
        return board


def etag_of(*parts: object) -> str:
    """Return what is another text whenever one of the parts is another."""
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:32]
