"""A view in one partition: how many events there were of each kind, counted exactly once."""

from eventsourcing.persistence import Tracking
from eventsourcing.tests.projection import EventCountersView

from eventstore_cassandra.views import CassandraViewRecorder

_COUNT = "SELECT number FROM {table} WHERE view_name = ? AND kind = ?"
_SET = "INSERT INTO {table} (view_name, kind, number) VALUES (?, ?, ?)"


class EventCounters(CassandraViewRecorder, EventCountersView):
    table = "event_counters"
    columns = "kind text, number int"
    key = "kind"

    def get_created_event_counter(self) -> int:
        return self._count("created")

    def get_subsequent_event_counter(self) -> int:
        return self._count("subsequent")

    def incr_created_event_counter(self, tracking: Tracking) -> None:
        self._increment("created", tracking)

    def incr_subsequent_event_counter(self, tracking: Tracking) -> None:
        self._increment("subsequent", tracking)

    def _count(self, kind: str) -> int:
        rows = self.select(_COUNT, [self.view_name, kind])
        return rows[0]["number"] if rows else 0

    def _increment(self, kind: str, tracking: Tracking) -> None:
        self.write(
            tracking,
            lambda: [self.statement(_SET, [self.view_name, kind, self._count(kind) + 1])],
        )
