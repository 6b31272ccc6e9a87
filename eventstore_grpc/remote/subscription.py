"""A subscription over gRPC: goes on where it was when the server comes back."""

import logging
from collections import deque
from collections.abc import Sequence
from threading import Event, Lock
from typing import TYPE_CHECKING

import grpc
from eventsourcing.persistence import ApplicationRecorder, Notification, Subscription

from eventstore_cassandra.errors import StoreUnreachableError
from eventstore_grpc.messages import to_notification
from eventstore_grpc.protocol import methods
from eventstore_grpc.protocol import storegrpc_pb2 as pb
from eventstore_grpc.remote.connection import Connection, Responses
from eventstore_grpc.statuses import error_of

if TYPE_CHECKING:
    from eventstore_grpc.remote.application_recorder import RemoteRecorder

logger = logging.getLogger(__name__)

SHORTEST_WAIT, LONGEST_WAIT = 0.1, 5.0
"""Seconds between two attempts to reach the server; they double."""


class RemoteSubscription(Subscription[ApplicationRecorder]):
    """Reads in the thread that iterates; :meth:`stop` may be called from any other.

    While the server cannot be reached, ``next()`` waits, and says so in the log. What waiting does
    not cure comes out of it.
    """

    def __init__(
        self,
        recorder: "RemoteRecorder",
        connection: Connection,
        gt: int | None = None,
        topics: Sequence[str] = (),
    ) -> None:
        super().__init__(recorder, gt, topics)
        self._connection = connection
        self._position = gt or 0
        self._found: deque[Notification] = deque()
        self._stopped = Event()
        self._lock = Lock()
        self._call: Responses[pb.LogPage] | None = None

    def stop(self) -> None:
        """End the iteration, also one that waits; stopping again does nothing."""
        super().stop()
        self._stopped.set()
        with self._lock:
            if self._call is not None:
                self._call.cancel()

    def __next__(self) -> Notification:
        """Return the next notification; wait for it at the end of the log.

        :raises ProgrammingError: when the server refuses.
        :raises OperationalError: when the log is damaged.
        """
        wait = SHORTEST_WAIT
        while not self._has_been_stopped:
            if self._found:
                return self._found.popleft()
            try:
                self._receive()
            except grpc.RpcError as e:
                self._call = None
                if self._stopped.is_set():
                    break
                error = error_of(e, "Cannot follow the notification log")
                if not isinstance(error, StoreUnreachableError):
                    raise error from e
                logger.warning("%s It is tried again behind position %d.", error, self._position)
                self._stopped.wait(wait)
                wait = min(2 * wait, LONGEST_WAIT)
        raise StopIteration

    def _receive(self) -> None:
        """Receive a page."""
        if self._call is None:
            request = pb.SubscribeRequest(after=self._position, topics=self._topics)
            with self._lock:
                if self._stopped.is_set():
                    return
                self._call = self._connection.stream(methods.SUBSCRIBE, request, forever=True)
        page = next(self._call, None)
        if page is None:  # the server has ended it without a word
            self._call = None
        elif page.events:
            id_of = self._connection.settings.id_of
            self._found.extend(to_notification(event, id_of(event.id)) for event in page.events)
            self._position = self._found[-1].id
