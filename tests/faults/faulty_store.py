"""A recorder whose conditional batches get lost on their way or refused, and whose writers can be
held.

The faults are those of a network: a request that does not arrive, one that arrives late, an answer
that does not come back. The recorder under test gets an error of the driver in each case.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from threading import Thread, local
from time import sleep
from typing import Any

from cassandra import InvalidRequest, OperationTimedOut, WriteTimeout, WriteType
from cassandra.connection import ConnectionShutdown
from cassandra.protocol import ErrorMessage
from cassandra.query import BatchStatement, BoundStatement

from eventstore_cassandra import CassandraApplicationRecorder, CassandraDatastore, Settings
from eventstore_cassandra.append import Append, Bar, Reply, Step
from eventstore_cassandra.errors import DRIVER_ERRORS
from eventstore_cassandra.profiles import APPEND
from tests.faults.plan import Losses

TOO_LARGE = "too-large-"
"""How the first state of an append begins whose batch is always refused, as by the server."""
_LATEST = 0.5
"""Seconds by which a request may be late: more than the grace, and than the first retries."""


class FaultyDatastore(CassandraDatastore):
    """Loses conditional batches at random, at the rates of the losses."""

    def __init__(self, settings: Settings, losses: Losses, random: Random) -> None:
        super().__init__(settings)
        self._losses = losses
        self._random = random
        self._step = local()
        self._late: list[Thread] = []

    @contextmanager
    def deciding(self) -> Iterator[None]:
        """Let this thread's batches count as the decide step; all others are the reserve step."""
        self._step.is_decide = True
        try:
            yield
        finally:
            self._step.is_decide = False

    def execute(self, statement: Any, profile: str | None = None) -> Any:
        is_decide = getattr(self._step, "is_decide", False)
        rate = self._losses.at_decide if is_decide else self._losses.at_reserve
        if profile != APPEND or self._random.random() >= rate:
            return super().execute(statement, profile)
        fault = self._random.choice(("request", "late request", "answer"))
        if fault == "answer":
            super().execute(statement, profile)
        elif fault == "late request":
            self._send_late(statement)
        raise self._random.choice(
            (
                OperationTimedOut("no answer in time"),
                WriteTimeout("the replicas were slow", write_type=WriteType.CAS),
                ConnectionShutdown("the connection was closed"),
                ErrorMessage(0x1700, "CAS operation result is unknown", None),
            )
        )

    def close(self) -> None:
        for thread in self._late:
            thread.join()
        super().close()

    def _send_late(self, statement: Any) -> None:
        def send() -> None:
            sleep(self._random.uniform(0, _LATEST))
            try:
                CassandraDatastore.execute(self, statement, APPEND)
            except DRIVER_ERRORS as e:
                print(f"A late request failed: {e}", file=sys.stderr)

        thread = Thread(target=send)
        self._late.append(thread)
        thread.start()


class FaultyRecorder(CassandraApplicationRecorder):
    """Calls back before each decide step, that of an own append or that of a help.

    :param before_decide: may wait, so that its writer is held between the two steps, or raise.
    """

    def __init__(self, datastore: FaultyDatastore, before_decide: Callable[[Append], None]) -> None:
        super().__init__(datastore)
        self._faulty = datastore
        self._before_decide = before_decide

    def _decide(self, append: Append, *, is_intent: bool, first: Reply | None = None) -> None:
        self._before_decide(append)
        with self._faulty.deciding():
            super()._decide(append, is_intent=is_intent, first=first)

    def _begin(self, append: Append, deliver: Callable[[Reply | None], None]) -> None:
        """Leave the decision to the append's own thread, where it can be held and get lost."""
        deliver(None)

    def _request(
        self, step: Step | Bar, append: Append, reason: str
    ) -> BoundStatement | BatchStatement:
        if isinstance(step, Step) and append.events[0].state.startswith(TOO_LARGE.encode()):
            raise InvalidRequest("too large, as if the server had a lower limit now")
        return super()._request(step, append, reason)
