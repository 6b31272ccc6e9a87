"""Requests that a busy connection did not send: they are sent once there is room.

The driver has one connection to each node. While its socket takes no more, as behind one thread's
large appends, or all its numbers for requests are in use, it refuses further ones at once. Nothing
of them was sent, so that sending them later is safe for a write, too; and one user's large request
does not fail another's small one. That is so for whatever the datastore itself sends; requests of
a session that was taken from it fail as the driver has it.
"""

from collections.abc import Callable
from time import monotonic, sleep
from typing import TypeVar

from cassandra.cluster import NoHostAvailable
from cassandra.connection import ConnectionBusy
from cassandra.pool import NoConnectionsAvailable

from eventstore_cassandra.waiting import pauses

T = TypeVar("T")


def when_there_is_room(request: Callable[[], T], *, within: float) -> T:
    """Return what the request returns, which is made again while connections are busy.

    :param within: seconds after which the driver's error is passed on.
    """
    until = monotonic() + within
    pause = pauses()
    while True:
        try:
            return request()
        except NoHostAvailable as e:
            if not _is_busy(e) or monotonic() >= until:
                raise
        sleep(next(pause))


def _is_busy(error: NoHostAvailable) -> bool:
    """Tell whether a node would have been asked, had its connection had room."""
    reasons = error.errors.values() if isinstance(error.errors, dict) else ()
    return any(isinstance(each, ConnectionBusy | NoConnectionsAvailable) for each in reasons)
