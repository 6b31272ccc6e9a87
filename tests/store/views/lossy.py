"""A connection on which chosen requests or answers are lost."""

from collections.abc import Mapping
from typing import Any

from cassandra import OperationTimedOut

from eventstore_cassandra import CassandraDatastore, Settings
from eventstore_cassandra.profiles import APPEND, SERIAL_READ


class LossyDatastore(CassandraDatastore):
    """Loses the "request" or the "answer" of conditional writes, by their number from 1 up."""

    def __init__(self, settings: Settings, losses: Mapping[int, str]) -> None:
        super().__init__(settings)
        self.losses = losses
        self.writes = 0
        self.serial_reads = 0

    def execute(self, statement: Any, profile: str | None = None) -> Any:
        self.serial_reads += profile == SERIAL_READ
        if profile != APPEND:
            return super().execute(statement, profile)
        self.writes += 1
        loss = self.losses.get(self.writes)
        result = None if loss == "request" else super().execute(statement, profile)
        if loss:
            raise OperationTimedOut(f"the {loss} was lost")
        return result
