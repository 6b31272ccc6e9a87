"""Erases aggregates while others write to them and read of them."""

from collections.abc import Callable
from threading import Event
from uuid import UUID

from eventsourcing.persistence import PersistenceError

from eventstore_cassandra import CassandraAggregateRecorder
from eventstore_cassandra.operations import erase, finish
from eventstore_cassandra.operations.remains import Remains
from tests.faults.faulty_store import FaultyDatastore
from tests.faults.plan import Plan

_BEGUN = 3
"""Events that an aggregate has before it is erased."""
_PAUSE = 0.02


class Eraser:
    """Erases the plan's hot aggregates, one after the other, each until it is done."""

    def __init__(self, plan: Plan, datastore: FaultyDatastore, tell: Callable[..., None]) -> None:
        self._plan = plan
        self._datastore = datastore
        self._tell = tell
        self._recorder = CassandraAggregateRecorder(datastore)
        self._remains = Remains(datastore, self._recorder.event_types)

    def run(self) -> None:
        """Erase all of them, and return."""
        for name in self._plan.hot:
            while not self._has_erased(UUID(name)):
                Event().wait(_PAUSE)

    def _has_erased(self, aggregate: UUID) -> bool:
        try:
            if not (self._has_begun(aggregate) or self._remains.head(aggregate).erased):
                return False
            self._erase(aggregate)
        except PersistenceError as e:
            self._tell("trouble", str(e))
            return False
        return True

    def _has_begun(self, aggregate: UUID) -> bool:
        return bool(self._recorder.select_events(aggregate, gt=_BEGUN - 1, limit=1))

    def _erase(self, aggregate: UUID) -> None:
        self._tell("erasing", str(aggregate))
        while True:
            try:
                finish(erase(self._datastore, aggregate, write=True))
            except PersistenceError as e:
                self._tell("trouble", str(e))
            else:
                return
