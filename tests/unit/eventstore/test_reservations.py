"""Appends that wait together are all answered, whatever becomes of their batch."""

from uuid import uuid4

import pytest
from eventsourcing.persistence import OperationalError, StoredEvent

from eventstore_cassandra.append import Append
from eventstore_cassandra.counters import Counters
from eventstore_cassandra.notification_log.buckets import Buckets
from eventstore_cassandra.notification_log.reservations import Reservations, _Ticket


class BrokenTable:
    """A table whose driver fails with something that is none of its own errors."""

    buckets = Buckets(10)

    def end(self, known: object) -> object:
        return known

    def reserve(self, *_batch: object) -> object:
        raise RuntimeError("cannot schedule new futures after shutdown")


def append() -> Append:
    return Append([StoredEvent(uuid4(), 1, "Happened", b"{}")])


def test_a_failure_that_nobody_expected_answers_all_who_waited() -> None:
    reservations = Reservations(BrokenTable(), Counters(), attempts=1)  # type: ignore[arg-type]
    other = _Ticket(append())
    reservations._waiting.append(other)
    with pytest.raises(RuntimeError, match="after shutdown"):
        reservations.reserve(append())
    assert isinstance(other.result, OperationalError)
    assert "It is not known" in str(other.result)
