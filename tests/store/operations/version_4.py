"""The log as it was at version 4 of the tables, and a writer of that time."""

import re
from collections.abc import Sequence
from importlib.resources import files
from uuid import UUID

from cassandra.query import BatchStatement

from eventstore_cassandra import CassandraAggregateRecorder, CassandraDatastore
from eventstore_cassandra.append import Append
from eventstore_cassandra.notification_log.buckets import Buckets
from eventstore_cassandra.notification_log.reserve_steps import Place, after
from eventstore_cassandra.profiles import APPEND, LOOK_READ
from eventstore_cassandra.schema import run_script, statements
from eventstore_cassandra.stream import to_text_or_bytes
from tests.store.operations.crafting import events

_ADVANCE = "UPDATE {keyspace}.notification_log SET head = ? WHERE bucket = ? IF head = ?"
_ROW = "INSERT INTO {keyspace}.notification_log (bucket, last, appends, events) VALUES (?, ?, ?, ?)"
_MARK = "UPDATE {keyspace}.notification_log SET committed = ? WHERE bucket = ? AND last = ?"
_HEAD = "SELECT head FROM {keyspace}.notification_log WHERE bucket = ? LIMIT 1"


def make_version_4(datastore: CassandraDatastore) -> None:
    """Make tables those of version 4. The log is made anew, without columns that came later.

    (Columns that were dropped and are added again do not show what has an earlier time.)
    """
    datastore.session.execute(
        f"DROP TABLE {datastore.settings.keyspace}.notification_log", timeout=60
    )
    schema = files("eventstore_cassandra").joinpath("schema.cql").read_text(encoding="utf-8")
    (log,) = [text for text in statements(schema) if ".notification_log (" in text]
    later = r"(?m)^ {4}(outcomes|announced|lobby|served) .*\n( {5}.*\n)*"
    run_script(datastore, re.sub(later, "", log))
    query = "UPDATE {keyspace}.schema_version SET version = 4 WHERE component = ? IF EXISTS"
    datastore.session.execute(datastore.prepare(query), ["event store"])


class WriterOfVersion4:
    """Appends an event at a time, by the statements of that version.

    :param recorder: decides.
    """

    def __init__(self, recorder: CassandraAggregateRecorder, buckets: Buckets) -> None:
        self._recorder = recorder
        self._datastore = recorder.datastore
        self._buckets = buckets
        self._place = Place(0, None, 1)
        self._marks: list[tuple[int, int]] = []
        self.refused = 0

    def append(self, aggregate: UUID, version: int) -> int:
        """Return the position."""
        append = Append(events(aggregate, version))
        while not self._reserve(append):
            self.refused += 1
            self._place = self._end()
        place = self._place
        self._recorder._decide(append, is_intent=True)
        self._marks.append((place.bucket, place.first))
        self._place = after(place, place.first, self._buckets)
        return place.first

    def _reserve(self, append: Append) -> bool:
        place, (event,) = self._place, append.events
        header = append.append_id, append.aggregate_id, append.first_version, 1
        stored = self._recorder.event_types.type_of(event.topic), *to_text_or_bytes(event.state)
        batch = BatchStatement()
        self._add(batch, _ADVANCE, [place.first, place.bucket, place.head])
        self._add(batch, _ROW, [place.bucket, place.first, [header], [stored]])
        for bucket, last in self._marks:
            if bucket == place.bucket:
                self._add(batch, _MARK, [[True], bucket, last])
        row = self._datastore.execute(batch, APPEND).one()
        if row["[applied]"]:
            self._marks.clear()
        return bool(row["[applied]"])

    def _end(self) -> Place:
        place = self._place
        statement = self._datastore.prepare(_HEAD)
        while True:
            row = self._datastore.execute(statement.bind([place.bucket]), LOOK_READ).one()
            if row is None or row["head"] is None:
                return place
            end = after(place, row["head"], self._buckets)
            if end.bucket == place.bucket:
                return end
            place = end

    def _add(self, batch: BatchStatement, query: str, values: Sequence[object]) -> None:
        batch.add(self._datastore.prepare(query), values)
