"""Counting on Cassandra while answers are lost: what was done is not done twice."""

from collections import Counter
from random import Random
from typing import Any
from uuid import uuid4

import pytest
from cassandra import OperationTimedOut
from cassandra.query import BatchStatement

from eventstore_cassandra import CassandraDatastore
from projections.cassandra import CassandraDatabase
from projections.database import Generation
from projections.errors import ReadModelsUnavailableError
from tests.store.projections.looking import notes_of
from tests.unit.projections.notes import NOTES, change_to, on_shelves


class LossySession:
    """Loses the answer to some conditional batches, or the batch itself."""

    def __init__(self, session: Any, chance: Random) -> None:
        self._session = session
        self._chance = chance
        self.lost = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def execute(self, statement: Any, *args: Any, **kwargs: Any) -> Any:
        self._lose(statement)
        return self._session.execute(statement, *args, **kwargs)

    def execute_async(self, statement: Any, *args: Any, **kwargs: Any) -> Any:
        self._lose(statement)
        return self._session.execute_async(statement, *args, **kwargs)

    def _lose(self, statement: Any) -> None:
        is_conditional = isinstance(statement, BatchStatement) and not statement.is_idempotent
        if is_conditional and self._chance.random() < 0.3:
            self.lost += 1
            if self._chance.random() < 0.7:
                self._session.execute_async(statement)  # to wait here would stop the driver
            raise OperationTimedOut("no answer in time")


@pytest.mark.parametrize("seed", range(2))
def test_counts_with_lost_answers_end_in_who_counts(
    read_model_datastore: CassandraDatastore, cassandra_database: CassandraDatabase, seed: int
) -> None:
    chance = Random(seed)
    session: Any = LossySession(read_model_datastore.session, chance)
    lossy = CassandraDatabase(session, read_model_datastore.settings.keyspace)
    tables = lossy.open(Generation(NOTES, 1))
    many = [on_shelves(uuid4(), *chance.choices(["A", "B", None], k=4)) for _ in range(6)]
    for version in range(1, 5):
        changes = [change_to(states, version, since=version - 1) for states in many]
        done = False
        while not done:
            try:
                tables.carry_out(changes)
                done = True
            except ReadModelsUnavailableError:
                continue
    assert session.lost > 0
    expected = Counter(name for states in many for name in NOTES.counted(states[-1]))
    counts = notes_of(cassandra_database).counts()
    assert {name: n for name, n in counts.items() if n} == expected, f"seed {seed}"
