"""A bounded load on a store server: stays of made-up patients, and how long each call took.

A stay is what the command handlers make of it: an admission, a transfer and a discharge, the last
two after a look at what there is. So it is three calls of Update and two of FindByID. What a look
finds is compared with what was appended.
"""

import json
import time
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from itertools import count
from threading import Event, Lock
from typing import Any
from uuid import uuid4

import grpc

from eventstore_grpc import ClientSettings
from eventstore_grpc.protocol import methods
from eventstore_grpc.protocol import storegrpc_pb2 as pb
from eventstore_grpc.protocol.methods import Method
from eventstore_grpc.remote.connection import Connection

IN_FLIGHT = 8
"""Calls at a time: some hundred a second, of which a small server is not yet full."""
GRACE = 5.0
"""Seconds for calls under way, once the load is to end before its time."""
_NEWS = 0.1
"""Seconds from one report of progress to the next."""


@dataclass
class Measured:
    """What came of the calls."""

    seconds: dict[str, "array[float]"] = field(
        default_factory=lambda: {m.name: array("d") for m in (methods.UPDATE, methods.FIND_BY_ID)}
    )
    """How long each call took that succeeded, by method."""
    errors: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Calls that failed, by method and status code."""
    wrong: int = 0
    """Looks that found something else than was appended."""
    stays: int = 0
    """Patients who were admitted, moved and sent home."""
    took: float = 0.0
    """Seconds, of all of it."""

    @property
    def is_good(self) -> bool:
        """Whether each call has done what it should."""
        return not self.errors and not self.wrong


def percentiles(values: Sequence[float], percents: Sequence[int]) -> Sequence[float]:
    """Return for each percentage the lowest value that so many of them are not above.

    :raises IndexError: when there are no values.
    """
    in_order = sorted(values)
    return [in_order[max(-(-len(in_order) * each // 100), 1) - 1] for each in percents]


class Load:
    """A load of so many patients, or for so many seconds, whichever ends first."""

    def __init__(
        self,
        settings: ClientSettings,
        *,
        patients: int | None,
        seconds: float | None,
        in_flight: int = IN_FLIGHT,
    ) -> None:
        if patients is None and seconds is None:
            raise ValueError("Expected a bound, of patients or of seconds, found none.")
        self.measured = Measured()
        self._settings = settings
        self._seconds = seconds
        self._in_flight = in_flight if patients is None else min(in_flight, patients)
        self._numbers: Iterator[int] = iter(count() if patients is None else range(patients))
        self._done = 0
        self._lock = Lock()
        self._ends = Event()
        self._is_cut = False

    def run(self, tell: Callable[[int, float], None]) -> None:
        """Send it; :attr:`measured` has what came of it, also after an interruption.

        :param tell: is told now and then how many patients are done with, and after how many
            seconds.
        """
        began = time.monotonic()
        with (
            closing(Connection(self._settings)) as connection,
            ThreadPoolExecutor(self._in_flight, "load") as pool,
        ):
            lanes = [pool.submit(self._send, connection) for _ in range(self._in_flight)]
            try:
                while not all(lane.done() for lane in lanes):
                    passed = time.monotonic() - began
                    if self._seconds is not None and passed >= self._seconds:
                        self._ends.set()
                    tell(self._done, passed)
                    time.sleep(_NEWS)
            except BaseException:
                self._cut(connection, lambda: all(lane.done() for lane in lanes))
                raise
            finally:
                self.measured.took = time.monotonic() - began
            tell(self._done, time.monotonic() - began)
        for lane in lanes:
            lane.result()

    def _cut(self, connection: Connection, have_ended: Callable[[], bool]) -> None:
        self._ends.set()
        deadline = time.monotonic() + GRACE
        while not have_ended() and time.monotonic() < deadline:
            time.sleep(_NEWS / 10)
        self._is_cut = True
        connection.close()

    def _send(self, connection: Connection) -> None:
        while not self._ends.is_set():
            with self._lock:
                number = next(self._numbers, None)
            if number is None:
                return
            is_whole = self._stay(connection, number)
            with self._lock:
                self._done += 1
                self.measured.stays += is_whole

    def _stay(self, connection: Connection, number: int) -> bool:
        """Send one patient's stay, as far as it goes well; return whether it is whole."""
        id_ = str(uuid4())
        ward = f"Load {number % 10}"
        steps: list[tuple[str, dict[str, Any]]] = [
            ("PatientAdmitted", {"name": f"Load {number}", "ward": ward, "age": number % 100}),
            ("PatientTransferred", {"new_ward": f"{ward}, window"}),
            ("PatientDischarged", {}),
        ]
        for version, (topic, values) in enumerate(steps):
            if self._ends.is_set():
                return False
            if version and not self._look(connection, id_, version):
                return False
            event = pb.UpdateRequest.Event(
                topic=topic, payload=json.dumps({"id": id_, **values}, separators=(",", ":"))
            )
            update = pb.UpdateRequest(id=id_, version=version, events=[event], name=uuid4().hex)
            if self._call(connection, methods.UPDATE, update) is None:
                return False
        return True

    def _look(self, connection: Connection, id_: str, version: int) -> bool:
        found = self._call(connection, methods.FIND_BY_ID, pb.FindByIDRequest(id=id_))
        if found is None:
            return False
        is_right = [event.version for event in found.events] == [*range(1, version + 1)]
        if not is_right:
            with self._lock:
                self.measured.wrong += 1
        return is_right

    def _call(self, connection: Connection, method: Method[Any, Any], request: Any) -> Any:
        """Return the response; None when the call has failed, which is counted."""
        began = time.perf_counter()
        try:
            response = connection.call(method, request)
        except (grpc.RpcError, grpc.FutureCancelledError, ValueError) as e:
            if self._is_cut:  # by the end of the connection, and no fault of the server's
                return None
            if isinstance(e, ValueError):
                raise
            call: Any = e
            name = call.code().name if isinstance(e, grpc.RpcError) else "CANCELLED"
            with self._lock:
                self.measured.errors[method.name, name] += 1
            return None
        took = time.perf_counter() - began
        with self._lock:
            self.measured.seconds[method.name].append(took)
        return response
