"""How much of the log one call reads, which is little where events are large."""

from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4

from eventsourcing.persistence import Notification

from eventstore_cassandra import CassandraApplicationRecorder
from eventstore_grpc.messages import MAX_PAGE_BYTES
from eventstore_grpc.protocol import storegrpc_pb2 as pb
from eventstore_grpc.server.portions import FIRST
from eventstore_grpc.server.store import Store

LARGE, SMALL = b"x" * (MAX_PAGE_BYTES // 2), b"{}"


class Recorder:
    """What the store needs of a recorder to read the log; it notes how many rows it was asked."""

    def __init__(self, states: list[bytes]) -> None:
        self.schema = SimpleNamespace(id_type=UUID)
        self.event_types = SimpleNamespace(type_of=lambda _: 2)
        self.read: list[int] = []
        self._log = [Notification(uuid4(), 1, "Moved", s, n) for n, s in enumerate(states, 1)]

    def select_notifications(
        self, start: int | None, limit: int, _stop: int | None, **_: Any
    ) -> list[Notification]:
        found = self._log[start or 0 :][:limit]
        self.read.append(len(found))
        return found


def read_all(recorder: Recorder) -> list[int]:
    """Read the log call by call, and return the positions."""
    store = Store(cast("CassandraApplicationRecorder", recorder))
    positions: list[int] = []
    while True:
        after = positions[-1] if positions else 0
        page = store.read_log(pb.ReadLogRequest(start=after, after_start=True, limit=1_000))
        positions += [event.position for event in page.events]
        if not page.more:
            return positions


def test_large_events_are_not_read_to_be_thrown_away() -> None:
    recorder = Recorder([LARGE] * 60)
    assert read_all(recorder) == [*range(1, 61)]
    assert recorder.read[0] == FIRST, "nothing is known of them yet"
    assert max(recorder.read[1:]) <= 4
    assert sum(recorder.read) <= FIRST + 4 * 60


def test_small_ones_behind_large_ones_are_read_in_large_portions_again() -> None:
    recorder = Recorder([LARGE] * 10 + [SMALL] * 2_000)
    assert read_all(recorder) == [*range(1, 2_011)]
    assert max(recorder.read) >= 500
