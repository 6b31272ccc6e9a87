"""Wards that take a snapshot of every third version, and what is done to their store."""

import logging
from typing import Any, ClassVar
from uuid import UUID

import pytest
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event

from eventstore_cassandra import CassandraDatastore

INTERVAL = 3


class Ward(Aggregate):
    def __init__(self, name: str) -> None:
        self.name = name
        self.beds = 0

    @event("BedsAdded")
    def add_beds(self, number: int) -> None:
        self.beds += number


class Wards(Application[UUID]):
    snapshotting_intervals: ClassVar[dict[type[Any], int]] = {Ward: INTERVAL}

    def load(self, ward_id: UUID) -> Ward:
        ward: Ward = self.repository.get(ward_id)
        return ward

    def add_beds(self, ward_id: UUID, *numbers: int) -> None:
        for number in numbers:
            ward = self.load(ward_id)
            ward.add_beds(number)
            self.save(ward)

    def snapshot_versions(self, ward_id: UUID) -> list[int]:
        assert self.snapshots
        return [snapshot.originator_version for snapshot in self.snapshots.get(ward_id)]


def cql(datastore: CassandraDatastore, query: str, *values: object) -> None:
    datastore.session.execute(datastore.prepare(query), values)


def restore(datastore: CassandraDatastore, aggregate: UUID, version: int) -> None:
    """Leave the events as a backup of when the aggregate was at this version has them."""
    cql(datastore, "DELETE FROM {keyspace}.events WHERE id = ? AND version > ?", aggregate, version)
    update = "UPDATE {keyspace}.events SET current_version = ? WHERE id = ?"
    cql(datastore, update, version, aggregate)


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        record.getMessage()
        for record in caplog.records
        if record.name == "eventstore_cassandra.snapshot_store"
        and record.levelno == logging.WARNING
    ]
