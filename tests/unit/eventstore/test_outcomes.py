"""A memory of outcomes, of limited size."""

from uuid import uuid4

from eventstore_cassandra.notification_log.intents import Outcome
from eventstore_cassandra.notification_log.outcomes import Outcomes


def test_what_was_learnt_is_known_and_nothing_else() -> None:
    outcomes, first, second = Outcomes(), uuid4(), uuid4()
    outcomes.learn(first, Outcome.ABORTED)
    outcomes.learn(second, Outcome.COMMITTED)
    assert outcomes.get(first) is Outcome.ABORTED
    assert outcomes.get(second) is Outcome.COMMITTED
    assert outcomes.get(uuid4()) is None


def test_what_was_learnt_first_is_forgotten_first() -> None:
    outcomes, names = Outcomes(remembered=2), [uuid4() for _ in range(3)]
    for name in names[:2]:
        outcomes.learn(name, Outcome.COMMITTED)
    assert all(map(outcomes.get, names[:2]))
    outcomes.learn(names[2], Outcome.COMMITTED)
    assert [outcomes.get(name) for name in names] == [None, Outcome.COMMITTED, Outcome.COMMITTED]
