"""The system on a real Cassandra, where some conditional batches get no answer."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Literal

from cassandra import OperationTimedOut

from eventstore_cassandra import CassandraApplicationRecorder, CassandraDatastore, Settings
from eventstore_cassandra.profiles import APPEND
from patientmgmt.runtime import Runtime, open_runtime

Lost = Literal["request", "answer"]
RESERVATION = 1
"""Batches that pass when an append's place in the log is acknowledged, and nothing after it."""


class LosingDatastore(CassandraDatastore):
    """Loses the requests of conditional batches, or the answers to them, while it is told to."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._lost: Lost | None = None
        self._passing = 0

    @contextmanager
    def losing(self, lost: Lost, *, after: int = RESERVATION) -> Iterator[None]:
        """Lose all batches while the block runs, but for so many at first."""
        self._lost, self._passing = lost, after
        try:
            yield
        finally:
            self._lost = None

    def execute(self, statement: object, profile: str | None = None) -> object:
        if profile != APPEND or self._lost is None:
            return super().execute(statement, profile)
        if self._passing:
            self._passing -= 1
            return super().execute(statement, profile)
        if self._lost == "answer":
            super().execute(statement, profile)
        raise OperationTimedOut("no answer in time")


class LosingRecorder(CassandraApplicationRecorder):
    """A recorder on a connection of its own that loses batches."""

    datastore: LosingDatastore

    def __init__(self, datastore: CassandraDatastore) -> None:
        super().__init__(LosingDatastore(datastore.settings))


@contextmanager
def losing_runtime(env: Mapping[str, str]) -> Iterator[tuple[Runtime, LosingDatastore]]:
    """Open the system, with the connection of its recorder."""
    topic = f"{LosingRecorder.__module__}:{LosingRecorder.__qualname__}"
    with open_runtime({**env, "APPLICATION_RECORDER_TOPIC": topic}) as runtime:
        recorder = runtime.application.recorder
        assert isinstance(recorder, LosingRecorder)
        try:
            yield runtime, recorder.datastore
        finally:
            recorder.datastore.close()
