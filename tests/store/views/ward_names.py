"""A view over many partitions: the name of each ward, one partition for each ward."""

from uuid import UUID

from eventsourcing.persistence import Tracking

from eventstore_cassandra import CassandraTrackingRecorder
from eventstore_cassandra.profiles import SCHEMA

_CREATE = "CREATE TABLE IF NOT EXISTS {keyspace}.ward_names (ward_id uuid PRIMARY KEY, name text)"
# The notification's id as the write timestamp: a row is never overwritten by an earlier event,
# however often and in whatever order events are processed again.
_NAME = "INSERT INTO {keyspace}.ward_names (ward_id, name) VALUES (?, ?) USING TIMESTAMP ?"
_SELECT = "SELECT name FROM {keyspace}.ward_names WHERE ward_id = ?"


class WardNames(CassandraTrackingRecorder):
    def create_table(self) -> None:
        self.datastore.execute(self.datastore.in_keyspace(_CREATE), SCHEMA)

    def set_name(self, ward_id: UUID, name: str, tracking: Tracking) -> None:
        values = [ward_id, name, tracking.notification_id]
        self.datastore.execute(self.datastore.prepare(_NAME).bind(values))
        self.insert_tracking(tracking)

    def name(self, ward_id: UUID) -> str | None:
        row = self.datastore.execute(self.datastore.prepare(_SELECT).bind([ward_id])).one()
        return row.name if row else None
